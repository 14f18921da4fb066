"""Errors of the disk become one sentence with a code and what to do next."""

from __future__ import annotations

import errno
import os

import lmdb
import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.store.errors import is_full, translate


def os_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    ("error", "code", "advice"),
    [
        (os_error(errno.ENOSPC), ErrorCode.OUT_OF_LIMIT, "Delete something"),
        (os_error(errno.EDQUOT), ErrorCode.OUT_OF_LIMIT, "Delete something"),
        (lmdb.MapFullError("mdb_put: full"), ErrorCode.OUT_OF_LIMIT, "Delete something"),
        (lmdb.DiskError("mdb_txn_commit: No space left on device"), ErrorCode.OUT_OF_LIMIT, "Delete something"),
        (lmdb.Error(f"mdb_txn_commit: {os.strerror(errno.EDQUOT)}"), ErrorCode.OUT_OF_LIMIT, "Delete something"),
        (os_error(errno.EMFILE), ErrorCode.OUT_OF_LIMIT, "ulimit -n"),
        (os_error(errno.EACCES), ErrorCode.PERMISSION_DENIED, "owner"),
        (lmdb.ReadonlyError("mdb_env_open: Permission denied"), ErrorCode.PERMISSION_DENIED, "owner"),
        (os_error(errno.EROFS), ErrorCode.IO_ERROR, "mounted"),
        (os_error(errno.EIO), ErrorCode.IO_ERROR, "kernel log"),
        (lmdb.Error("mdb_txn_commit: Input/output error"), ErrorCode.IO_ERROR, "kernel log"),
        (lmdb.CorruptedError("mdb_get: corrupted"), ErrorCode.IO_ERROR, "backup"),
        (lmdb.PanicError("mdb_txn_begin: panic"), ErrorCode.IO_ERROR, "restart"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_each_kind_has_its_code_and_advice(error: Exception, code: int, advice: str) -> None:
    found = translate(error, "writing to the store")
    assert found.code == code
    assert "writing to the store" in found.message
    assert advice in found.message
    assert is_full(error) is (advice == "Delete something")


def test_our_own_errors_pass_as_they_are() -> None:
    error = CyfsError(ErrorCode.NOT_FOUND, "x")
    assert translate(error, "reading") is error
