"""The lock of a store: one holder, whose pid the others are told, and the check of the owner."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.store.lock import StoreLock, check_owner, holder_of

HOLD = """
import sys
import threading
from pathlib import Path
from cyfs_edge.store.lock import StoreLock
lock = StoreLock(Path(sys.argv[1]))
lock.acquire()
print("held", flush=True)
sys.stdin.read()
"""


def test_another_process_is_refused_and_told_the_pid(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdin is not None
    assert child.stdout.readline() == "held\n"
    assert holder_of(path) == child.pid
    with pytest.raises(CyfsError) as caught:
        StoreLock(path).acquire()
    assert caught.value.code == ErrorCode.ERROR_STATE
    assert f"process {child.pid}" in caught.value.message
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdin.close()
    child.stdout.close()
    lock = StoreLock(path)
    lock.acquire()
    assert holder_of(path) == os.getpid(), "the kernel took it from the dead one"
    assert lock.left_open
    lock.release()


def test_release_is_for_all_times_and_any_number_of_times(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    lock = StoreLock(path)
    lock.acquire()
    lock.release()
    lock.release()
    assert holder_of(path) is None
    lock.acquire()
    lock.release()


def test_who_went_in_order_left_nothing_open(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    lock = StoreLock(path)
    for orderly, left_open in ((True, False), (False, False), (True, True), (True, False)):
        lock.acquire()
        assert lock.left_open is left_open
        lock.release(orderly=orderly)


def test_a_holder_of_an_earlier_boot_went_with_the_machine(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("4711 3f0c9a86-another-boot\n")
    lock = StoreLock(tmp_path / "lock")
    lock.acquire()
    assert not lock.left_open
    lock.release()


def test_looking_does_not_keep_others_out(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    looking = os.open(path, os.O_RDWR)
    fcntl.flock(looking, fcntl.LOCK_SH)
    done = threading.Timer(0.03, os.close, (looking,))
    done.start()
    lock = StoreLock(path)
    lock.acquire()
    lock.release()
    done.join()


def test_nobody_holds_what_is_not_there(tmp_path: Path) -> None:
    assert holder_of(tmp_path / "none") is None
    (tmp_path / "old").write_text("4711 boot\n")
    assert holder_of(tmp_path / "old") is None


def test_the_owner_passes(tmp_path: Path) -> None:
    check_owner(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
@pytest.mark.parametrize(("uid", "name"), [(1, "daemon"), (54_321, "#54321")])
def test_another_owner_is_named(tmp_path: Path, uid: int, name: str) -> None:
    os.chown(tmp_path, uid, -1)
    with pytest.raises(CyfsError) as caught:
        check_owner(tmp_path)
    assert caught.value.code == ErrorCode.PERMISSION_DENIED
    assert f"user {name}" in caught.value.message
