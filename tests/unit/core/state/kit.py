"""A state of its own on a store in memory, without HTTP."""

from __future__ import annotations

from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.ports import StateStore
from cyfs_edge.core.state.map_cache import MapCache
from cyfs_edge.core.state.op_env import OpEnv, PathLimit, WriteBudget
from cyfs_edge.core.state.roots import StateRoots
from cyfs_edge.host.waits import AsyncWaits
from cyfs_edge.objects.envelope import decode_object
from cyfs_edge.objects.object_map import MapClass
from cyfs_edge.store.lmdb_store import LmdbStore
from cyfs_edge.store.memory import MemoryStore
from tests.node import TestClock
from tests.unit.core.maps.kit import DEC, OWNER


class State:
    def __init__(
        self,
        store: MemoryStore | LmdbStore | None = None,
        commits: StateStore | None = None,
        clock: TestClock | None = None,
    ) -> None:
        """``commits``: in place of the store's own, to see or to stop what is committed."""
        self.store = store or MemoryStore()
        self.clock = clock or TestClock()
        self.waits = AsyncWaits()
        self.maps = MapCache(self.store.objects)
        self.roots = StateRoots("test", OWNER, commits or self.store.state, self.maps, self.clock, self.waits)
        self.budget = WriteBudget()
        self._sid = 0

    def open(self, kind: type[OpEnv], limit: PathLimit | None = None) -> OpEnv:
        self._sid += 1
        return kind(self._sid, self.roots, DEC, limit, self.waits.mutex(), self.budget)

    async def dec_root(self) -> ObjectId:
        return await self.roots.require_dec_root(DEC)

    @property
    def stored_maps(self) -> int:
        """How many the store has; global roots do not count."""
        assert isinstance(self.store, MemoryStore)
        maps = (decode_object(record.raw).desc.value for record in self.store.objects.records.values())
        return sum(one.map_class is not MapClass.GLOBAL_ROOT for one in maps)


async def make_state() -> State:
    state = State()
    await state.roots.make_dec_root(DEC)
    return state
