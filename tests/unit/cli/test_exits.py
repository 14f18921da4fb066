"""Every failure ends with the exit code that docs/cli.md promises."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import pytest

from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode
from cyfs_edge.cli.exits import CliError, Exit, exit_of

DOCUMENT = Path(__file__).parents[3] / "docs" / "cli.md"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CyfsError(ErrorCode.FAILED, ""), Exit.FAILED),
        (CyfsError(ErrorCode.INVALID_PARAM, ""), Exit.USAGE),
        (CyfsError(ErrorCode.NOT_FOUND, ""), Exit.NOT_FOUND),
        (CyfsError(ErrorCode.INNER_PATH_NOT_FOUND, ""), Exit.NOT_FOUND),
        (CyfsError(ErrorCode.INVALID_DATA, ""), Exit.BAD_DATA),
        (CyfsError(ErrorCode.UNMATCH, ""), Exit.BAD_DATA),
        (CodecError(ErrorCode.OUT_OF_LIMIT, ""), Exit.BAD_DATA),
        (CyfsError(ErrorCode.OUT_OF_LIMIT, ""), Exit.NO_SPACE),
        (CyfsError(ErrorCode.OUT_OF_LIMIT, "", status=413), Exit.FAILED),
        (CyfsError(ErrorCode.ADDR_IN_USE, ""), Exit.BUSY),
        (CyfsError(ErrorCode.ERROR_STATE, "", pid="5"), Exit.BUSY),
        (CyfsError(ErrorCode.ERROR_STATE, ""), Exit.FAILED),
        (CliError(ErrorCode.NOT_FOUND, "", Exit.NO_ROOT), Exit.NO_ROOT),
        (CyfsError(15001, "a DecApp's own code"), Exit.FAILED),
        (OSError(errno.ENOSPC, ""), Exit.NO_SPACE),
        (FileNotFoundError(errno.ENOENT, ""), Exit.NOT_FOUND),
        (PermissionError(errno.EACCES, ""), Exit.FAILED),
    ],
)
def test_exit_code_of_a_failure(error: Exception, code: Exit) -> None:
    assert exit_of(error) is code


def test_the_documentation_lists_all_exit_codes() -> None:
    section = DOCUMENT.read_text().split("## Exit codes", 1)[1].split("\n## ", 1)[0]
    assert {int(number) for number in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)} == {int(one) for one in Exit}
