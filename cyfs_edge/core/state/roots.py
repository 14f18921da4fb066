"""The global root of one state and the dec roots in it (docs/protocol/object-map.md §7.1, §7.2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId, ObjectTypeCode
from cyfs_edge.core.maps import operations
from cyfs_edge.core.maps.tree import MapContext, MapTree
from cyfs_edge.core.ports import Clock, Mutex, ObjectRecord, RootChange, RootRecord, StateStore, Waits
from cyfs_edge.core.state.map_cache import MapCache
from cyfs_edge.core.state.path_lock import PathLocks
from cyfs_edge.objects.core.dec_app import ANONYMOUS_DEC_ID, SYSTEM_DEC_ID
from cyfs_edge.objects.envelope import NamedObject
from cyfs_edge.objects.object_map import MapClass, MapContentType

KNOWN_MAX = 10_000
"""Dec roots whose global root is remembered."""
OWNED = "state"
"""The context of objects that are kept for the sake of the root that names them."""


@dataclass(frozen=True, slots=True)
class RootInfo:
    """What calls tell of a dec root: the global root that first held it, and its revision."""

    root: ObjectId
    revision: int
    dec_root: ObjectId | None = None


class StateRoots:
    """One state, as it is stored. ``name``: that of its root in the store; ``owner``: of all maps made here."""

    def __init__(
        self, name: str, owner: ObjectId, store: StateStore, maps: MapCache, clock: Clock, waits: Waits
    ) -> None:
        self._name = name
        self.owner = owner
        self._store = store
        self._maps = maps
        self._clock = clock
        self._waits = waits
        self.context = MapContext(maps.load, clock.now)
        self._record: RootRecord | None = None
        self._unsure = False
        self._known: dict[ObjectId, RootRecord] = {}
        self._locks: dict[ObjectId, PathLocks] = {}
        self.mutex: Mutex = waits.mutex()
        """Held by whoever changes a root, from the look at the old one to the commit of the new one."""

    async def record(self) -> RootRecord:
        """The current global root; it is made when there is none yet."""
        if self._record is not None and not self._unsure:
            return self._record
        held = await self._store.root(self._name)
        if held is None:
            top = MapTree.new(
                self.context,
                MapContentType.MAP,
                owner=self.owner,
                dec_id=SYSTEM_DEC_ID,
                map_class=MapClass.GLOBAL_ROOT,
            )
            root_id, objects = top.flush()
            held = RootRecord(root_id, 1)
            await self._commit(None, held, self._records(SYSTEM_DEC_ID, objects))
        if self._record is None:
            self._record = held
        return self._record if not self._unsure else held

    async def current(self) -> RootInfo:
        record = await self.record()
        return RootInfo(record.root, record.revision)

    async def dec_root(self, dec: ObjectId) -> ObjectId | None:
        top = await MapTree.load(self.context, (await self.record()).root)
        return await operations.get_by_key(top, str(dec))

    async def info(self, dec_root: ObjectId) -> RootInfo:
        """What is told of a dec root: the first global root that held it counts, also when it comes back later."""
        known = self._known.get(dec_root)
        if known is None:
            known = self._remember(dec_root, await self.record())
        return RootInfo(known.root, known.revision, dec_root)

    async def require_dec_root(self, dec: ObjectId) -> ObjectId:
        found = await self.dec_root(dec)
        if found is None:
            raise CyfsError(ErrorCode.NOT_FOUND, f"dec {dec} has no state here")
        return found

    async def make_dec_root(self, dec: ObjectId) -> ObjectId:
        """The root of a dec, made at its first use. Must not be called by who holds the mutex."""
        if dec == ANONYMOUS_DEC_ID:
            raise CyfsError(ErrorCode.PERMISSION_DENIED, "the anonymous dec has no state")
        found = await self.dec_root(dec)
        if found is not None:
            return found
        async with self.mutex:
            found = await self.dec_root(dec)
            if found is not None:
                return found
            made = MapTree.new(
                self.context, MapContentType.MAP, owner=self.owner, dec_id=dec, map_class=MapClass.DEC_ROOT
            )
            root_id, objects = made.flush()
            await self.publish(dec, root_id, objects)
            return root_id

    async def publish(
        self, dec: ObjectId, dec_root: ObjectId, objects: list[NamedObject], owned: Sequence[NamedObject] = ()
    ) -> RootInfo:
        """Makes ``dec_root`` the root of the dec, durably, with the new objects below it. For who holds the mutex.

        ``owned``: those that nobody put by their id, so that they may go when no root leads to them any more.
        """
        held = await self.record()
        top = await MapTree.load(self.context, held.root)
        await operations.set_with_key(top, str(dec), dec_root, None, True)
        root_id, tops = top.flush()
        new = RootRecord(root_id, held.revision + 1)
        records = [
            *self._records(dec, objects),
            *(replace(record, context=OWNED) for record in self._records(dec, owned)),
            *self._records(SYSTEM_DEC_ID, tops),
        ]
        await self._commit(held, new, records)
        self._maps.keep(obj for obj in (*objects, *tops) if obj.type_code == ObjectTypeCode.OBJECT_MAP)
        self._remember(dec_root, new)
        return await self.info(dec_root)

    async def store(self, dec: ObjectId, objects: list[NamedObject]) -> None:
        """Keeps maps that are in no root yet."""
        if objects:
            await self._store.commit(self._records(dec, objects))
            self._maps.keep(objects)

    def locks(self, dec: ObjectId) -> PathLocks:
        """The locks on the root of a dec. Only for decs that have one, so that there are not more of them."""
        found = self._locks.get(dec)
        if found is None:
            found = self._locks[dec] = PathLocks(self._clock, self._waits.bell())
        return found

    async def _commit(self, held: RootRecord | None, new: RootRecord, records: list[ObjectRecord]) -> None:
        # Should this be cut off, it is not known what the store has: it is asked until the next commit has told.
        self._unsure = True
        if not await self._store.commit(records, RootChange(self._name, held, new)):
            raise CyfsError(ErrorCode.CONFLICT, f"the {self._name} root was changed by an earlier call; try again")
        self._record = new
        self._unsure = False

    def _remember(self, dec_root: ObjectId, record: RootRecord) -> RootRecord:
        kept = self._known.setdefault(dec_root, record)
        if len(self._known) > KNOWN_MAX:
            del self._known[next(iter(self._known))]
        return kept

    def _records(self, dec: ObjectId, objects: Iterable[NamedObject]) -> list[ObjectRecord]:
        now = self._clock.now()
        return [ObjectRecord(obj.object_id, obj.raw, dec, now, now, obj.update_time) for obj in objects]
