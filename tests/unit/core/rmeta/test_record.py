"""The lists of path meta: order, identity, links, configuration, object meta (access-and-zone §4.1-§4.4)."""

from __future__ import annotations

import itertools
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.rmeta.record import ITEMS_MAX, MetaRecord
from cyfs_edge.wire.rmeta import (
    AccessItem,
    AskHandler,
    ConfigItem,
    LinkItem,
    MetaItem,
    MetaKind,
    ObjectItem,
    Specified,
)
from cyfs_edge.wire.source import ZoneCategory
from tests.node import DEC, DEC2, PEOPLE

ONE, TWO = sorted((ObjectId.from_text(DEC), ObjectId.from_text(DEC2)))
ZONE = ObjectId.from_text(PEOPLE)
FRIEND, OTHER = ZoneCategory.FRIEND_ZONE, ZoneCategory.OTHER_ZONE


def code_of(record: MetaRecord, item: MetaItem) -> int:
    with pytest.raises(CyfsError) as caught:
        record.add(item)
    return caught.value.code


ORDERED = [
    AccessItem("/long/path/", 1),
    AccessItem("/a/b/", Specified(1, dec=ONE)),
    AccessItem("/a/b/", Specified(1, dec=TWO)),
    AccessItem("/a/b/", 1),
    AccessItem("/a/c/", AskHandler.HANDLER),
    AccessItem("/a/", Specified(1, zone=ZONE, dec=ONE)),
    AccessItem("/a/", Specified(1, zone=ZONE)),
    AccessItem("/a/", Specified(1, dec=ONE)),
    AccessItem("/a/", Specified(1, category=FRIEND, zone=ZONE)),
    AccessItem("/a/", Specified(1, category=FRIEND)),
    AccessItem("/a/", Specified(1, category=OTHER)),
    AccessItem("/a/", 1),
    AccessItem("/a/", AskHandler.HANDLER),
    AccessItem("/b/", 1),
    AccessItem("/", 1),
]


@pytest.mark.parametrize("seed", range(5))
def test_access_items_stand_in_the_order_of_the_rules(seed: int) -> None:
    """Longer paths, text, kind, category, zone, dec; whatever the order they were added in."""
    shuffled = ORDERED[:]
    random.Random(seed).shuffle(shuffled)
    assert MetaRecord(accesses=shuffled).accesses.items == ORDERED


def test_length_counts_bytes_not_letters() -> None:
    items = [AccessItem("/éé/", 1), AccessItem("/abc/", 1)]
    assert MetaRecord(accesses=items[::-1]).accesses.items == items


def test_an_item_in_the_same_place_replaces_and_equal_ones_change_nothing() -> None:
    record = MetaRecord(accesses=ORDERED)
    assert not any(record.add(item) for item in ORDERED)
    assert record.add(AccessItem("/a/", 7))
    assert record.add(AccessItem("/a/", Specified(6, category=FRIEND)))
    assert len(record.accesses.items) == len(ORDERED)
    assert record.remove(AccessItem("/a/", 0)) == AccessItem("/a/", 7)
    assert record.remove(AccessItem("/a/", 0)) is None


def test_links_are_found_by_their_source_alone_in_any_number() -> None:
    """The reference searches its descending list as if it ascended, and misses."""
    sources = [f"/{first}/{second}/" for first, second in itertools.product("abcdef", "uvwxyz")]
    record = MetaRecord(links=[LinkItem(source, "/t/") for source in sources])
    assert [link.source for link in record.links.items] == sorted(sources, reverse=True)
    for source in random.Random(1).sample(sources, len(sources)):
        assert record.remove(LinkItem(source, "/")) == LinkItem(source, "/t/")
    assert record.clear(MetaKind.LINK) == 0


def test_link_refusals() -> None:
    record = MetaRecord(links=[LinkItem("/a/", "/b/")])
    assert code_of(record, LinkItem("/", "/b/")) == ErrorCode.UN_SUPPORT
    assert code_of(record, LinkItem("/a/", "/c/")) == ErrorCode.ALREADY_EXISTS
    assert not record.add(LinkItem("/a/", "/b/"))


def test_links_lead_on_by_the_longest_source_until_none_fits() -> None:
    record = MetaRecord(
        links=[
            LinkItem("/a/", "/b/"),
            LinkItem("/a/x/", "/c/"),
            LinkItem("/b/deep/", "/d/"),
            LinkItem("/a/x/y/", "/e/"),
        ]
    )
    assert record.resolve_link("/a/deep/k/") == "/d/k/"
    assert record.resolve_link("/a/x/k/") == "/c/k/"
    assert record.resolve_link("/a/x/y/k/") == "/e/k/"
    assert record.resolve_link("/ab/") == "/ab/"


@pytest.mark.parametrize(
    "links", [[("/a/", "/a/")], [("/a/", "/b/"), ("/b/", "/a/")], [("/a/", "/a/a/")]], ids=["self", "pair", "growing"]
)
def test_cycles_end(links: list[tuple[str, str]]) -> None:
    record = MetaRecord(links=[LinkItem(*link) for link in links])
    with pytest.raises(CyfsError) as caught:
        record.resolve_link("/a/")
    assert caught.value.code == ErrorCode.OUT_OF_LIMIT


