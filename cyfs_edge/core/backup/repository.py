"""A backup repository over a target (docs/backup-format.md): blobs in packs, index files, snapshots, all sealed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import TypeVar

from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode
from cyfs_edge.core.backup.ports import BackupTarget, BlobIndex, Place
from cyfs_edge.core.ports import Random, Worker
from cyfs_edge.wire.backup import layout
from cyfs_edge.wire.backup.keys import NONCE_SIZE, BackupKey, Sealer
from cyfs_edge.wire.backup.layout import Blob, PackBuilder, PackInfo, damaged
from cyfs_edge.wire.backup.rows import Snapshot, decode_snapshot

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found:
    """A snapshot and the name of its file."""

    name: bytes
    snapshot: Snapshot

    @property
    def id(self) -> str:
        """What people call it."""
        return self.name.hex()[:12]


@dataclass(frozen=True, slots=True)
class Head:
    id: bytes
    sealer: Sealer


async def create_repository(target: BackupTarget, key: BackupKey, random: Random) -> Head:
    """``ALREADY_EXISTS`` when there is one."""
    if await _read_head(target) is not None:
        raise CyfsError(ErrorCode.ALREADY_EXISTS, f"{target.text} is a backup repository already")
    repository_id = random.bytes(layout.REPOSITORY_ID_SIZE)
    sealer = Sealer(key, repository_id)
    check = sealer.seal(random.bytes(NONCE_SIZE), repository_id, layout.CHECK_CONTEXT)
    await target.make()
    await target.write(layout.HEAD_NAME, [layout.encode_head(repository_id, check)])
    return Head(repository_id, sealer)


async def open_head(target: BackupTarget, key: BackupKey) -> Head:
    """``NOT_FOUND`` when there is no repository, ``PERMISSION_DENIED`` when the key is another one's."""
    data = await _read_head(target)
    if data is None:
        raise CyfsError(
            ErrorCode.NOT_FOUND,
            f"there is no backup repository at {target.text}. Is its disk mounted? "
            "A new one is made with: cyfs-edge backup init",
        )
    repository_id, check = layout.decode_head(data)
    sealer = Sealer(key, repository_id)
    try:
        fits = sealer.open(check, layout.CHECK_CONTEXT) == repository_id
    except CyfsError:
        fits = False
    if not fits:
        raise CyfsError(
            ErrorCode.PERMISSION_DENIED,
            f"the backup repository at {target.text} has another key, or its head is damaged. "
            "Give the key that was shown when it was made",
        )
    return Head(repository_id, sealer)


async def _read_head(target: BackupTarget) -> bytes | None:
    try:
        return await target.read(layout.HEAD_NAME, 0, layout.HEAD_MAX)
    except CyfsError as error:
        if error.code != ErrorCode.NOT_FOUND:
            raise
        return None


