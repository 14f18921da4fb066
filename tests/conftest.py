"""For all tests: the count of golden vectors (tests/vector_count.py); no deadlines; an S3 server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests import vector_count
from tests.s3_server import S3Server, skip_without_server

settings.register_profile("cyfs", deadline=None)
settings.load_profile("cyfs")


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """One server for all tests of the session; those that kill it start it again."""
    server = S3Server(skip_without_server(), tmp_path_factory.mktemp("s3"))
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    vector_count.begin(item.user_properties)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in vector_count.summary(report.user_properties for report in terminalreporter.getreports("passed")):
        terminalreporter.write_line(line)
