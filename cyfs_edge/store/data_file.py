"""Looks at an LMDB data file before LMDB maps it.

A mapped file that is shorter than its meta page says kills the process with SIGBUS at the first read beyond the end, so
the sizes are compared first, with plain reads. Layout: LMDB 0.9 (data format 1) on 64-bit machines.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from struct import Struct

from cyfs_edge.base.errors import CyfsError, ErrorCode

DATA_NAME = "data.mdb"

_MAGIC = 0xBEEFC0DE
_DATA_VERSION = 1
_PAGE_HEAD = Struct("=QHHHH")  # page number, pad, flags, lower, upper
_META = Struct("=IIQQ")  # magic, version, address, map size
_DB = Struct("=IHHQQQQQ")  # page size (of the free db), flags, depth, branch, leaf, overflow pages, entries, root
_META_TAIL = Struct("=QQ")  # last page, transaction id
_META_OFFSET = 16
_META_SIZE = _META_OFFSET + _META.size + 2 * _DB.size + _META_TAIL.size
_NODE = Struct("=HHHH")  # low and high half of size or page number, flags (or its top part), key size

_P_BRANCH, _P_LEAF, _P_META = 1, 2, 8
_BIG_DATA = 1
_NO_PAGE = (1 << 64) - 1
_MAX_DEPTH = 32


@dataclass(frozen=True, slots=True)
class _Meta:
    page_size: int
    free_root: int
    last_page: int
    txn_id: int


def check_data_file(path: Path) -> None:
    """Passes when LMDB can map the file safely. ``IO_ERROR`` for a damaged, ``NOT_SUPPORT`` for an unknown file."""
    try:
        with path.open("rb") as file:
            fd = file.fileno()
            meta = _newest_meta(fd, path)
            pages = os.fstat(fd).st_size // meta.page_size
            if pages > meta.last_page:
                return
            # Pages that a transaction took at the end and gave back were never written: those may be missing.
            free = set(_free_pages(fd, meta, pages, path))
            if any(number not in free for number in range(pages, meta.last_page + 1)):
                raise _broken(path, f"it has {pages} pages of {meta.last_page + 1}: its end was cut off")
    except OSError as error:
        raise CyfsError(ErrorCode.IO_ERROR, f"{path} cannot be read: {error}; check the disk") from error


def _broken(path: Path, what: str) -> CyfsError:
    return CyfsError(ErrorCode.IO_ERROR, f"the store file {path} is damaged: {what}. Restore it from a backup")


def _newest_meta(fd: int, path: Path) -> _Meta:
    first = _read_meta(fd, 0, path)
    second = _read_meta(fd, first.page_size, path)
    return first if first.txn_id > second.txn_id else second


def _read_meta(fd: int, offset: int, path: Path) -> _Meta:
    data = os.pread(fd, _META_SIZE, offset)
    if len(data) < _META_SIZE:
        raise _broken(path, f"it ends after {offset + len(data)} bytes, within its head")
    flags = _PAGE_HEAD.unpack_from(data)[2]
    magic, version, _, _ = _META.unpack_from(data, _META_OFFSET)
    if magic != _MAGIC or not flags & _P_META:
        raise _broken(path, "it is not a store, or its head was overwritten")
    if version != _DATA_VERSION:
        raise CyfsError(
            ErrorCode.NOT_SUPPORT,
            f"the store file {path} has LMDB data format {version & 0xFFFF}, known is {_DATA_VERSION}; "
            "use the release that wrote it",
        )
    free_db = _DB.unpack_from(data, _META_OFFSET + _META.size)
    last_page, txn_id = _META_TAIL.unpack_from(data, _META_OFFSET + _META.size + 2 * _DB.size)
    page_size, free_root = free_db[0], free_db[-1]
    if page_size < 512 or page_size > 65536 or page_size & (page_size - 1):
        raise _broken(path, f"its head gives a page size of {page_size}")
    return _Meta(page_size, free_root, last_page, txn_id)


def _free_pages(fd: int, meta: _Meta, pages: int, path: Path) -> Iterator[int]:
    """The page numbers in the free list."""
    waiting = [] if meta.free_root == _NO_PAGE else [(meta.free_root, 0)]
    while waiting:
        number, depth = waiting.pop()
        if number >= pages or depth > _MAX_DEPTH:
            raise _broken(path, "its end was cut off")
        page = os.pread(fd, meta.page_size, number * meta.page_size)
        _, _, flags, lower, _ = _PAGE_HEAD.unpack_from(page)
        if lower > meta.page_size or not flags & (_P_BRANCH | _P_LEAF):
            raise _broken(path, f"page {number} is not of the free list")
        for position in range(_PAGE_HEAD.size, lower, 2):
            node = int.from_bytes(page[position : position + 2], "little")
            if node + _NODE.size > meta.page_size:
                raise _broken(path, f"page {number} points outside itself")
            low, high, top, key_size = _NODE.unpack_from(page, node)
            if flags & _P_BRANCH:
                waiting.append((low | high << 16 | top << 32, depth + 1))
                continue
            size, at = low | high << 16, node + _NODE.size + key_size
            record = page[at : at + size]
            if top & _BIG_DATA:
                first = int.from_bytes(page[at : at + 8], "little")
                if (first + 1) * meta.page_size + size > (pages + 1) * meta.page_size:
                    raise _broken(path, "its end was cut off")
                record = os.pread(fd, size, first * meta.page_size + _PAGE_HEAD.size)
            if len(record) != size or size % 8 or size == 0:
                raise _broken(path, f"a free list record on page {number} is cut off")
            yield from memoryview(record).cast("Q")[1:]
