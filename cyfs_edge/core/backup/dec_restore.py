"""One dec's state, objects and chunks out of a backup, merged into a running node."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.core.backup.create import Progress
from cyfs_edge.core.backup.restore import Restored, Restorer, SnapshotReader
from cyfs_edge.core.backup.walk import walk_maps
from cyfs_edge.core.maps import operations
from cyfs_edge.core.maps.tree import MapContext, MapTree
from cyfs_edge.core.ports import ObjectRecord, Store
from cyfs_edge.core.references import references
from cyfs_edge.core.state.roots import StateRoots
from cyfs_edge.objects.dir import Dir, DirList, dir_list
from cyfs_edge.objects.envelope import NamedObject, decode_object

WANTED_MAX = 1_000_000
"""Most ids that are looked for at a time."""
_PASSES_MAX = 64


class DecRestorer:
    """The snapshot is read in the order of its ids, several times when what is found leads to more."""

    def __init__(
        self,
        reader: SnapshotReader,
        store: Store,
        states: Mapping[str, StateRoots],
        report: Callable[[Progress], None],
    ) -> None:
        """``states``: those of the node, by category."""
        self._reader = reader
        self._store = store
        self._states = states
        self._restorer = Restorer(reader, store, report)
        self._objects: set[ObjectId] = set()
        self._chunks: set[ChunkId] = set()
        self._seen: set[ObjectId] = set()
        self._lists: set[ChunkId] = set()

    async def run(self, dec: ObjectId) -> Restored:
        """The dec's state becomes that of the backup; all else is added, and newer objects of the node stay."""
        await self._reader.check_complete()
        dec_roots = await self._dec_roots(dec)
        self._want(dec_roots.values())
        found_dec = bool(dec_roots)
        more = True
        for number in range(_PASSES_MAX):
            if not more:
                break
            found = await self._object_pass(dec if number == 0 else None)
            found_dec |= found > 0
            more = found > 0 and bool(self._objects)
            more |= await self._chunk_pass(dec if number == 0 else None)
        if not found_dec:
            raise CyfsError(ErrorCode.NOT_FOUND, f"the backup has nothing of dec {dec}")
        for category, dec_root in dec_roots.items():
            await self._publish(category, dec, dec_root)
        return self._restorer.done

    async def _object_pass(self, dec: ObjectId | None) -> int:
        """Merges what is wanted, and what ``dec`` put; gives how many there were."""
        found = 0
        async for records in self._reader.objects():
            taken = [one for one in records if one.create_dec_id == dec or one.object_id in self._objects]
            await self._restorer.merge_objects(taken)
            for record in taken:
                self._take(record)
            found += len(taken)
        return found

    def _take(self, record: ObjectRecord) -> None:
        self._objects.discard(record.object_id)
        self._seen.add(record.object_id)
        obj = decode_object(record.raw)
        try:
            named = list(references(obj, _unread))
            listing = dir_list(obj) if isinstance(obj.desc.value, Dir) else None
        except CodecError:
            return  # a sound object with a list that nobody can read leads nowhere
        self._want(named)
        if isinstance(listing, ChunkId):
            self._lists.add(listing)

    def _want(self, ids: Iterable[ObjectId]) -> None:
        for one in ids:
            if one in self._seen:
                continue
            if one.is_chunk:
                self._chunks.add(ChunkId(one))
            elif not one.is_data:
                self._objects.add(one)
        if len(self._objects) + len(self._chunks) + len(self._seen) > WANTED_MAX:
            raise CyfsError(
                ErrorCode.OUT_OF_LIMIT,
                f"the dec has more than {WANTED_MAX} objects and chunks; restore all of the backup into another root",
            )

    async def _chunk_pass(self, dec: ObjectId | None) -> bool:
        """Brings the wanted chunks, and those that ``dec`` pays for. Whether a folder's list named objects anew."""
        if not self._chunks and dec is None:
            return False
        before = len(self._objects)
        async for chunks in self._reader.chunks():
            taken = [one for one in chunks if one[1].dec == dec or one[0] in self._chunks]
            await self._restorer.put_chunks(taken)
            for chunk_id, _ in taken:
                self._chunks.discard(chunk_id)
                self._seen.add(chunk_id)
                if chunk_id in self._lists:
                    self._want(_listed(await self._store.chunks.read_whole(chunk_id)))
        return len(self._objects) > before or bool(self._chunks & self._lists)

    async def _dec_roots(self, dec: ObjectId) -> dict[str, ObjectId]:
        """The root of the dec in each state of the backup that has one."""
        found: dict[str, ObjectId] = {}
        for root in self._reader.snapshot.roots:
            category = root.name.partition("/")[0]
            if category in self._states:
                dec_root = await self._dec_root(root.root, dec)
                if dec_root is not None:
                    found[category] = dec_root
        return found

    async def _dec_root(self, global_root: ObjectId, dec: ObjectId) -> ObjectId | None:
        maps: dict[ObjectId, NamedObject | None] = {global_root: None}
        wanted: list[ObjectId] = [global_root]

        async def load(object_id: ObjectId) -> NamedObject | None:
            if object_id not in maps:
                wanted.append(object_id)
            return maps.get(object_id)

        context = MapContext(load, lambda: 0)
        while wanted:
            await self._fetch(maps, wanted)
            wanted.clear()
            try:
                top = await MapTree.load(context, global_root)
                return await operations.get_by_key(top, str(dec))
            except CyfsError as error:
                # A part of the map that is yet to be fetched is told as one that is not there.
                if error.code != ErrorCode.NOT_FOUND or not wanted:
                    raise
        return None

    async def _fetch(self, maps: dict[ObjectId, NamedObject | None], wanted: list[ObjectId]) -> None:
        maps.update(dict.fromkeys(wanted))
        async for records in self._reader.objects():
            for record in records:
                if record.object_id in wanted:
                    maps[record.object_id] = decode_object(record.raw)

    async def _publish(self, category: str, dec: ObjectId, dec_root: ObjectId) -> None:
        _, missing = await walk_maps(self._store.objects, dec_root)
        if missing:
            raise CyfsError(
                ErrorCode.INVALID_DATA,
                f"the backup lacks {len(missing)} maps of the {category} of dec {dec}, the first is {missing[0]}; "
                "its state is left as it is. Take an older backup",
            )
        roots = self._states[category]
        async with roots.mutex:
            if await roots.dec_root(dec) != dec_root:
                await roots.publish(dec, dec_root, [])
        self._restorer.done.roots[f"{category}/{dec}"] = str(dec_root)


def _unread(chunk_id: ChunkId) -> None:
    """Lists in chunks are looked at when the chunk has been brought."""


def _listed(data: bytes | None) -> set[ObjectId]:
    """What the list of a folder names; nothing when it is no list."""
    try:
        return set(DirList.decode(data or b"").object_ids())
    except CodecError:
        return set()
