"""WebDAV with clients that others have written, and under what clients and machines do to it."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from random import Random

import pytest

from tests.dav_process import PREFIX, REPOSITORY, DavProcess, serving


@pytest.fixture
def dav(tmp_path: Path) -> Iterator[DavProcess]:
    with serving(tmp_path / "root") as process:
        yield process


def program(name: str) -> str:
    """The path of a client; the test is skipped where it is not and cannot be installed."""
    if shutil.which(name) is None:
        script = REPOSITORY / "scripts" / "webdav.sh"
        done = subprocess.run(["bash", script], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(done.stderr.strip())
    found = shutil.which(name)
    assert found is not None
    return found


def ask(dav: DavProcess, method: str, path: str, body: object = None, **headers: str) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", dav.port, timeout=60)
    lines = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, f"{PREFIX}/{path}", body, lines)
    reply = connection.getresponse()
    data = reply.read()
    connection.close()
    return reply.status, data


@pytest.mark.slow
@pytest.mark.parametrize(
    ("suite", "tests"), [("basic", 16), ("copymove", 13), ("props", 30), ("locks", 41), ("http", 4)]
)
def test_litmus(dav: DavProcess, tmp_path: Path, suite: str, tests: int) -> None:
    done = subprocess.run(
        [program("litmus"), dav.url],
        cwd=tmp_path,
        env={**os.environ, "TESTS": suite},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    summary = re.search(rf"summary for `{suite}': of (\d+) tests run: (\d+) passed, 0 failed", done.stdout)
    assert summary is not None, done.stdout
    assert int(summary[1]) == int(summary[2]) >= tests


def make_tree(folder: Path) -> None:
    random = Random(1)
    for name, size in {
        "empty": 0,
        "small.txt": 100,
        "large.bin": 9_000_000,
        "a folder/with space & ümläut.txt": 5000,
        "a folder/deep/deeper/100% #1?.txt": 10,
        "a folder/deep/€ \u65e5\u672c.txt": 70_000,
        "many/": 0,
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            path.write_bytes(random.randbytes(size))
            os.utime(path, (1_500_000_000, 1_500_000_000))
    (folder / "many").mkdir()
    for number in range(100):
        (folder / "many" / f"{number}.txt").write_bytes(random.randbytes(number * 10))


@pytest.mark.slow
def test_rclone_copies_a_tree_both_ways(dav: DavProcess, tmp_path: Path) -> None:
    def rclone(*arguments: str) -> str:
        remote = ["--webdav-url", dav.url, "--webdav-vendor", "owncloud", "--config", "/dev/null"]
        command = [program("rclone"), *arguments, *remote, "--retries", "1", "--low-level-retries", "1"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    there, back = tmp_path / "there", tmp_path / "back"
    there.mkdir()
    make_tree(there)
    rclone("copy", str(there), ":webdav:trees/one")
    rclone("check", "--download", str(there), ":webdav:trees/one")
    rclone("copy", ":webdav:trees/one", str(back))
    names = sorted(path.relative_to(there) for path in there.rglob("*") if path.is_file())
    assert names == sorted(path.relative_to(back) for path in back.rglob("*") if path.is_file())
    for name in names:
        assert (back / name).read_bytes() == (there / name).read_bytes()
    assert int((back / "large.bin").stat().st_mtime) == 1_500_000_000
    rclone("moveto", ":webdav:trees/one/a folder", ":webdav:trees/two")
    rclone("check", "--download", str(there / "a folder"), ":webdav:trees/two")
    rclone("sync", str(there / "many"), ":webdav:trees/one")
    rclone("check", "--download", str(there / "many"), ":webdav:trees/one")
    rclone("purge", ":webdav:trees")
    assert rclone("lsf", ":webdav:") == ""


@pytest.mark.parametrize("how", ["closed", "reset", "chunked and closed"])
def test_a_put_that_breaks_off_leaves_the_old_file(dav: DavProcess, how: str) -> None:
    assert ask(dav, "PUT", "f", b"old")[0] == 201
    framing = "Transfer-Encoding: chunked" if how.startswith("chunked") else "Content-Length: 10000000"
    head = f"PUT {PREFIX}/f HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", dav.port)) as connection:
        connection.sendall(head + (b"500000\r\n" if how.startswith("chunked") else b"") + bytes(5 << 20))
        if how == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")
    assert ask(dav, "GET", "f") == (200, b"old")
    assert ask(dav, "PUT", "f", b"new")[0] == 204


def test_a_client_that_asks_for_too_much_is_told(dav: DavProcess) -> None:
    """And those beside it are served on."""
    bomb = (
        b'<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><propfind xmlns="DAV:"><prop>&b;</prop></propfind>'
    )
    deep = b"<a>" * 80_000
    assert ask(dav, "PROPFIND", "", bomb, Depth="0")[0] == 400
    assert ask(dav, "PROPFIND", "", deep, Depth="0")[0] == 400
    assert ask(dav, "PROPFIND", "", bytes(300_000), Depth="0")[0] == 413
    assert ask(dav, "PROPFIND", "", Depth="infinity")[0] == 403
    assert ask(dav, "PROPFIND", "x/" * 7000, Depth="0")[0] == 400
    assert ask(dav, "COPY", "f", Destination=f"{PREFIX}/../../etc/passwd")[0] == 400
    assert ask(dav, "PUT", "f", b"x", **{"Content-Range": "bytes 0-0/2"})[0] == 400
    assert ask(dav, "PUT", "f", b"x", If="(" * 50_000)[0] == 400
    assert ask(dav, "GET", "%2e%2e/%2e%2e/etc/passwd")[0] == 400
    lock = b'<lockinfo xmlns="DAV:"><lockscope><shared/></lockscope><locktype><write/></locktype></lockinfo>'
    statuses = []
    connection = HTTPConnection("127.0.0.1", dav.port, timeout=60)
    for _ in range(200):
        connection.request("LOCK", PREFIX + "/", lock)
        reply = connection.getresponse()
        reply.read()
        statuses.append(reply.status)
    connection.close()
    assert (statuses[0], statuses[-1], statuses.count(200)) == (200, 507, 32)
    assert ask(dav, "PROPFIND", "", Depth="0")[0] == 207


def contents(number: int) -> bytes:
    return Random(number).randbytes(Random(number).choice((0, 100, 70_000, 5_000_000)))


ROUNDS = int(os.environ.get("CYFS_DAV_KILL_ROUNDS", "6"))


@pytest.mark.slow
@pytest.mark.timeout(60 + 15 * ROUNDS)
def test_after_a_kill_every_file_is_old_or_new(tmp_path: Path) -> None:
    """Each worker writes, moves and removes names of its own; what was answered is so, what was not may be either."""
    root = tmp_path / "root"
    held: dict[str, list[int | None]] = {}
    moves: list[tuple[str, str, int]] = []
    random = Random(5)
    for turn in range(ROUNDS):
        with serving(root) as dav, ThreadPoolExecutor(4) as pool:
            _verify(dav, held, moves)
            works = [pool.submit(_work, dav, worker, turn, held, moves) for worker in range(4)]
            time.sleep(random.uniform(0.1, 1.0))
            dav.kill()
            done = sum(work.result() for work in works)
            assert done > 0
    with serving(root) as dav:
        _verify(dav, held, moves)


def _work(
    dav: DavProcess,
    worker: int,
    turn: int,
    held: dict[str, list[int | None]],
    moves: list[tuple[str, str, int]],
) -> int:
    """``held``: for each name what may be found there, the last answer and what came after it; ``moves``: the
    unanswered ones."""
    random = Random(turn * 10 + worker)
    done = 0
    try:
        while True:
            name, other = (f"{worker}-{random.randrange(4)}" for _ in range(2))
            number = turn * 100_000 + worker * 10_000 + done
            known = held.setdefault(name, [None])
            act = random.choice(("PUT", "PUT", "PUT", "DELETE", "MOVE"))
            if act == "PUT":
                known.append(number)
                assert ask(dav, "PUT", name, contents(number))[0] in (201, 204)
                held[name] = [number]
            elif act == "DELETE" and known != [None]:
                known.append(None)
                assert ask(dav, "DELETE", name)[0] == 204
                held[name] = [None]
            elif act == "MOVE" and known != [None] and name != other:
                held.setdefault(other, [None]).append(known[0])
                known.append(None)
                move = (name, other, known[0])
                moves.append(move)
                assert ask(dav, "MOVE", name, Destination=f"{PREFIX}/{other}")[0] in (201, 204)
                held[other], held[name] = [known[0]], [None]
                moves.remove(move)
            done += 1
    except (OSError, HTTPException):
        return done


def _verify(dav: DavProcess, held: dict[str, list[int | None]], moves: list[tuple[str, str, int]]) -> None:
    for name, allowed in held.items():
        status, data = ask(dav, "GET", name)
        assert status in (200, 404)
        found = [number for number in allowed if (data == contents(number) if number is not None else status == 404)]
        assert found, f"{name}: {len(data)} bytes of none of {allowed}"
        held[name] = [found[0]]
    for name, other, number in moves:
        assert (held[name] == [number]) != (held[other] == [number]), "a move by halves"
    moves.clear()


SIZE = (4096 if os.environ.get("CYFS_EDGE_LONG_TESTS") else 320) << 20
GROWTH_MAX = 48 << 20
"""Bytes of memory that one upload may take: a chunk that comes, one that is stored, and the allocator's slack."""