def test_thirty_one_links_in_a_row_are_followed() -> None:
    record = MetaRecord(links=[LinkItem(f"/{number}/", f"/{number + 1}/") for number in range(31)])
    assert record.resolve_link("/0/k/") == "/31/k/"


def test_path_configuration_goes_by_path_then_by_the_nearest_one_that_reaches_down() -> None:
    exact, shallow, far = ConfigItem("/a/b/", 1, 0), ConfigItem("/a/", 0, 1), ConfigItem("/", 1)
    record = MetaRecord(configs=[exact, shallow, far])
    assert record.config_of("/a/b/") == exact
    assert record.config_of("/a/c/") == shallow
    assert record.config_of("/a/b/c/") == far
    assert MetaRecord(configs=[shallow]).config_of("/a/b/c/") is None


def test_object_meta_is_one_item_per_selector_and_kind_of_access_in_the_order_of_adding() -> None:
    record = MetaRecord()
    first, second = ObjectItem("obj_type == 2", 1), ObjectItem("obj_type == 1", 1)
    assert record.add(first)
    assert record.add(second)
    assert not record.add(first)
    assert record.add(ObjectItem("obj_type == 2", 7, 3))
    assert record.add(ObjectItem("obj_type == 2", Specified(1, dec=ONE)))
    assert [item.selector[-1] for item in record.objects] == ["2", "1", "2"]
    assert record.remove(first) == ObjectItem("obj_type == 2", 7, 3)
    assert record.clear(MetaKind.OBJECT) == 2


@pytest.mark.parametrize(
    "selector", ["obj_type ==", "bogus == 1", "(obj_type == 1", "req_path == '/a'", "obj_type", ""]
)
def test_a_selector_that_says_nothing_is_refused(selector: str) -> None:
    assert code_of(MetaRecord(), ObjectItem(selector, 1)) == ErrorCode.INVALID_FORMAT


def test_lists_are_bounded() -> None:
    record = MetaRecord(accesses=[AccessItem(f"/{number}/", 1) for number in range(ITEMS_MAX)])
    assert code_of(record, AccessItem("/one-more/", 1)) == ErrorCode.OUT_OF_LIMIT
    assert record.add(AccessItem("/7/", 2))
    objects = MetaRecord(objects=[ObjectItem(f"obj_type == {number}", 1) for number in range(ITEMS_MAX)])
    assert code_of(objects, ObjectItem("*", 1)) == ErrorCode.OUT_OF_LIMIT


def test_a_record_has_a_size_limit() -> None:
    record = MetaRecord(links=[LinkItem(f"/{number}/", f"/{'x' * 1100}/") for number in range(ITEMS_MAX)])
    with pytest.raises(CyfsError) as caught:
        record.encode()
    assert caught.value.code == ErrorCode.OUT_OF_LIMIT


def test_round_trip_of_everything() -> None:
    record = MetaRecord(
        ORDERED, [LinkItem("/ü/", "/b/")], [ConfigItem("/c/", None, 3)], [ObjectItem("*", Specified(5, dec=TWO), 9)]
    )
    again = MetaRecord.decode(record.encode())
    assert again.encode() == record.encode()
    assert again.accesses.items == ORDERED
    assert again.objects == record.objects


def test_the_bytes_are_those_of_the_reference() -> None:
    """The hash of these is in the reference's recorded root: 95RvaS5916h6… holds a Storage object with them."""
    record = MetaRecord(
        [
            AccessItem("/.cyfs/api/crypto/encrypt_data/", 36873),
            AccessItem("/.cyfs/api/crypto/verify_object/", 36873),
        ]
    )
    assert record.encode() == (
        b'{"access":{"list":[{"path":"/.cyfs/api/crypto/verify_object/","access":{"Default":36873}},'
        b'{"path":"/.cyfs/api/crypto/encrypt_data/","access":{"Default":36873}}]},'
        b'"link":{"list":[]},"config":{"list":[]},"object":{"list":[]}}'
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b'{"access":7}',
        b'{"access":{"list":[7]}}',
        b'{"link":{"list":[{"source":"/"}]}}',
        b"[" * 9999,
        b'{"object":{"list":[{"selector":"*","access":"Handler"}]}}',
    ],
)
def test_damaged_bytes_are_told_as_such(data: bytes) -> None:
    with pytest.raises(CyfsError) as caught:
        MetaRecord.decode(data)
    assert caught.value.code == ErrorCode.INVALID_DATA


def test_a_stored_selector_that_cannot_be_read_selects_nothing() -> None:
    """It may come from a newer node; it must not keep the other items from working."""
    record = MetaRecord.decode(
        b'{"object":{"list":[{"selector":"new_word == 1","access":{"Default":1},"depth":null}]}}'
    )
    assert record.selector(record.objects[0]) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(["access", "link", "config", "object", "list", "path", "Default"]), inner),
)


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_record_or_damaged(data: bytes) -> None:
    try:
        record = MetaRecord.decode(data)
    except CyfsError as error:
        assert error.code == ErrorCode.INVALID_DATA  # noqa: PT017  # most inputs are damaged, some are not
        return
    assert MetaRecord.decode(record.encode()).encode() == record.encode()
