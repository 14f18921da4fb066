"""What a running collection knows: whatever is read before its sweep, and whatever is written at any time, stays."""

from __future__ import annotations

from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.objects.object_map import MapClass, MapContentType, MapEntries, ObjectMap, make_object_map
from cyfs_edge.store.collection import WRITES_AT_ONCE, Collection
from cyfs_edge.store.id_set import IdSet

OBJECTS: dict[ObjectId, bytes] = {}


def a_map(name: str, *values: ObjectId) -> ObjectId:
    entries = {str(number): value for number, value in enumerate(values)} | {name: ChunkId.of_data(name.encode())}
    value = ObjectMap(MapClass.ROOT, len(entries), 1, 0, MapContentType.MAP, MapEntries(entries))
    obj = make_object_map(value, update_time=1)
    OBJECTS[obj.object_id] = obj.raw
    return obj.object_id


def no_chunk(chunk_id: ChunkId) -> None:
    return None


LEAF = a_map("leaf")
TOP = a_map("top", LEAF)
OTHER = a_map("other")


def test_marking_reaches_all_that_an_object_leads_to() -> None:
    collection = Collection()
    collection.mark([TOP], OBJECTS.get, no_chunk)
    assert collection.is_live(TOP)
    assert collection.is_live(LEAF)
    assert collection.is_live(ChunkId.of_data(b"leaf"))
    assert not collection.is_live(OTHER)


def test_what_is_read_before_the_sweep_stays_with_all_below() -> None:
    collection = Collection()
    assert collection.read(TOP, True) is True
    assert collection.has_reads
    collection.mark_reads(OBJECTS.get, no_chunk)
    collection.sweeping = True
    assert collection.read(TOP, True) is True
    assert collection.read(LEAF, True) is True
    assert collection.read(OTHER, True) is False
    assert collection.read(OTHER, False) is True, "what nobody but a user made is never given up"


def test_what_is_written_stays_from_that_moment_on() -> None:
    collection = Collection()
    collection.sweeping = True
    collection.wrote(TOP)
    assert collection.read(TOP, True) is True
    assert collection.mark_writes(OBJECTS.get, no_chunk) is True
    assert collection.read(TOP, True) is True
    assert collection.read(LEAF, True) is True


def test_what_was_marked_before_it_was_written_is_looked_at_again() -> None:
    collection = Collection()
    collection.mark([TOP], {}.get, no_chunk)
    assert not collection.is_live(LEAF)
    collection.wrote(TOP)
    assert collection.mark_writes(OBJECTS.get, no_chunk) is True
    assert collection.is_live(LEAF)


def test_many_writes_are_marked_a_part_at_a_time() -> None:
    collection = Collection()
    for number in range(WRITES_AT_ONCE + 1):
        collection.wrote(ChunkId.of_data(str(number).encode()))
    assert collection.mark_writes(OBJECTS.get, no_chunk) is False
    assert collection.mark_writes(OBJECTS.get, no_chunk) is True


def test_an_id_that_somebody_made_up_does_not_stand_for_another_one() -> None:
    """What a map names need be no hash: a chunk with the last bytes of a map must not hide what that map leads to."""
    for kind in (bytes(15), b"\xff" * 15, LEAF[:15]):
        forged = ChunkId.of_data(b"")[:1] + kind + TOP[16:]
        collection = Collection()
        collection.mark([a_map("bait", ObjectId(forged))], OBJECTS.get, no_chunk)
        assert not collection.is_live(TOP)
        collection.mark([TOP], OBJECTS.get, no_chunk)
        assert collection.is_live(LEAF)


def test_the_set_of_ids_is_a_set() -> None:
    ids = [ChunkId.of_data(str(number).encode()) for number in range(5000)]
    held = IdSet()
    assert all(held.add(one) for one in ids)
    assert not any(held.add(one) for one in ids)
    assert len(held) == len(ids)
    assert all(one in held for one in ids)
    assert not any(ChunkId.of_data(str(number).encode()) in held for number in range(5000, 9000))
