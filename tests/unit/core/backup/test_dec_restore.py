"""One dec out of a backup, merged into a node that went on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.core.backup.dec_restore import DecRestorer
from cyfs_edge.core.backup.restore import Restored, SnapshotReader
from cyfs_edge.core.maps import operations
from cyfs_edge.core.maps.tree import MapTree
from cyfs_edge.core.ports import Change, Claim, ObjectRecord
from cyfs_edge.core.state.map_cache import MapCache
from cyfs_edge.core.state.roots import StateRoots
from cyfs_edge.host.waits import AsyncWaits
from cyfs_edge.objects.builder import BodyParts, build_object
from cyfs_edge.objects.dir import DirEntry, DirList, make_dir
from cyfs_edge.objects.envelope import NamedObject
from cyfs_edge.objects.file import make_file
from cyfs_edge.objects.object_map import MapContentType
from cyfs_edge.store.memory import MemoryStore
from tests.storekit.kit import ManualClock, make_chunk, make_record, put_record
from tests.unit.core.backup.kit import WORKER, back_up, make_repository, opened, quiet

OWNER = make_record("owner").object_id
DEC, OTHER = make_record("dec a").object_id, make_record("dec b").object_id


@dataclass
class Box:
    """A store with a root-state."""

    store: MemoryStore
    state: StateRoots

    @classmethod
    def new(cls, device: str = "device") -> Box:
        store = MemoryStore()
        state = StateRoots(
            f"root-state/{device}", OWNER, store.state, MapCache(store.objects), ManualClock(), AsyncWaits()
        )
        return cls(store, state)

    async def put(self, obj: NamedObject, dec: ObjectId) -> ObjectId:
        record = ObjectRecord(obj.object_id, obj.raw, dec, 1, 2, obj.update_time)
        await put_record(self.store, record)
        return obj.object_id

    async def set(self, dec: ObjectId, entries: dict[str, ObjectId]) -> ObjectId:
        """The state of the dec becomes a map with these entries."""
        tree = MapTree.new(self.state.context, MapContentType.MAP, owner=OWNER, dec_id=dec)
        for key, value in entries.items():
            await operations.insert_with_key(tree, key, value)
        root, objects = tree.flush()
        async with self.state.mutex:
            await self.state.publish(dec, root, objects)
        return root


def thing(text: str, update_time: int = 1) -> NamedObject:
    return build_object(40_000, desc_content=text.encode(), body=BodyParts(text.encode(), update_time=update_time))


@pytest.fixture
async def place(tmp_path: Path) -> Path:
    await make_repository(tmp_path / "backup")
    return tmp_path / "backup"


async def restore(place: Path, box: Box, dec: ObjectId = DEC) -> Restored:
    async with opened(place) as repository:
        found = (await repository.snapshots())[-1]
        reader = SnapshotReader(repository, found.snapshot, WORKER)
        return await DecRestorer(reader, box.store, {"root-state": box.state}, quiet).run(dec)


def listed_in_chunk(entries: dict[str, ObjectId]) -> tuple[NamedObject, ChunkId, bytes]:
    """A Dir whose list is in a chunk of its own."""
    data = DirList({name: DirEntry(one) for name, one in entries.items()}).encode()
    chunk_id = ChunkId.of_data(data)
    return make_dir(OWNER, chunk_id, update_time=1), chunk_id, data


async def test_all_that_the_state_of_a_dec_leads_to_comes_back(place: Path) -> None:
    """Also what another dec put, and what only the list in a chunk names."""
    box = Box.new()
    chunk_id, data = make_chunk("content", 5000)
    file = make_file(OWNER, len(data), bytes(32), [chunk_id], update_time=1)
    folder, list_id, list_data = listed_in_chunk({"a": file.object_id})
    for obj in (file, folder):
        await box.put(obj, OTHER)
    await box.store.chunks.put(chunk_id, data)
    await box.store.chunks.put(list_id, list_data)
    own, own_data = make_chunk("own", 300)
    await box.store.chunks.put(own, own_data, claim=Claim(DEC))
    root = await box.set(DEC, {"folder": folder.object_id, "thing": await box.put(thing("one"), DEC)})
    await box.set(OTHER, {"x": await box.put(thing("other's"), OTHER)})
    await back_up(box.store, place)
    new = Box.new("another device")
    kept = await new.set(OTHER, {"y": await new.put(thing("kept"), OTHER)})
    done = await restore(place, new)
    assert done.roots == {f"root-state/{DEC}": str(root)}
    assert await new.state.dec_root(DEC) == root
    assert await new.state.dec_root(OTHER) == kept
    for obj in (file, folder, thing("one")):
        record = await new.store.objects.get(obj.object_id)
        assert record is not None
        assert record.raw == obj.raw
    for one in (chunk_id, list_id, own):
        assert await new.store.chunks.contains(one)
    assert await new.store.objects.get(thing("other's").object_id) is None
    again = await restore(place, new)
    assert (again.objects, again.chunks) == (0, 0)


async def test_newer_objects_of_the_node_stay(place: Path) -> None:
    box = Box.new()
    old, new = (build_object(40_000, desc_content=b"x", body=BodyParts(b"%d" % n, update_time=n)) for n in (1, 2))
    await box.set(DEC, {"x": await box.put(old, DEC)})
    await back_up(box.store, place)
    await box.put(new, DEC)
    await restore(place, box)
    held = await box.store.objects.get(old.object_id)
    assert held is not None
    assert held.raw == new.raw


async def test_many_decs_are_found_in_a_large_root(place: Path) -> None:
    box = Box.new()
    box.state.context = type(box.state.context)(box.state.context.load, box.state.context.now, 200)
    root = await box.set(DEC, {"x": thing("one").object_id})
    for number in range(12):
        await box.set(make_record(f"dec {number}").object_id, {"x": thing("other").object_id})
    await back_up(box.store, place)
    new = Box.new()
    await restore(place, new)
    assert await new.state.dec_root(DEC) == root


async def test_a_state_that_lacks_maps_is_not_put_into_its_place(place: Path) -> None:
    box = Box.new()
    inner = MapTree.new(box.state.context, MapContentType.MAP, owner=OWNER, dec_id=DEC)
    inner_id, objects = inner.flush()
    await box.state.store(DEC, objects)
    await box.set(DEC, {"inner": inner_id})
    await box.store.objects.update(inner_id, lambda held: Change(None, delete=True))
    await back_up(box.store, place)
    new = Box.new()
    kept = await new.set(DEC, {"y": thing("kept").object_id})
    with pytest.raises(CyfsError) as raised:
        await restore(place, new)
    assert raised.value.code == ErrorCode.INVALID_DATA
    assert await new.state.dec_root(DEC) == kept


async def test_an_unknown_dec_is_told(place: Path) -> None:
    box = Box.new()
    await box.set(DEC, {"x": thing("one").object_id})
    await back_up(box.store, place)
    with pytest.raises(CyfsError) as raised:
        await restore(place, box, OTHER)
    assert raised.value.code == ErrorCode.NOT_FOUND


async def test_a_dec_that_is_too_large_is_told(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    box = Box.new()
    await box.set(DEC, {f"{number}": thing(f"{number}").object_id for number in range(10)})
    await back_up(box.store, place)
    monkeypatch.setattr("cyfs_edge.core.backup.dec_restore.WANTED_MAX", 5)
    with pytest.raises(CyfsError) as raised:
        await restore(place, Box.new())
    assert raised.value.code == ErrorCode.OUT_OF_LIMIT
