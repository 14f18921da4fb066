"""A shared folder as one archive, made while it is sent; memory does not grow with it (docs/door.md)."""

from __future__ import annotations

import zlib
from array import array
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.ndn import Data, NdnService
from cyfs_edge.core.ports import FileRange
from cyfs_edge.core.shares import zip_stream
from cyfs_edge.core.shares.tree import Folder, Leaf, ShareTree
from cyfs_edge.wire.message import BodyStream

FILES_MAX = 100_000
"""Most files of one archive: each costs some twenty bytes of memory while it is sent."""
_PIECE = 256 * 1024
_MISSING_NAME = b"_not here.txt"
_MISSING_SHOWN = 100
_LEFT_OUT = -1


class ShareArchive:
    """The files of a folder are walked three times in the same order: to measure, to send, and for the directory."""

    __slots__ = ("_ndn", "_pause", "_peek", "_tree")

    def __init__(
        self,
        tree: ShareTree,
        ndn: NdnService,
        peek: Callable[[FileRange], Awaitable[bytes]],
        pause: Callable[[], Awaitable[None]],
    ) -> None:
        """``peek``: the bytes of a short range, which is let go of; ``pause``: gives the others a turn."""
        self._tree = tree
        self._ndn = ndn
        self._peek = peek
        self._pause = pause

    async def open(self, folder: Folder) -> BodyStream:
        """Measures. Files that are not here are left out and named in a text. ``OUT_OF_LIMIT`` for too many files."""
        lengths = array("q")
        measure = zip_stream.Measure()
        missing: list[str] = []
        async for path, leaf in self._tree.files(folder, self._pause):
            if len(lengths) == FILES_MAX:
                text = f"more than {FILES_MAX} files; download the folders in it one by one"
                raise CyfsError(ErrorCode.OUT_OF_LIMIT, text, status=413)
            try:
                length = (await self._tree.data_of(leaf)).total
            except CyfsError as error:
                if error.code not in (ErrorCode.NOT_FOUND, ErrorCode.NOT_SUPPORT, ErrorCode.INVALID_DATA):
                    raise
                lengths.append(_LEFT_OUT)
                missing.append(path)
                del missing[_MISSING_SHOWN + 1 :]
                continue
            lengths.append(length)
            measure.add(zip_stream.entry_name(path), length)
        note = _note(missing)
        if note:
            measure.add(_MISSING_NAME, len(note))
        return BodyStream(measure.total, self._pieces(folder, lengths, note))

    async def _pieces(self, folder: Folder, lengths: array[int], note: bytes) -> AsyncIterator[bytes]:
        sums = array("I")
        async for path, leaf, length in self._present(folder, lengths):
            name = zip_stream.entry_name(path)
            yield zip_stream.local_header(name, length, (await self._tree.size_of(leaf))[1])
            crc = 0
            async for piece in self._bytes_of(await self._tree.data_of(leaf)):
                crc = zlib.crc32(piece, crc)
                yield piece
            yield zip_stream.descriptor(crc, length)
            sums.append(crc)
        note_sum = zlib.crc32(note)
        if note:
            yield zip_stream.local_header(_MISSING_NAME, len(note), 0) + note
            yield zip_stream.descriptor(note_sum, len(note))
        again = zip_stream.Measure()
        number = 0
        async for path, leaf, length in self._present(folder, lengths):
            name, time = zip_stream.entry_name(path), (await self._tree.size_of(leaf))[1]
            yield zip_stream.central_header(name, length, time, sums[number], again.offset)
            again.add(name, length)
            number += 1
        if note:
            yield zip_stream.central_header(_MISSING_NAME, len(note), 0, note_sum, again.offset)
            again.add(_MISSING_NAME, len(note))
        yield zip_stream.end_records(again.count, again.offset, again.central)

    async def _present(self, folder: Folder, lengths: array[int]) -> AsyncIterator[tuple[str, Leaf, int]]:
        number = 0
        async for path, leaf in self._tree.files(folder, self._pause):
            if lengths[number] != _LEFT_OUT:
                yield path, leaf, lengths[number]
            number += 1

    async def _bytes_of(self, data: Data) -> AsyncIterator[bytes]:
        """In pieces that are small, whatever the chunks are."""
        for chunk_id, start, end in data.chunks:
            for begin in range(start, end, _PIECE):
                part = replace(data, chunks=((chunk_id, begin, min(end, begin + _PIECE)),))
                async for piece in self._ndn.read(part):
                    yield piece if isinstance(piece, bytes) else await self._peek(piece)


def _note(missing: list[str]) -> bytes:
    if not missing:
        return b""
    lines = ["These files are not on the box now and were left out:", "", *missing[:_MISSING_SHOWN]]
    if len(missing) > _MISSING_SHOWN:
        lines.append("and more")
    return "\r\n".join([*lines, ""]).encode("utf-8", "replace")
