"""Object maps as values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.codec import Reader, Writer
from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode
from cyfs_edge.base.ids import make_object_id
from cyfs_edge.objects.object_map import (
    HUB_BUCKETS,
    DiffMapEntries,
    DiffMapItem,
    DiffSetEntries,
    DiffSetItem,
    HubEntries,
    MapClass,
    MapContentType,
    MapEntries,
    ObjectMap,
    SetEntries,
    hub_index,
    make_object_map,
)
from tests import strategies

A, B, C = (make_object_id(bytes(31) + bytes((number,)), 8) for number in (1, 2, 3))


def content(kind: MapContentType, entries: object, depth: int = 0) -> ObjectMap:
    return ObjectMap(MapClass.ROOT, 1, 2, depth, kind, entries)  # type: ignore[arg-type]


@given(strategies.object_map_contents)
def test_contents_come_back(value: ObjectMap) -> None:
    assert ObjectMap.read(Reader(value.encode())) == value


def test_entries_are_written_in_order() -> None:
    """Keys by bytes, ids by bytes, differences none before some."""
    entries = MapEntries({"b": A, "a": B, "é": C, "B": A})
    raw = content(MapContentType.MAP, entries).encode()
    assert [raw.index(key.encode()) for key in ("B", "a", "b", "é")] == sorted(
        raw.index(key.encode()) for key in entries.values
    )
    items = DiffSetEntries(frozenset({DiffSetItem(A, B), DiffSetItem(A, None), DiffSetItem(None, C)}))
    written = Reader(content(MapContentType.DIFFSET, items).encode()[22:])
    assert written.vec(DiffSetItem.read) == [DiffSetItem(None, C), DiffSetItem(A, None), DiffSetItem(A, B)]


def test_entries_may_come_in_any_order() -> None:
    sorted_raw = content(MapContentType.SET, SetEntries(frozenset({A, B}))).encode()
    other = sorted_raw[:-64] + sorted_raw[-32:] + sorted_raw[-64:-32]
    assert ObjectMap.read(Reader(other)).encode() == sorted_raw


def test_a_key_is_looked_up_in_a_simple_map() -> None:
    value = content(MapContentType.MAP, MapEntries({"a": A}))
    assert (value.get("a"), value.get("b")) == (A, None)
    for other in (
        content(MapContentType.SET, SetEntries(frozenset())),
        content(MapContentType.MAP, HubEntries({})),
    ):
        with pytest.raises(CyfsError) as caught:
            other.get("a")
        assert caught.value.code == ErrorCode.NOT_SUPPORT


def test_a_hub_tells_the_sub_map_of_a_key() -> None:
    value = content(MapContentType.MAP, HubEntries({hub_index("a", 1): B}), depth=1)
    assert value.is_hub
    assert value.sub_map_of("a") == value.sub_map_of(b"a") == B
    assert value.sub_map_of("not there") is None
    with pytest.raises(CyfsError) as caught:
        content(MapContentType.MAP, MapEntries({})).sub_map_of("a")
    assert caught.value.code == ErrorCode.NOT_SUPPORT


@given(st.text(), strategies.u8s)
def test_buckets_are_within_the_hub(key: str, depth: int) -> None:
    assert 0 <= hub_index(key, depth) < HUB_BUCKETS


def test_the_depth_takes_part_in_the_bucket() -> None:
    assert len({hub_index("key00000", depth) for depth in range(20)}) > 15


def test_all_ids_of_a_content() -> None:
    for entries, ids in (
        (MapEntries({"a": A, "b": B}), {A, B}),
        (HubEntries({1: A}), {A}),
        (SetEntries(frozenset({A, C})), {A, C}),
        (DiffSetEntries(frozenset({DiffSetItem(A, None), DiffSetItem(None, B)})), {A, B}),
        (DiffMapEntries({"a": DiffMapItem(A, B, C), "b": DiffMapItem()}), {A, B, C}),
    ):
        assert content(MapContentType.MAP, entries).object_ids() == ids


def test_a_map_has_no_create_time_and_a_body_on_request() -> None:
    value = content(MapContentType.MAP, MapEntries({"a": A}))
    bare, new = make_object_map(value, owner=B), make_object_map(value, owner=B, update_time=5)
    assert bare.body is None
    assert new.update_time == 5
    assert bare.object_id == new.object_id
    assert bare.desc.create_time == 0


def prefix(map_class: int = 0, depth: int = 0, kind: int = 0) -> Writer:
    return Writer().u8(map_class).u64(0).u64(0).u8(depth).varint(kind)


@pytest.mark.parametrize(
    "raw",
    [
        prefix(map_class=4).varint(0).u8(0).varint(0).varint(0),
        prefix(kind=4).varint(0).u8(0).varint(4).varint(0),
        prefix().varint(2).u8(0).varint(0),
        prefix().varint(0).u8(1).varint(0).varint(0),
        prefix().varint(0).u8(0).varint(2).varint(0),
        prefix().varint(1).u8(1).varint(0),
    ],
    ids=["class", "content type", "mode", "depth", "two content types", "depth of a hub"],
)
def test_contents_that_contradict_themselves_are_invalid_data(raw: Writer) -> None:
    with pytest.raises(CodecError) as caught:
        ObjectMap.read(Reader(raw.getvalue()))
    assert caught.value.code == ErrorCode.INVALID_DATA


def test_a_map_that_is_cut_short_or_no_text_fails_where_it_does() -> None:
    """The quick way through a map tells the same as the reader's own."""
    raw = content(MapContentType.MAP, MapEntries({"key" * 20: A, "late": B})).encode()
    last = len(raw) - 32
    for end, at in ((len(raw) - 1, last), (last, last), (last - 1, last - 4)):
        with pytest.raises(CodecError) as caught:
            ObjectMap.read(Reader(raw + b"more", 0, end))
        assert (caught.value.code, caught.value.offset) == (ErrorCode.OUT_OF_LIMIT, at)
    with pytest.raises(CodecError) as caught:
        ObjectMap.read(Reader(raw.replace(b"late", b"la\xffe")))
    assert (caught.value.code, caught.value.offset) == (ErrorCode.CRYPTO_ERROR, last - 2)
