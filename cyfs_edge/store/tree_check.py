"""Walks all trees of an LMDB data file and checks whatever LMDB takes for granted about their pages.

After it LMDB can use the file without leaving it: page numbers, sizes and offsets are within their bounds, no page is
used twice, keys are in order, what is free is not in use. What is inside the rows their own checksums tell.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from struct import Struct

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.store.data_file import DB, FIRST_PAGE, PAGE_HEAD, Database, Meta, broken, read_meta

SMALL_FILE = 32 << 20
"""Bytes up to which a file is walked at every opening: tenths of a second on a PC, seconds on a Raspberry Pi 3."""

_NODE = Struct("=HHHH")  # low and high half of the size (or page number), flags (or its top part), key size
_BRANCH, _LEAF, _OVERFLOW = 1, 2, 4
_BIG_DATA, _SUB_DATA = 1, 2
_NO_PAGE = (1 << 64) - 1
_KEY_MAX = 511
_DEPTH_MAX = 32


def check_data_file(path: Path, *, thorough: bool) -> None:
    """Passes when LMDB can map the file. ``IO_ERROR`` when it is damaged, ``NOT_SUPPORT`` when it is of another kind.

    The trees are walked when ``thorough``, and else when the file is small or shorter than it should be.
    """
    try:
        with path.open("rb") as file:
            meta = read_meta(file.fileno(), path)
            # A file may lack pages at its end that a transaction took and gave back: those were never written.
            if thorough or meta.pages <= meta.last_page or meta.pages * meta.page_size <= SMALL_FILE:
                _Walk(file.fileno(), meta, path).run()
    except OSError as error:
        raise CyfsError(ErrorCode.IO_ERROR, f"{path} cannot be read: {error}; check the disk") from error


class _Walk:
    __slots__ = ("_fd", "_meta", "_path", "_seen")

    def __init__(self, fd: int, meta: Meta, path: Path) -> None:
        self._fd = fd
        self._meta = meta
        self._path = path
        if meta.last_page > max(meta.pages, 1 << 16) * 2:
            raise broken(path, f"it has {meta.pages} pages of {meta.last_page + 1}: its end was cut off")
        self._seen = bytearray(meta.last_page + 1)

    def run(self) -> None:
        for page, at, _, flags, size in self._leaves(self._meta.main, "the main tree"):
            if not flags & _SUB_DATA:
                continue
            if size != DB.size:
                raise self._wrong("the main tree", "a table has no description")
            for _ in self._leaves(Database.unpack(page, at), "a table"):
                pass
        for page, at, _, flags, size in self._leaves(self._meta.free, "the free list"):
            self._check_free(self._value(page, at, flags, size))

    def _wrong(self, tree: str, what: str) -> CyfsError:
        return broken(self._path, f"{what}, in {tree}")

    def _leaves(self, tree: Database, name: str) -> Iterator[tuple[bytes, int, bytes, int, int]]:
        """All rows in order: page, offset of the value in it, key, flags, size of the value."""
        if tree.root == _NO_PAGE:
            if tree.entries or tree.depth:
                raise self._wrong(name, "it has rows and no root")
            return
        if not 1 <= tree.depth <= _DEPTH_MAX:
            raise self._wrong(name, f"a depth of {tree.depth}")
        as_numbers = tree is self._meta.free
        last_key: bytes | int | None = None
        entries = 0
        waiting = [(tree.root, 1)]
        while waiting:
            number, level = waiting.pop()
            page, pointers = self._page(number, _LEAF if level == tree.depth else _BRANCH, name)
            if level < tree.depth:
                children = [self._child(page, at, name) for at in pointers]
                waiting.extend((child, level + 1) for child in reversed(children))
                continue
            entries += len(pointers)
            for at in pointers:
                low, high, flags, key_size = _NODE.unpack_from(page, at)
                start = at + _NODE.size
                value = start + key_size
                size = low | high << 16
                key = page[start:value]
                order = int.from_bytes(key, "little") if as_numbers else key
                if last_key is not None and order <= last_key:  # type: ignore[operator]
                    raise self._wrong(name, f"keys out of order on page {number}")
                last_key = order
                if flags & ~(_BIG_DATA | _SUB_DATA) or not 0 < key_size <= _KEY_MAX:
                    raise self._wrong(name, f"a row of page {number} is no row")
                if value + (8 if flags & _BIG_DATA else size) > len(page):
                    raise self._wrong(name, f"a row of page {number} goes beyond it")
                if flags & _BIG_DATA:
                    self._overflow(page, value, size, name)
                yield page, value, key, flags, size
        if entries != tree.entries:
            raise self._wrong(name, f"{entries} rows instead of {tree.entries}")

    def _page(self, number: int, kind: int, name: str) -> tuple[bytes, memoryview]:
        """A page of a tree and the offsets of its nodes."""
        self._use(number, 1, name)
        size = self._meta.page_size
        page = os.pread(self._fd, size, number * size)
        own_number, _, flags, lower, upper = PAGE_HEAD.unpack_from(page)
        # A branch with one child and a leaf without rows are never written.
        least = PAGE_HEAD.size + (4 if kind == _BRANCH else 2)
        if own_number != number or flags != kind or lower & 1 or not least <= lower <= upper <= size:
            raise self._wrong(name, f"page {number} is not what it should be")
        pointers = memoryview(page)[PAGE_HEAD.size : lower].cast("H")
        if min(pointers) < upper or max(pointers) > size - _NODE.size:
            raise self._wrong(name, f"page {number} points outside itself")
        return page, pointers

    def _child(self, page: bytes, at: int, name: str) -> int:
        low, high, top, key_size = _NODE.unpack_from(page, at)
        if at + _NODE.size + key_size > len(page):
            raise self._wrong(name, "a key goes beyond its page")
        return int(low | high << 16 | top << 32)

    def _overflow(self, page: bytes, at: int, size: int, name: str) -> None:
        first = int.from_bytes(page[at : at + 8], "little")
        needed = (PAGE_HEAD.size - 1 + size) // self._meta.page_size + 1
        if first + needed > self._meta.pages:
            raise self._wrong(name, "a long row lies beyond the end of the file")
        head = os.pread(self._fd, PAGE_HEAD.size, first * self._meta.page_size)
        own_number, _, flags, low, high = PAGE_HEAD.unpack_from(head)
        pages = low | high << 16
        if own_number != first or flags != _OVERFLOW or pages < needed:
            raise self._wrong(name, f"page {first} is not the start of a long row")
        self._use(first, pages, name)

    def _value(self, page: bytes, at: int, flags: int, size: int) -> bytes:
        if not flags & _BIG_DATA:
            return page[at : at + size]
        first = int.from_bytes(page[at : at + 8], "little")
        return os.pread(self._fd, size, first * self._meta.page_size + PAGE_HEAD.size)

    def _check_free(self, record: bytes) -> None:
        """A record is a count and as many page numbers, falling."""
        if not record or len(record) % 8:
            raise self._wrong("the free list", "a record of odd size")
        count, *numbers = memoryview(record).cast("Q")
        if count != len(numbers) or any(one <= two for one, two in pairwise(numbers)):
            raise self._wrong("the free list", "a record that is no list of pages")
        for number in numbers:
            if not FIRST_PAGE <= number <= self._meta.last_page or self._seen[number]:
                raise self._wrong("the free list", f"page {number}, which is in use or not there")
            self._seen[number] = 1

    def _use(self, number: int, count: int, name: str) -> None:
        end = number + count
        if number < FIRST_PAGE or end > len(self._seen):
            raise self._wrong(name, f"page {number}, which is not there")
        if end > self._meta.pages:
            raise self._wrong(name, f"page {number} is beyond the end: the file was cut off")
        if any(self._seen[number:end]):
            raise self._wrong(name, f"page {number} is used twice")
        self._seen[number:end] = b"\1" * count
