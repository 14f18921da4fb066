"""The file tree as a service: each change is one durable commit of the state's root, seen whole or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId, ObjectTypeCode
from cyfs_edge.core.files.content import Content, store_content
from cyfs_edge.core.files.dirs import DirFolders
from cyfs_edge.core.files.editing import Edit
from cyfs_edge.core.files.entry import Entry, Node, Span
from cyfs_edge.core.files.path import TreePath, check_path, is_within, shown
from cyfs_edge.core.files.reading import Snapshot, own_key
from cyfs_edge.core.maps.tree import MapTree
from cyfs_edge.core.ndn import cut_chunks
from cyfs_edge.core.object_cache import decode_held
from cyfs_edge.core.ports import ChunkStore, Claim, Clock, FileRange, Keep, ObjectStore, Waits, Worker
from cyfs_edge.core.state.roots import StateRoots
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.objects.core.text_storage import make_storage
from cyfs_edge.objects.envelope import NamedObject
from cyfs_edge.objects.file import file_chunks, make_file

T = TypeVar("T")

WRITES_MAX = 8
"""Files written at a time: each takes the memory of a few chunks. The next ones wait."""
WRITE_WAIT = 30.0
"""Seconds that a write waits for its turn."""
ATTRIBUTES_MAX = 64 << 10
"""Bytes of the attributes of one entry."""
ATTRIBUTES_ID = "cyfs-files-attributes"
"""The id of the Storage objects that hold them."""

Look = Callable[[TreePath], Awaitable[Entry | None]]
"""What is at a path, ``None`` without anything."""
Check = Callable[[Look], Awaitable[None]]
"""Runs right before a change is made, on the tree that is changed; what it raises is raised, and nothing is changed."""


@dataclass(frozen=True, slots=True)
class Written:
    """``created``: nothing was there before."""

    entry: Entry
    created: bool


class Listing:
    """A folder as it was when it was asked for: whatever is asked of it again gives the same."""

    __slots__ = ("_node", "_snapshot", "entry", "path")

    def __init__(self, path: TreePath, entry: Entry, node: Node | None, snapshot: Snapshot) -> None:
        self.path = path
        self.entry = entry
        self._node = node
        self._snapshot = snapshot

    def entries(self) -> AsyncIterator[Entry]:
        """In no particular order."""
        return self._snapshot.entries(self._node)

    async def attributes(self) -> bytes | None:
        """Of the folder itself."""
        return await self._snapshot.attributes(self.path)

    async def attributes_within(self) -> Callable[[str], Awaitable[bytes | None]]:
        """What gives those of an entry, by its name."""
        about = await self._snapshot.attributes_in(self.path)

        async def of(name: str) -> bytes | None:
            return await self._snapshot.attribute_of(about, own_key((name,)))

        return of


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file for reading: its ``chunks`` end to end, or for objects that are no files their own bytes."""

    entry: Entry
    length: int
    chunks: tuple[ChunkId, ...]
    offset: int = 0
    raw: bytes | None = None


async def no_check(look: Look) -> None:
    """Everything may be changed."""