class Repository:
    """``index`` knows all its packs once :meth:`sync` has run."""

    def __init__(self, target: BackupTarget, head: Head, index: BlobIndex, random: Random, worker: Worker) -> None:
        self.target = target
        self.index = index
        self._sealer = head.sealer
        self._random = random
        self._worker = worker
        self._pack = PackBuilder()
        self._waiting = 0
        self.written = 0
        """Bytes of packs written since it was opened."""

    # -- what is there ------------------------------------------------------------------------------------------------

    async def sync(self) -> None:
        """Brings the index up to what the target has.

        A pack that is gone or cut off is forgotten, so that the next backup brings its blobs again; one that no index
        file tells of, left by a backup that was broken off, is taken up.
        """
        listed = {name async for name, _ in self.files(layout.INDEX)}
        known = await self.index.index_files()
        if known - listed:
            await self.index.clear()
            known = set()
        for name in sorted(listed - known):
            await self.index.add(await self.read_index(name), name)
        there = {name: size async for name, size in self.files(layout.PACKS)}
        packs = await self.index.packs()
        await self.index.drop([name for name, size in packs.items() if there.get(name) != size])
        for name in sorted(there.keys() - packs.keys()):
            try:
                await self.index.add([await self.read_directory(name, there[name])], None)
            except CyfsError as error:
                if error.code != ErrorCode.INVALID_DATA:
                    raise
                continue  # nothing leans on a pack without a directory; verify tells of it

    async def files(self, folder: str) -> AsyncIterator[tuple[bytes, int]]:
        async for file in self.target.list(folder):
            name = layout.parse_name(file.path)
            if name is not None:
                yield name, file.size

    async def snapshots(self) -> list[Found]:
        """All that can be read, the oldest first. One that cannot is an error: it may be the one that is wanted."""
        found = [Found(name, await self.read_snapshot(name)) async for name, _ in self.files(layout.SNAPSHOTS)]
        return sorted(found, key=lambda one: (one.snapshot.time, one.name))

    async def read_snapshot(self, name: bytes) -> Snapshot:
        data = await self._read_sealed(layout.SNAPSHOTS, name, layout.SNAPSHOT_CONTEXT, layout.SNAPSHOT_MAX)
        return self._decoded(f"snapshot {name.hex()}", partial(decode_snapshot, data))

    async def read_index(self, name: bytes) -> list[PackInfo]:
        data = await self._read_sealed(layout.INDEX, name, layout.INDEX_CONTEXT, layout.INDEX_MAX)
        return self._decoded(f"index file {name.hex()}", partial(layout.decode_index, data))

    async def read_directory(self, name: bytes, size: int) -> PackInfo:
        """What a pack says of itself at its end."""
        path = layout.pack_path(name)

        def why(error: CyfsError) -> CyfsError:
            return damaged(f"pack {name.hex()}", error.message)

        try:
            tail = await self.target.read(path, max(0, size - layout.TAIL_SIZE), layout.TAIL_SIZE)
            length = layout.directory_size(tail, size)
            sealed = await self.target.read(path, size - layout.TAIL_SIZE - length, length)
            entries = layout.decode_entries(self._sealer.open(sealed, layout.DIRECTORY_CONTEXT))
            layout.check_entries(entries, size, length)
        except CyfsError as error:
            if error.code != ErrorCode.INVALID_DATA:
                raise
            raise why(error) from None
        return PackInfo(name, size, entries)

    async def _read_sealed(self, folder: str, name: bytes, context: bytes, most: int) -> bytes:
        path = layout.file_path(folder, name)
        try:
            sealed = await self.target.read(path, 0, most)
            if sha256(sealed).digest() != name:
                raise CyfsError(ErrorCode.INVALID_DATA, "its content does not match its name")
            return self._sealer.open(sealed, context)
        except CyfsError as error:
            if error.code not in (ErrorCode.INVALID_DATA, ErrorCode.NOT_FOUND):
                raise
            raise damaged(path, error.message) from None

    def _decoded(self, what: str, read: Callable[[], T]) -> T:
        try:
            return read()
        except CodecError as error:
            raise damaged(what, error.message) from None

    # -- blobs --------------------------------------------------------------------------------------------------------

    async def read_blob(self, kind: Blob, blob_id: bytes, place: Place | None = None) -> bytes:
        """The bytes of a chunk, or those of a segment. ``INVALID_DATA`` when it is missing or damaged."""
        if place is None:
            place = (await self.index.find(kind, [blob_id])).get(blob_id)
        if place is None:
            raise damaged(f"{kind.name.lower()} {blob_id.hex()}", "no pack has it")
        try:
            sealed = await self.target.read(layout.pack_path(place.pack), place.offset, place.length)
        except CyfsError as error:
            if error.code != ErrorCode.NOT_FOUND:
                raise
            raise damaged(f"pack {place.pack.hex()}", "it is missing") from None
        try:
            return await self._worker.run(partial(self.open_blob, kind, blob_id, sealed))
        except CyfsError as error:
            raise damaged(f"pack {place.pack.hex()}", error.message) from None

    def open_blob(self, kind: int, blob_id: bytes, sealed: bytes) -> bytes:
        """``INVALID_DATA``. For any thread."""
        data = self._sealer.open(sealed, layout.blob_context(kind, blob_id))
        if kind == Blob.CHUNK:
            return data
        plain = layout.unpack_segment(data)
        if self._sealer.name(kind, plain) != blob_id:
            raise CyfsError(ErrorCode.INVALID_DATA, "a segment does not match its name")
        return plain

    def segment_id(self, kind: Blob, plain: bytes) -> bytes:
        return self._sealer.name(kind, plain)

    async def add_blob(self, kind: Blob, blob_id: bytes, plain: bytes) -> None:
        """For one that is missing. It is in the repository after :meth:`flush`."""
        if len(plain) > layout.BLOB_MAX:
            raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"{len(plain)} bytes are too many for one piece of a backup")
        nonce = self._random.bytes(NONCE_SIZE)

        def seal() -> bytes:
            data = plain if kind is Blob.CHUNK else layout.pack_segment(plain)
            return self._sealer.seal(nonce, data, layout.blob_context(kind, blob_id))

        sealed = await self._worker.run(seal)
        if len(self._pack) and self._pack.size + len(sealed) > layout.PACK_SIZE:
            await self._write_pack()
        self._pack.add(kind, blob_id, sealed)

    async def _write_pack(self) -> None:
        if not len(self._pack):
            return
        pack, self._pack = self._pack, PackBuilder()
        info = await self._worker.run(partial(pack.finish, self._sealer, self._random.bytes(NONCE_SIZE)))
        await self.target.write(layout.pack_path(info.name), pack.parts)
        self.written += info.size
        await self.index.add([info], None)
        self._waiting += len(info.entries)
        if self._waiting >= layout.INDEX_ENTRIES:
            await self._write_indexes()

    async def flush(self) -> None:
        """Writes what waits, and index files for packs that have none."""
        await self._write_pack()
        await self._write_indexes()

    async def _write_indexes(self) -> None:
        self._waiting = 0
        await self.write_indexes(await self.index.unindexed())

    async def write_indexes(self, packs: Mapping[bytes, int]) -> set[bytes]:
        """Index files that tell of these packs, by name and size. Gives the names of the files."""
        written: set[bytes] = set()
        batch: list[PackInfo] = []
        for name, size in packs.items():
            batch.append(PackInfo(name, size, await self.index.blobs_of(name)))
            if sum(len(pack.entries) for pack in batch) >= layout.INDEX_ENTRIES:
                written.add(await self.write_index(batch))
                batch = []
        if batch:
            written.add(await self.write_index(batch))
        return written

    async def write_index(self, packs: Sequence[PackInfo]) -> bytes:
        """Gives its name."""
        data = await self._worker.run(partial(layout.encode_index, packs))
        name = await self._write_sealed(layout.INDEX, data, layout.INDEX_CONTEXT)
        await self.index.indexed([pack.name for pack in packs], name)
        return name

    async def write_snapshot(self, snapshot: Snapshot) -> Found:
        """The last write of a backup: it is there from now on."""
        name = await self._write_sealed(layout.SNAPSHOTS, snapshot.encode(), layout.SNAPSHOT_CONTEXT)
        return Found(name, snapshot)

    async def _write_sealed(self, folder: str, data: bytes, context: bytes) -> bytes:
        sealed = self._sealer.seal(self._random.bytes(NONCE_SIZE), data, context)
        name = sha256(sealed).digest()
        await self.target.write(layout.file_path(folder, name), [sealed])
        return name

    async def close(self) -> None:
        await self.index.close()
        await self.target.close()


def find_snapshot(found: Sequence[Found], wanted: str | None) -> Found:
    """The last one, or the one whose name begins with ``wanted``. ``NOT_FOUND``, ``INVALID_PARAM`` for several."""
    if wanted is None:
        if not found:
            raise CyfsError(ErrorCode.NOT_FOUND, "there is no backup in the repository yet")
        return found[-1]
    fitting = [one for one in found if one.name.hex().startswith(wanted.lower())]
    if not fitting:
        raise CyfsError(ErrorCode.NOT_FOUND, f"there is no backup {wanted!r}; cyfs-edge backup list shows them")
    if len(fitting) > 1:
        raise CyfsError(ErrorCode.INVALID_PARAM, f"{len(fitting)} backups begin with {wanted!r}; write more of it")
    return fitting[0]
