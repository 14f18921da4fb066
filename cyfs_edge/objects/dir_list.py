"""The list of a large Dir, written and read entry by entry (docs/protocol/objects.md §7.8).

A Dir lists everything below a folder by inner path. Where that would be more than ``FOLD_MAX`` bytes, folders become
Dirs of their own, in the order of the paths: the same tree always gives the same Dirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cyfs_edge.base.codec import Reader, encode_varint
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ID_SIZE, ChunkId, ObjectId
from cyfs_edge.objects.dir import DirEntry

FOLD_MAX = 16 << 20
"""Bytes of a list above which its next folders are Dirs of their own."""
LIST_MAX = 64 << 20
"""Largest list, in bytes: what a node reads into memory as the list of a Dir."""

EMPTY_LIST = b"\0\0"

_OBJECT_ENTRY = bytes(4) + b"\0"
_ENTRY_TAIL = len(_OBJECT_ENTRY) + ID_SIZE


@dataclass(slots=True)
class _Folder:
    """Before it: ``start`` bytes in the buffer, ``count`` entries, ``last`` the name of the last one."""

    start: int = 0
    count: int = 0
    last: bytes = b""


class ListBuilder:
    """Entries in the order of their inner paths in; the list of the whole, and Dirs below it, out.

    ``make``: stores a Dir with the list that it is given, and gives its id.
    """

    __slots__ = ("_buffer", "_count", "_fold_max", "_folders", "_last", "_make", "_sorted")

    def __init__(self, make: Callable[[bytes], ObjectId], fold_max: int | None = None) -> None:
        self._make = make
        self._fold_max = FOLD_MAX if fold_max is None else fold_max
        self._buffer = bytearray()
        self._count = 0
        self._last = b""
        self._sorted = True
        self._folders = [_Folder()]

    def add(self, inner: str, object_id: ObjectId) -> None:
        name = inner.encode()
        self._buffer += len(name).to_bytes(2, "big") + name + _OBJECT_ENTRY + object_id
        self._count += 1
        # A folder that is an entry itself belongs before "name-2" and the like, which come before what is below it.
        self._sorted = self._sorted and name > self._last
        self._last = name

    def begin(self) -> None:
        """What is added from here to the matching :meth:`end` lies below one folder."""
        self._folders.append(_Folder(len(self._buffer), self._count, self._last))

    def end(self, inner: str) -> None:
        folder = self._folders.pop()
        if folder.count == self._count or len(self._buffer) - self._folders[-1].start <= self._fold_max:
            return
        dir_id = self._make(self._list(folder, len(inner.encode()) + 1))
        del self._buffer[folder.start :]
        self._count, self._last = folder.count, folder.last
        self.add(inner, dir_id)

    def finish(self) -> ObjectId:
        """The Dir of all that was added. The builder is used up."""
        return self._make(self._list(self._folders.pop(), 0))

    def _list(self, folder: _Folder, cut: int) -> bytes:
        """The list of a folder, ``cut`` bytes taken off its inner paths. ``OUT_OF_LIMIT`` above ``LIST_MAX``."""
        size = len(self._buffer) - folder.start
        if size > LIST_MAX - 16:
            text = f"the list of a folder has {size} bytes, at most {LIST_MAX}; divide it into several folders"
            raise CyfsError(ErrorCode.OUT_OF_LIMIT, text, status=413)
        head = b"\0" + encode_varint(self._count - folder.count)
        if not cut and self._sorted:
            return bytes(head + self._buffer[folder.start :])
        entries = self._entries_from(folder.start, cut)
        if not self._sorted:
            entries = iter(sorted(entries, key=lambda entry: entry[2:-_ENTRY_TAIL]))
        return head + b"".join(entries)

    def _entries_from(self, at: int, cut: int) -> Iterator[bytes]:
        while at < len(self._buffer):
            length = int.from_bytes(self._buffer[at : at + 2], "big")
            end = at + 2 + length + _ENTRY_TAIL
            yield (length - cut).to_bytes(2, "big") + self._buffer[at + 2 + cut : end]
            at = end


def read_list(data: bytes) -> tuple[ChunkId | None, Iterator[tuple[str, DirEntry]]]:
    """The parent chunk of an encoded list, and its entries in the order in which they stand there.

    Raises :class:`CodecError` where the list is damaged, at the latest when that entry is reached.
    """
    reader = Reader(data)
    parent = reader.option(ChunkId.read)
    return parent, _entries(reader, reader.count())


def _entries(reader: Reader, count: int) -> Iterator[tuple[str, DirEntry]]:
    for _ in range(count):
        yield reader.string(), DirEntry.read(reader)