class FileTree:
    """``roots``: those of root-state; ``owner``: of the files that are made here."""

    __slots__ = ("_chunks", "_claim", "_clock", "_dirs", "_objects", "_owner", "_roots", "_turn", "_worker", "_writes")

    def __init__(
        self,
        roots: StateRoots,
        objects: ObjectStore,
        chunks: ChunkStore,
        owner: ObjectId,
        clock: Clock,
        worker: Worker,
        waits: Waits,
    ) -> None:
        self._roots = roots
        self._objects = objects
        self._chunks = chunks
        # Kept while a file of the tree refers to them, on the account of its owner.
        self._claim = Claim(SYSTEM_DEC_ID, Keep.REFERRED, owner)
        self._owner = owner
        self._clock = clock
        self._worker = worker
        self._dirs = DirFolders(objects, chunks, worker)
        self._writes = 0
        self._turn = waits.bell()

    # -- reading ------------------------------------------------------------------------------------------------------

    async def look(self, path: TreePath) -> Entry | None:
        """What is at a path; ``None`` without anything."""
        check_path(path)
        return await (await self._snapshot()).look(path)

    async def stat(self, path: TreePath) -> Entry:
        """``NOT_FOUND`` when nothing is there."""
        found = await self.look(path)
        if found is None:
            raise _nothing(path)
        return found

    async def list(self, path: TreePath) -> Listing:
        """``NOT_FOUND`` when nothing is there, ``UN_SUPPORT`` when it is a file."""
        check_path(path)
        snapshot = await self._snapshot()
        entry, node = await snapshot.look(path), await snapshot.find(path)
        if entry is None:
            raise _nothing(path)
        if not entry.is_folder:
            raise CyfsError(ErrorCode.UN_SUPPORT, f"{shown(path)} is a file and has no entries")
        return Listing(path, entry, node, snapshot)

    async def open(self, path: TreePath) -> OpenFile:
        """``NOT_FOUND``: nothing, or not its object; ``UN_SUPPORT``: a folder."""
        check_path(path)
        snapshot = await self._snapshot()
        entry, node = await snapshot.look(path), await snapshot.find(path)
        if entry is None or (node is None and path):
            raise _nothing(path)
        if entry.is_folder:
            raise _is_a_folder(path)
        if isinstance(node, Span):
            return OpenFile(entry, node.end - node.begin, (node.chunk_id,), node.begin)
        assert isinstance(node, ObjectId)
        if node.is_chunk:
            return OpenFile(entry, ChunkId(node).length, (ChunkId(node),))
        record = await snapshot.record(node)
        if record is None or entry.length is None:
            raise CyfsError(ErrorCode.NOT_FOUND, f"{node}, which is at {shown(path)}, is not here")
        if node.type_code != ObjectTypeCode.FILE:
            return OpenFile(entry, len(record.raw), (), raw=record.raw)
        return OpenFile(entry, entry.length, file_chunks(decode_held(record)))

    async def read(self, file: OpenFile, start: int = 0, end: int | None = None) -> AsyncIterator[bytes | FileRange]:
        """Pieces of bytes ``[start, end)``. That all of them are here is known before the first one: ``NOT_FOUND``."""
        end = file.length if end is None else end
        if file.raw is not None:
            return _one(file.raw[start:end])
        parts = cut_chunks(file.chunks, [(file.offset + start, file.offset + end)])
        for chunk_id, _, _ in parts:
            if not await self._chunks.contains(chunk_id):
                raise CyfsError(ErrorCode.NOT_FOUND, f"chunk {chunk_id} of {file.entry.name!r} is not here")
        return self._pieces(parts)

    async def _pieces(self, parts: tuple[tuple[ChunkId, int, int], ...]) -> AsyncIterator[bytes | FileRange]:
        for chunk_id, start, end in parts:
            piece = await self._chunks.read(chunk_id, start, end)
            if piece is None:
                raise CyfsError(ErrorCode.NOT_FOUND, f"chunk {chunk_id} was deleted while it was sent")
            yield piece

    async def attributes(self, path: TreePath) -> bytes | None:
        """What :meth:`set_attributes` has kept about an entry, which has gone with it wherever it was moved since.

        ``None`` when there is nothing, or its object is not here.
        """
        check_path(path)
        return await (await self._snapshot()).attributes(path)

    async def _snapshot(self) -> Snapshot:
        return self._snapshot_of(await self._roots.dec_root(SYSTEM_DEC_ID))

    def _snapshot_of(self, dec_root: ObjectId | None) -> Snapshot:
        return Snapshot(self._roots.context, self._objects, self._dirs, self._worker, dec_root)

    # -- changes ------------------------------------------------------------------------------------------------------

    async def write(
        self,
        path: TreePath,
        pieces: AsyncIterable[bytes],
        *,
        modified: int | None = None,
        check: Check = no_check,
    ) -> Written:
        """A file of all that ``pieces`` give, in the place of an older one: the last one that is complete stays.

        ``modified``: bucky µs, the present without it. The same content and time make the same object. What ``pieces``
        raise leaves everything as it was. ``INNER_PATH_NOT_FOUND``: no such folder; ``UN_SUPPORT``: a folder is there;
        ``OUT_OF_SESSION_LIMIT``: others write and do not come to an end; ``OUT_OF_LIMIT``: no space.
        """
        _check_changeable(path)
        await self._require_place(path)
        await self._wait_for_turn()
        self._writes += 1
        try:
            content = await store_content(pieces, self._chunks, self._claim, self._worker)
        finally:
            self._writes -= 1
            self._turn.ring()
        made = self._file_of(content, self._clock.now() if modified is None else modified)
        await self._renew(content)
        created = False

        async def act(edit: Edit, look: Look) -> None:
            nonlocal created
            await check(look)
            held = await look(path)
            if held is not None and held.is_folder:
                raise _is_a_folder(path)
            created = held is None
            await edit.put(path, made.object_id)

        await self._change(act, [made])
        time = made.desc.create_time
        return Written(Entry(path[-1], False, content.length, time, str(made.object_id)), created)

    async def _wait_for_turn(self) -> None:
        end = self._clock.monotonic() + WRITE_WAIT
        while self._writes >= WRITES_MAX:
            left = end - self._clock.monotonic()
            if left <= 0:
                text = f"{WRITES_MAX} files are being written; try again in a moment"
                raise CyfsError(ErrorCode.OUT_OF_SESSION_LIMIT, text)
            await self._turn.wait(left)

    def _file_of(self, content: Content, time: int) -> NamedObject:
        return make_file(
            self._owner,
            content.length,
            content.hash,
            content.chunk_ids,
            create_time=time,
            update_time=time,
        )

    async def _renew(self, content: Content) -> None:
        """Chunks that came long ago, in a write that took long, might be collected before a file refers to them."""
        for chunk_id in content.chunk_ids:
            if not await self._chunks.renew(chunk_id):
                raise CyfsError(ErrorCode.CONFLICT, f"the chunk {chunk_id} was deleted while its file was written")

    async def make_dir(self, path: TreePath, *, check: Check = no_check) -> None:
        """``ALREADY_EXISTS`` when anything is there, ``INNER_PATH_NOT_FOUND`` without a folder to make it in."""
        _check_changeable(path)

        async def act(edit: Edit, look: Look) -> None:
            await check(look)
            if await look(path) is not None:
                raise CyfsError(ErrorCode.ALREADY_EXISTS, f"{shown(path)} is there already")
            await edit.make_folder(path)

        await self._change(act)

    async def remove(self, path: TreePath, *, check: Check = no_check) -> None:
        """With all that is in it. ``NOT_FOUND`` when nothing is there."""
        _check_changeable(path)

        async def act(edit: Edit, look: Look) -> None:
            await check(look)
            if await look(path) is None:
                raise _nothing(path)
            await edit.take(path)
            await edit.carry_attributes(path, None, keep=False)

        await self._change(act)

    async def move(self, path: TreePath, to: TreePath, *, replace: bool, check: Check = no_check) -> bool:
        """Whether nothing was at ``to``. Also what is below moves in one commit. Errors as of :meth:`copy`."""
        _check_pair(path, to)

        async def act(edit: Edit, look: Look) -> bool:
            await check(look)
            created = await _target(look, path, to, replace)
            await edit.put(to, await edit.take(path))
            await edit.carry_attributes(path, to, keep=False)
            return created

        return await self._change(act)

    async def copy(
        self, path: TreePath, to: TreePath, *, replace: bool, deep: bool = True, check: Check = no_check
    ) -> bool:
        """Whether nothing was at ``to``. No data is copied. ``deep``: false for a folder without what is in it.

        ``NOT_FOUND``: nothing is at ``path``; ``ALREADY_EXISTS``: something is at ``to`` and must not be replaced;
        ``PERMISSION_DENIED``: one of them is in the other; ``INNER_PATH_NOT_FOUND``: no folder for ``to``.
        """
        _check_pair(path, to)

        async def act(edit: Edit, look: Look) -> bool:
            await check(look)
            created = await _target(look, path, to, replace)
            source = await look(path)
            if deep or source is None or not source.is_folder:
                await edit.put(to, await edit.take(path, keep=True))
            else:
                await edit.make_folder(to)
            await edit.carry_attributes(path, to, keep=True, below=deep)
            return created

        return await self._change(act)

    async def set_attributes(
        self, path: TreePath, change: Callable[[bytes | None], bytes | None], *, check: Check = no_check
    ) -> None:
        """Keeps what ``change`` makes of the attributes held; ``None`` removes them. They are no part of the content.

        ``NOT_FOUND`` when nothing is at ``path``; ``OUT_OF_LIMIT`` beyond ``ATTRIBUTES_MAX`` bytes.
        """
        check_path(path)
        made: list[NamedObject] = []

        async def act(edit: Edit, look: Look) -> None:
            await check(look)
            if await look(path) is None:
                raise _nothing(path)
            data = change(await self.attributes(path))
            if data is None:
                await edit.set_attributes(path, None)
                return
            if len(data) > ATTRIBUTES_MAX:
                raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"attributes of {len(data)} bytes, at most {ATTRIBUTES_MAX}")
            made.append(make_storage(ATTRIBUTES_ID, data, update_time=self._clock.now(), hashed=True))
            await edit.set_attributes(path, made[0].object_id)

        await self._change(act, made)

    async def _change(self, act: Callable[[Edit, Look], Awaitable[T]], owned: Sequence[NamedObject] = ()) -> T:
        """One change after another, each on what the one before has left; durable when it returns."""
        roots = self._roots
        await roots.make_dec_root(SYSTEM_DEC_ID)
        async with roots.mutex:
            dec_root = await roots.require_dec_root(SYSTEM_DEC_ID)
            root = await MapTree.load(roots.context, dec_root)
            edit = Edit(roots.context, root, self._dirs, self._chunks, self._claim, self._worker)
            result = await act(edit, self._snapshot_of(dec_root).look)
            root_id, maps = root.flush()
            # Also when the root is the same: an object that it names may have been missing.
            if owned or root_id != dec_root:
                await roots.publish(SYSTEM_DEC_ID, root_id, [*owned, *maps])
        return result

    async def _require_place(self, path: TreePath) -> None:
        """Before anything is read that there would be no place for."""
        folder, held = await self.look(path[:-1]), await self.look(path)
        if folder is None or not folder.is_folder:
            raise CyfsError(ErrorCode.INNER_PATH_NOT_FOUND, f"there is no folder {shown(path[:-1])}")
        if held is not None and held.is_folder:
            raise _is_a_folder(path)


