"""A backup archive of the reference (docs/protocol/services.md §16), only read."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from cyfs_edge.base.access import ACCESS_DEFAULT, ACCESS_MASK
from cyfs_edge.base.aes import AesKey
from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode
from cyfs_edge.base.ids import ID_SIZE, ChunkId, ObjectId
from cyfs_edge.core.importing import Found, FoundChunk, FoundObject, FoundProblem
from cyfs_edge.core.ports import ObjectRecord, StorageCategory
from cyfs_edge.host.imports.pulling import pulled
from cyfs_edge.host.imports.reference_root import CHUNK_MAX, OBJECT_MAX
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.wire.reference_archive import INDEX_MAX, ArchiveIndex, Volume, archive_key, parse_index
from cyfs_edge.wire.zip_volume import (
    LOCAL_SIZE,
    EntryHead,
    EntryMeta,
    check_entry,
    entry_id,
    meta_field,
    parse_local,
)

_PIECE = 1 << 20
_PADDING_MAX = 16


class ReferenceArchive:
    """``folder``: the one with the file ``index``. Its volumes are compared with their hashes before they are used."""

    def __init__(self, folder: Path, password: str | None = None) -> None:
        """``NOT_FOUND``, ``INVALID_FORMAT``; ``INVALID_PARAM`` without a password where one is needed."""
        try:
            with (folder / "index").open("rb") as file:
                data = file.read(INDEX_MAX + 1)
        except OSError as error:
            raise CyfsError(
                ErrorCode.NOT_FOUND, f"{folder} is no backup archive: its index cannot be read: {error.strerror}"
            ) from None
        if len(data) > INDEX_MAX:
            raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"the index of the archive is larger than {INDEX_MAX} bytes")
        self._index: ArchiveIndex = parse_index(data)
        self._folder = folder if self._index.folder is None else folder / self._index.folder
        self._key: AesKey | None = None
        if self._index.encrypted:
            if password is None:
                raise CyfsError(ErrorCode.INVALID_PARAM, "the archive is encrypted: its password is needed")
            self._key = archive_key(self._index, password)

    def items(self) -> AsyncIterator[Found]:
        return pulled(self._items())

    def _items(self) -> Iterator[Found]:
        for volumes, most in ((self._index.objects, OBJECT_MAX), (self._index.chunks, CHUNK_MAX)):
            for volume in volumes:
                try:
                    yield from self._volume(volume, most)
                except CyfsError as error:
                    yield FoundProblem(f"volume {volume.name}: {error.message}")
                except OSError as error:
                    yield FoundProblem(f"volume {volume.name}: {error.strerror}")

    def _volume(self, volume: Volume, most: int) -> Iterator[Found]:
        fd = os.open(self._folder / volume.name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(fd, "rb") as file:
            _check_volume(file, volume)
            file.seek(0)
            while (head := parse_local(file.read(LOCAL_SIZE))) is not None:
                name, extra = file.read(head.name), file.read(head.extra)
                if head.size > volume.size - file.tell():
                    raise CodecError(ErrorCode.INVALID_DATA, f"{name[:80]!r} goes beyond the end of the volume")
                if head.size > most + _PADDING_MAX:
                    yield FoundProblem(f"volume {volume.name}: {name[:80]!r} is larger than {most} bytes")
                    file.seek(head.size, os.SEEK_CUR)
                    continue
                data = file.read(head.size)
                try:
                    yield self._entry(head, name, extra, data)
                except CyfsError as error:
                    yield FoundProblem(f"volume {volume.name}: {name[:80]!r}: {error.message}")

    def _entry(self, head: EntryHead, name: bytes, extra: bytes, data: bytes) -> Found:
        check_entry(head, data)
        object_id = entry_id(name)
        told = meta_field(extra)
        if self._key is not None:
            data = self._key.decrypt(data)
            told = None if told is None else self._key.decrypt(told)
        if object_id.is_chunk:
            return FoundChunk(ChunkId(object_id), data)
        meta = EntryMeta(access=ACCESS_DEFAULT) if told is None else EntryMeta.decode(told)
        dec = ObjectId(meta.create_dec_id) if len(meta.create_dec_id) == ID_SIZE else SYSTEM_DEC_ID
        return FoundObject(
            ObjectRecord(
                object_id,
                data,
                dec,
                meta.insert_time,
                meta.update_time,
                access=meta.access & ACCESS_MASK,
                storage_category=StorageCategory.CACHE if meta.storage_category == 1 else StorageCategory.STORAGE,
                context=meta.context,
            )
        )


def _check_volume(file: BinaryIO, volume: Volume) -> None:
    digest, size = sha256(), 0
    while piece := file.read(_PIECE):
        digest.update(piece)
        size += len(piece)
        if size > volume.size:
            break
    if size != volume.size or digest.digest() != volume.hash:
        raise CodecError(ErrorCode.INVALID_DATA, "it is not the file that the index tells of; nothing of it is used")