@pytest.mark.slow
@pytest.mark.serial
@pytest.mark.timeout(600)
@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "chunked"])
def test_a_large_file_passes_with_flat_memory(dav: DavProcess, chunked: bool) -> None:
    block = Random(1).randbytes(1 << 20)
    sent, peaks = hashlib.sha256(), []

    def pieces() -> Iterator[bytes]:
        for number in range(SIZE >> 20):
            piece = number.to_bytes(8, "big") + block[8:]
            sent.update(piece)
            if number % 32 == 0:
                peaks.append(dav.resident())
            yield piece

    ask(dav, "PUT", "warm", block)
    before = dav.resident()
    length = {} if chunked else {"Content-Length": str(SIZE)}
    assert ask(dav, "PUT", "large", pieces(), **length)[0] == 201
    assert max(peaks) - before < GROWTH_MAX
    connection = HTTPConnection("127.0.0.1", dav.port, timeout=60)
    connection.request("GET", f"{PREFIX}/large")
    reply = connection.getresponse()
    got = hashlib.sha256()
    while piece := reply.read(1 << 20):
        got.update(piece)
    connection.close()
    assert got.digest() == sent.digest()
    assert dav.resident() - before < GROWTH_MAX
    print(f"{SIZE >> 20} MiB in and out, memory grew by {(max(*peaks, dav.resident()) - before) >> 20} MiB")
