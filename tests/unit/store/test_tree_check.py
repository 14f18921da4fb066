"""Damage to the data file is found before LMDB maps it; a sound file, however it came about, passes."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path
from random import Random

import lmdb
import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.store.tree_check import check_data_file

PAGE = mmap.PAGESIZE


def make_file(path: Path, seed: int, rounds: int) -> None:
    """Tables and rows of all sizes, put and removed, so that the file has free pages of many transactions too."""
    random = Random(seed)
    env = lmdb.open(str(path), subdir=False, map_size=1 << 28, max_dbs=4, sync=False)
    tables = [env.open_db(b"one"), env.open_db(b"two"), env.open_db(b"empty")]
    for _ in range(rounds):
        with env.begin(write=True) as txn:
            for _ in range(random.choice((1, 5, 120))):
                table = random.choice(tables[:2])
                key = b"%d" % random.randrange(900)
                if random.random() < 0.6:
                    txn.put(key, bytes(random.choice((0, 10, 300, 1900, 5000, 40_000))), db=table)
                else:
                    txn.delete(key, db=table)
    env.sync(True)
    env.close()


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("sample") / "data.mdb"
    make_file(path, 1, 60)
    return path.read_bytes()


def used_pages(data: bytes) -> list[int]:
    """Pages whose number is where it belongs: all that were ever written with a head."""
    return [n for n in range(2, len(data) // PAGE) if int.from_bytes(data[n * PAGE : n * PAGE + 8], "little") == n]


def passes(path: Path, data: bytes) -> bool:
    path.write_bytes(data)
    try:
        check_data_file(path, thorough=True)
    except CyfsError as error:
        if error.code not in (ErrorCode.IO_ERROR, ErrorCode.NOT_SUPPORT) or str(path) not in error.message:
            raise
        return False
    return True


@pytest.mark.parametrize("seed", range(6))
def test_sound_files_pass(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "data.mdb"
    make_file(path, seed, 10 * seed * seed)
    check_data_file(path, thorough=True)


def test_an_empty_database_passes(tmp_path: Path) -> None:
    lmdb.open(str(tmp_path / "data.mdb"), subdir=False).close()
    check_data_file(tmp_path / "data.mdb", thorough=True)


def cuts(size: int) -> Iterator[int]:
    yield from (0, 1, 15, 16, 100, PAGE - 1, PAGE, PAGE + 50, 2 * PAGE - 1, 2 * PAGE, 2 * PAGE + 1)
    yield from range(3 * PAGE, size - PAGE, size // 20)


def test_a_file_that_was_cut_is_found(tmp_path: Path, sample: bytes) -> None:
    for size in cuts(len(sample)):
        assert not passes(tmp_path / "data.mdb", sample[:size]), size


def test_a_cut_is_found_also_in_a_file_too_large_to_walk(
    tmp_path: Path, sample: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cyfs_edge.store.tree_check.SMALL_FILE", 0)
    path = tmp_path / "data.mdb"
    path.write_bytes(sample[: len(sample) // 2])
    with pytest.raises(CyfsError):
        check_data_file(path, thorough=False)
    path.write_bytes(sample[: 2 * PAGE] + bytes(len(sample) - 2 * PAGE))
    check_data_file(path, thorough=False)
    with pytest.raises(CyfsError):
        check_data_file(path, thorough=True)


@pytest.mark.parametrize(
    ("offset", "junk"),
    [(16, b"\0\0\0\0"), (16, b"BAD!"), (20, b"\7"), (10, b"\0\0"), (40, b"\1\0\0\0"), (40, bytes(4))],
)
def test_a_damaged_head_is_found(tmp_path: Path, sample: bytes, offset: int, junk: bytes) -> None:
    changed = bytearray(sample)
    changed[offset : offset + len(junk)] = junk
    assert not passes(tmp_path / "data.mdb", bytes(changed))


def test_other_files_are_refused(tmp_path: Path) -> None:
    for junk in (b"", b"junk", bytes(PAGE * 4), Random(1).randbytes(PAGE * 4), b"SQLite format 3\0" * 1000):
        assert not passes(tmp_path / "data.mdb", junk)


def test_the_data_format_of_another_engine_is_named(tmp_path: Path, sample: bytes) -> None:
    path = tmp_path / "data.mdb"
    path.write_bytes(sample[:20] + b"\3" + sample[21:])
    with pytest.raises(CyfsError) as caught:
        check_data_file(path, thorough=False)
    assert caught.value.code == ErrorCode.NOT_SUPPORT
    assert "data format 3" in caught.value.message


def test_a_missing_file_is_an_error_not_a_crash(tmp_path: Path) -> None:
    with pytest.raises(CyfsError) as caught:
        check_data_file(tmp_path / "none", thorough=True)
    assert caught.value.code == ErrorCode.IO_ERROR


@pytest.mark.parametrize("junk", ["zeros", "random"])
def test_an_overwritten_page_is_found_or_was_free(tmp_path: Path, sample: bytes, junk: str) -> None:
    """LMDB keeps what is free in its tree of free pages; a page outside both trees and that list there is not."""
    random = Random(2)
    path = tmp_path / "data.mdb"
    found = 0
    pages = used_pages(sample)[::3]
    for number in pages:
        content = bytes(PAGE) if junk == "zeros" else random.randbytes(PAGE)
        changed = sample[: number * PAGE] + content + sample[(number + 1) * PAGE :]
        if passes(path, changed):
            env = lmdb.open(str(path), subdir=False, max_dbs=4, readonly=True, lock=False)
            with env.begin() as txn:
                for name in (b"one", b"two"):
                    for _, value in txn.cursor(env.open_db(name, txn=txn)):
                        assert not value.strip(b"\0"), "a row has other bytes than were put"
            env.close()
        else:
            found += 1
    assert found > len(pages) / 4
    assert found > 10


def test_changed_bytes_in_page_heads_never_pass_into_the_unknown(tmp_path: Path, sample: bytes) -> None:
    """A file that passes can be read to its end by LMDB: this test would die with it."""
    random = Random(3)
    path = tmp_path / "data.mdb"
    pages = used_pages(sample)
    refused = 0
    for _ in range(400):
        changed = bytearray(sample)
        for _ in range(random.choice((1, 3, 30))):
            changed[random.choice(pages) * PAGE + random.randrange(64)] ^= 1 << random.randrange(8)
        if not passes(path, bytes(changed)):
            refused += 1
            continue
        env = lmdb.open(str(path), subdir=False, max_dbs=4, sync=False)
        with env.begin(write=True) as txn:
            for name in (b"one", b"two", b"empty"):
                table = env.open_db(name, txn=txn)
                for key, _ in list(txn.cursor(table)):
                    txn.delete(key, db=table)
                    txn.put(key, bytes(700), db=table)
        env.close()
    assert refused > 200
