"""Path meta as Storage objects in the root-state of each dec (access-and-zone.md §4, object-map.md §7.3)."""

from __future__ import annotations

from collections.abc import Callable

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.maps.paths import PathTree
from cyfs_edge.core.ports import Clock, ObjectStore
from cyfs_edge.core.state.roots import StateRoots
from cyfs_edge.objects.core.registry import decode_core
from cyfs_edge.objects.core.text_storage import StorageBody, make_storage
from cyfs_edge.objects.envelope import decode_object

META_PATH = "/.cyfs/meta"


class StateMeta:
    """A ``MetaStore`` on root-state, which holds the path meta of both categories."""

    __slots__ = ("_clock", "_objects", "_roots")

    def __init__(self, roots: StateRoots, objects: ObjectStore, clock: Clock) -> None:
        """``roots``: those of root-state."""
        self._roots = roots
        self._objects = objects
        self._clock = clock

    async def version(self, dec: ObjectId) -> ObjectId | None:
        """The root of the dec: whoever changes the record changes that."""
        return await self._roots.dec_root(dec)

    async def load(self, dec: ObjectId, category: str) -> bytes | None:
        dec_root = await self._roots.dec_root(dec)
        return None if dec_root is None else await self._read(dec_root, category)

    async def update(self, dec: ObjectId, category: str, change: Callable[[bytes | None], bytes | None]) -> None:
        """The new Storage object and the root that holds it are kept in one transaction."""
        if await self._roots.dec_root(dec) is None:
            if change(None) is None:
                return
            await self._roots.make_dec_root(dec)
        async with self._roots.mutex:
            dec_root = await self._roots.require_dec_root(dec)
            data = change(await self._read(dec_root, category))
            if data is None:
                return
            # Hashed: the root names this very value, and no object put from outside can take its place.
            made = make_storage(f"cyfs-{category}-path-meta", data, update_time=self._clock.now(), hashed=True)
            tree = await PathTree.open(self._roots.context, dec_root)
            await tree.set_with_key(META_PATH, category, made.object_id, None, True)
            root_id, maps = tree.flush()
            await self._roots.publish(dec, root_id, [made, *maps])

    async def _read(self, dec_root: ObjectId, category: str) -> bytes | None:
        tree = await PathTree.open(self._roots.context, dec_root)
        storage_id = await tree.get_by_path(f"{META_PATH}/{category}")
        if storage_id is None:
            return None
        held = await self._objects.get(storage_id)
        content = None if held is None else decode_core(decode_object(held.raw))
        if content is None or not isinstance(content.body, StorageBody):
            raise CyfsError(ErrorCode.INVALID_DATA, f"the path meta {storage_id} is not here, or no Storage object")
        return content.body.value
