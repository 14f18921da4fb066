"""DecApp and the dec ids that are known beforehand (docs/protocol/core-objects.md §3.4)."""

from __future__ import annotations

import hashlib

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import NULL_ID, ObjectId
from cyfs_edge.objects.core.dec_app import (
    ANONYMOUS_DEC_ID,
    DEC_APP,
    SYSTEM_DEC_ID,
    DecAppBody,
    dec_id,
    dec_text,
    make_dec_app,
)
from tests import vector_count
from tests.unit.objects.core.ids import APP, DIR, NEWER_DIR, NOW, PEOPLE

CONSTANTS = vector_count.load("core-objects.json")["constants"]


def test_well_known_dec_ids() -> None:
    assert str(SYSTEM_DEC_ID) == CONSTANTS["system_dec_app"]
    assert str(ANONYMOUS_DEC_ID) == CONSTANTS["anonymous_dec_app"]
    assert str(NULL_ID) == CONSTANTS["default_object_id"]


@pytest.mark.parametrize("name", ["an app", "ü" * 100])
def test_a_dec_id_is_the_hash_of_owner_and_name(name: str) -> None:
    text = name.encode()
    size = len(text).to_bytes(1, "big") if len(text) < 128 else bytes([len(text) & 0x7F | 0x80, len(text) >> 7])
    content = b"\x0a" + size + text
    hashed = bytes.fromhex("01900800") + PEOPLE + b"\0\1" + len(content).to_bytes(2, "big") + content
    assert dec_id(PEOPLE, name) == bytes.fromhex("8400000000") + hashlib.sha256(hashed).digest()[5:]


def test_an_empty_name_gives_empty_content() -> None:
    assert make_dec_app(PEOPLE, "", update_time=NOW).desc.content == b""


def test_the_body_plays_no_part_in_the_id() -> None:
    """A published update of an app keeps its id."""
    older = make_dec_app(PEOPLE, "an app", update_time=NOW)
    newer = DEC_APP.with_body(older, DecAppBody(source={"1.0.0": DIR}), NOW + 5)
    assert older.object_id == newer.object_id == dec_id(PEOPLE, "an app")
    assert newer.update_time == NOW + 5
    assert DEC_APP.decode(newer).body == DecAppBody(source={"1.0.0": DIR})


def test_a_change_never_lowers_the_update_time() -> None:
    """With a clock behind the last change the time goes on by one."""
    app = make_dec_app(PEOPLE, "an app", update_time=NOW)
    assert DEC_APP.with_body(app, DecAppBody(), NOW - 100).update_time == NOW + 1
    assert DEC_APP.with_body(app, DecAppBody(), NOW).update_time == NOW + 1


def test_sources_and_tags_are_found() -> None:
    body = DecAppBody(source={"1.0.0": DIR, "1.1.0": NEWER_DIR}, tags={"latest": "1.1.0"})
    assert body.find_source("1") == NEWER_DIR
    assert body.find_source("=1.0.0") == DIR
    assert body.find_tag("latest") == "1.1.0"
    with pytest.raises(CyfsError) as refused:
        body.find_tag("beta")
    assert refused.value.code == ErrorCode.NOT_FOUND


@pytest.mark.parametrize(("dec", "text"), [(SYSTEM_DEC_ID, "system"), (ANONYMOUS_DEC_ID, "anonymous"), (APP, str(APP))])
def test_names_for_logs(dec: ObjectId, text: str) -> None:
    assert dec_text(dec) == text
