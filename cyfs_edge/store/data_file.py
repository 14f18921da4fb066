"""Looks at an LMDB data file before LMDB maps it, with plain reads.

LMDB trusts its file: one that is shorter than its meta page says kills the process with SIGBUS at the first read beyond
the end, and a page of garbage with SIGSEGV or a failed assertion. Layout: LMDB 0.9 (data format 1) on 64-bit machines.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from struct import Struct

from cyfs_edge.base.errors import CyfsError, ErrorCode

DATA_NAME = "data.mdb"

PAGE_HEAD = Struct("=QHHHH")  # page number, pad, flags, lower, upper
DB = Struct("=IHHQQQQQ")  # pad (of the free list: page size), flags, depth, branch, leaf, overflow pages, entries, root
FIRST_PAGE = 2
"""Pages 0 and 1 are the two meta pages."""

_MAGIC = 0xBEEFC0DE
_DATA_VERSION = 1
_META = Struct("=IIQQ")  # magic, version, address, map size
_META_TAIL = Struct("=QQ")  # last page, transaction id
_META_SIZE = PAGE_HEAD.size + _META.size + 2 * DB.size + _META_TAIL.size
_P_META = 8


@dataclass(frozen=True, slots=True)
class Database:
    """A tree. ``root``: its first page; ``depth``: levels of pages; 0 when it is empty."""

    depth: int
    entries: int
    root: int

    @classmethod
    def unpack(cls, data: bytes, offset: int = 0) -> Database:
        _, _, depth, _, _, _, entries, root = DB.unpack_from(data, offset)
        return cls(depth, entries, root)


@dataclass(frozen=True, slots=True)
class Meta:
    """What the newest meta page says. ``pages``: whole pages that the file has."""

    page_size: int
    pages: int
    last_page: int
    txn_id: int
    free: Database
    main: Database


def read_meta(fd: int, path: Path) -> Meta:
    """``IO_ERROR`` for a damaged, ``NOT_SUPPORT`` for an unknown file."""
    first = _read_meta(fd, 0, path)
    second = _read_meta(fd, first.page_size, path)
    return first if first.txn_id > second.txn_id else second


def broken(path: Path, what: str) -> CyfsError:
    return CyfsError(ErrorCode.IO_ERROR, f"the store file {path} is damaged: {what}. Restore it from a backup")


def _read_meta(fd: int, offset: int, path: Path) -> Meta:
    data = os.pread(fd, _META_SIZE, offset)
    if len(data) < _META_SIZE:
        raise broken(path, f"it ends after {offset + len(data)} bytes, within its head")
    flags = PAGE_HEAD.unpack_from(data)[2]
    magic, version, _, _ = _META.unpack_from(data, PAGE_HEAD.size)
    if magic != _MAGIC or not flags & _P_META:
        raise broken(path, "it is not a store, or its head was overwritten")
    if version != _DATA_VERSION:
        raise CyfsError(
            ErrorCode.NOT_SUPPORT,
            f"the store file {path} has LMDB data format {version & 0xFFFF}, known is {_DATA_VERSION}; "
            "use the release that wrote it",
        )
    trees = PAGE_HEAD.size + _META.size
    page_size = DB.unpack_from(data, trees)[0]
    last_page, txn_id = _META_TAIL.unpack_from(data, trees + 2 * DB.size)
    if not 512 <= page_size <= 65536 or page_size & (page_size - 1):
        raise broken(path, f"its head gives a page size of {page_size}")
    pages = os.fstat(fd).st_size // page_size
    free, main = Database.unpack(data, trees), Database.unpack(data, trees + DB.size)
    return Meta(page_size, pages, last_page, txn_id, free, main)