def _check_changeable(path: TreePath) -> None:
    check_path(path)
    if not path:
        raise CyfsError(ErrorCode.PERMISSION_DENIED, "the top of the tree can be neither replaced nor removed")


def _check_pair(path: TreePath, to: TreePath) -> None:
    _check_changeable(path)
    _check_changeable(to)
    if is_within(path, to) or is_within(to, path):
        raise CyfsError(ErrorCode.PERMISSION_DENIED, f"of {shown(path)} and {shown(to)} one is in the other")


async def _target(look: Look, path: TreePath, to: TreePath, replace: bool) -> bool:
    """Whether ``to`` is free. What is wrong with the source is said first."""
    if await look(path) is None:
        raise _nothing(path)
    held = await look(to)
    if held is not None and not replace:
        raise CyfsError(ErrorCode.ALREADY_EXISTS, f"{shown(to)} is there already")
    return held is None


async def _one(data: bytes) -> AsyncIterator[bytes | FileRange]:
    if data:
        yield data


def _nothing(path: TreePath) -> CyfsError:
    return CyfsError(ErrorCode.NOT_FOUND, f"nothing is at {shown(path)}")


def _is_a_folder(path: TreePath) -> CyfsError:
    return CyfsError(ErrorCode.UN_SUPPORT, f"{shown(path)} is a folder")
