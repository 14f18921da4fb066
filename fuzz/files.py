"""Files in bulk: bodies of the administration calls, the chunk-manager's requests, lists of Dirs, names of files."""

from __future__ import annotations

from collections.abc import Callable

from cyfs_edge.base.errors import CyfsError
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.core.file_intake import decode_memo, encode_memo
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.objects.dir import DirEntry, DirList, DirRange
from cyfs_edge.objects.dir_list import read_list
from cyfs_edge.objects.inner_names import file_name, file_path, inner_name
from cyfs_edge.wire import file_batch
from cyfs_edge.wire.chunk_manager import ChunkGet, ChunkSet
from cyfs_edge.wire.file_batch import Asked, MadeFile, Seen
from fuzz.target import Target, just

_ID = ObjectId(SYSTEM_DEC_ID)
_DATA = b"some data"
_CHUNK = ChunkId.of_data(_DATA)
_SEEN = Seen("place/ab/c", "12 9 1 1")


def _again(decode: Callable[[bytes], object], encode: Callable[[object], bytes]) -> Callable[[bytes], None]:
    """What is read can be written, and read again as the same."""

    def run(data: bytes) -> None:
        try:
            value = decode(data)
        except CyfsError:
            return
        assert decode(encode(value)) == value

    return run


def read_dir_list(data: bytes) -> None:
    try:
        parent, entries = read_list(data)
        listed = list(entries)
    except CyfsError:
        return
    assert DirList.decode(data) == DirList(dict(listed), parent)


def name_a_file(data: bytes) -> None:
    assert file_name(inner_name(data)) == data
    for name in file_path(inner_name(data)) or ():
        assert name not in (b"", b".", b"..")
        assert not {0, ord("/")} & set(name)


def read_memo(data: bytes) -> None:
    memo = decode_memo(data)
    assert memo is None or decode_memo(encode_memo(*memo)) == memo


TARGETS: dict[str, Target] = {
    "batch_ids": Target(
        _again(file_batch.decode_chunk_ids, file_batch.encode_ids),  # type: ignore[arg-type]
        just(file_batch.encode_ids([_CHUNK, ChunkId.of_data(b"")])),
    ),
    "batch_chunks": Target(
        _again(file_batch.decode_chunks, file_batch.encode_chunks),  # type: ignore[arg-type]
        just(file_batch.encode_chunks([(_CHUNK, _DATA), (ChunkId.of_data(b""), b"")])),
    ),
    "batch_items": Target(
        _again(file_batch.decode_items, file_batch.encode_items),  # type: ignore[arg-type]
        just(file_batch.encode_items([_DATA, None, b""])),
    ),
    "batch_files": Target(
        _again(file_batch.decode_files, file_batch.encode_files),  # type: ignore[arg-type]
        just(file_batch.encode_files([MadeFile(_DATA, _SEEN), MadeFile(b"")])),
    ),
    "batch_asked": Target(
        _again(file_batch.decode_asked, file_batch.encode_asked),  # type: ignore[arg-type]
        just(file_batch.encode_asked(Asked((_SEEN, Seen("", "")), "place/")), file_batch.encode_asked(Asked(()))),
    ),
    "chunk_get": Target(_again(ChunkGet.decode, ChunkGet.encode), just(ChunkGet(_ID, _ID, _CHUNK, -5).encode())),  # type: ignore[arg-type]
    "chunk_set": Target(_again(ChunkSet.decode, ChunkSet.encode), just(ChunkSet(_ID, _CHUNK, _DATA).encode())),  # type: ignore[arg-type]
    "dir_list": Target(
        read_dir_list,
        just(
            DirList({"a/b": DirEntry(_ID), "c": DirEntry(_CHUNK, 3)}).encode(),
            DirList({"r": DirEntry(DirRange(1, 2))}, _CHUNK).encode(),
        ),
    ),
    "file_name": Target(name_a_file, just(b"a/b", b"caf\xe9", "\uefe9/ü".encode())),
    "file_memo": Target(read_memo, just(encode_memo("12 9 1 1", _ID))),
}
