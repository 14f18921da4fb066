"""For all tests: the count of golden vectors (tests/vector_count.py); no deadlines, as machines may be busy."""

from __future__ import annotations

import pytest
from hypothesis import settings

from tests import vector_count

settings.register_profile("cyfs", deadline=None)
settings.load_profile("cyfs")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    vector_count.begin(item.user_properties)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in vector_count.summary(report.user_properties for report in terminalreporter.getreports("passed")):
        terminalreporter.write_line(line)
