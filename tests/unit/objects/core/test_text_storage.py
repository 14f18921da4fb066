"""Text and Storage (docs/protocol/core-objects.md §3.1, §3.2)."""

from __future__ import annotations

from cyfs_edge.objects.core.text_storage import STORAGE, TEXT, StorageBody, make_storage, make_text, storage_hash_holds
from tests.unit.objects.core.ids import APP, NOW, PEOPLE


def test_a_plain_storage_keeps_its_id_when_its_value_changes() -> None:
    assert make_storage("a", b"1", update_time=1).object_id == make_storage("a", b"2", update_time=2).object_id
    assert make_storage("a", b"1", update_time=1).object_id != make_storage("b", b"1", update_time=1).object_id


def test_a_hashed_storage_has_an_id_for_each_value() -> None:
    one, two = (make_storage("a", value, hashed=True, update_time=NOW) for value in (b"1", b"2"))
    assert one.object_id != two.object_id


def test_the_hash_is_checked_on_request() -> None:
    contents = STORAGE.decode(make_storage("a", b"1", hashed=True, update_time=NOW))
    assert contents.body is not None
    assert storage_hash_holds(contents.desc, contents.body)
    assert not storage_hash_holds(contents.desc, StorageBody(value=b"2"))
    plain = STORAGE.decode(make_storage("a", b"1", update_time=NOW))
    assert storage_hash_holds(plain.desc, StorageBody(value=b"2"))


def test_owner_and_dec_are_part_of_the_id_the_value_is_not() -> None:
    plain = make_text("a", "h", "v", update_time=NOW)
    assert plain.object_id == make_text("a", "h", "w", update_time=0).object_id
    others = {
        make_text("a", "h", "v", update_time=NOW, owner=PEOPLE).object_id,
        make_text("a", "h", "v", update_time=NOW, dec_id=APP).object_id,
        make_text("a", "h", "v", update_time=NOW, create_time=NOW).object_id,
        make_text("a", "i", "v", update_time=NOW).object_id,
    }
    assert len(others) == 4
    assert plain.object_id not in others
    assert TEXT.decode(plain).desc.header == "h"
