"""The reference's decision table: who may do what by an access string (access-and-zone §1, §2.1, §12.4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from cyfs_edge.base.access import Permission, parse_access
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.access import check_object, check_own_dec, mask_allows
from cyfs_edge.core.rmeta.record import MetaRecord
from cyfs_edge.objects.core.dec_app import ANONYMOUS_DEC_ID, SYSTEM_DEC_ID, dec_id
from cyfs_edge.wire.rmeta import ObjectItem, Specified
from cyfs_edge.wire.source import Source, ZoneCategory
from tests.node import DEVICE, PEOPLE

OWNER = dec_id(ObjectId.from_text(PEOPLE), "owner")
OTHER = dec_id(ObjectId.from_text(PEOPLE), "other")
OBJECT = ObjectId.from_text(PEOPLE)
LETTERS = {"r": Permission.READ, "w": Permission.WRITE, "x": Permission.CALL}

# access string -> what the owning dec may do and what another dec may do, on: device, zone, friend zone, other zone.
TABLE = {
    "rwxrwxrwx---rwxrwx": (("rwx", "rwx", "rwx", ""), ("rwx", "rwx", "rwx", "")),
    "rwxrwxrwxrwxrwxrwx": (("rwx", "rwx", "rwx", "rwx"), ("rwx", "rwx", "rwx", "rwx")),
    "rwxrwxrwxr-xrwxr-x": (("rwx", "rwx", "rwx", "rx"), ("rx", "rx", "rx", "rx")),
    "--x--x--------x--x": (("x", "x", "", ""), ("x", "x", "", "")),
    "rwxrwx------rwx---": (("rwx", "rwx", "", ""), ("", "", "", "")),
    "r--r--r--r--r--r--": (("r", "r", "r", "r"), ("r", "r", "r", "r")),
    "rwx---------rwxr--": (("rwx", "", "", ""), ("r", "", "", "")),
    "------------rwxrwx": (("", "", "", ""), ("", "", "", "")),
    "rwxrwxrwxrwx------": (("", "", "", ""), ("", "", "", "")),
    "---------rwx---rwx": (("", "", "", ""), ("", "", "", "rwx")),
}


def source(category: ZoneCategory = ZoneCategory.CURRENT_DEVICE, dec: ObjectId = OTHER) -> Source:
    device, zone = ObjectId.from_text(DEVICE), ObjectId.from_text(PEOPLE)
    return Source("http-local", device, zone, category, dec)


def cases() -> Iterator[tuple[str, ZoneCategory, ObjectId, str, bool]]:
    for text, relations in TABLE.items():
        for dec, allowed in zip((OWNER, OTHER), relations, strict=True):
            for category, letters in zip(ZoneCategory, allowed, strict=True):
                for letter in LETTERS:
                    yield text, category, dec, letter, letter in letters


def test_the_table_covers_every_case() -> None:
    assert len(list(cases())) == len(TABLE) * 2 * 4 * 3


@pytest.mark.parametrize(("text", "category", "dec", "letter", "allowed"), list(cases()))
def test_mask(text: str, category: ZoneCategory, dec: ObjectId, letter: str, allowed: bool) -> None:
    """A wanted bit must be granted twice: to the zone group of the source and to its dec group."""
    assert mask_allows(parse_access(text), source(category, dec), OWNER, LETTERS[letter]) is allowed


@pytest.mark.parametrize("category", ZoneCategory)
def test_several_permissions_must_all_be_granted(category: ZoneCategory) -> None:
    wanted = Permission.READ | Permission.CALL
    assert mask_allows(parse_access("r-xr-xr-xr-xr-xr-x"), source(category), OWNER, wanted)
    assert not mask_allows(parse_access("r--r--r--r--r-xr-x"), source(category), OWNER, wanted)


@pytest.mark.parametrize(("text", "allowed"), [("rwxrwx---------rwx", True), ("rwx------------rwx", False)])
def test_a_verified_source_counts_as_device_and_zone(text: str, allowed: bool) -> None:
    """Whatever its category: its path was checked before. Both groups must grant."""
    verified = replace(source(ZoneCategory.OTHER_ZONE), verified=OTHER)
    assert mask_allows(parse_access(text), verified, OWNER, Permission.READ) is allowed


def allows(
    asking: Source, access: str, rules: MetaRecord | None = None, permission: Permission = Permission.READ
) -> bool:
    try:
        check_object(asking, OBJECT, OWNER, parse_access(access), permission, rules, {"obj_type": 41}.get)
    except CyfsError as error:
        return error.code != ErrorCode.PERMISSION_DENIED
    return True


CLOSED, OPEN = "-" * 18, "rwx" * 6


@pytest.mark.parametrize("category", ZoneCategory)
@pytest.mark.parametrize("dec", [OWNER, SYSTEM_DEC_ID])
def test_the_owning_dec_and_the_system_dec_need_no_grant_in_the_own_zone(category: ZoneCategory, dec: ObjectId) -> None:
    assert allows(source(category, dec), CLOSED) is (category <= ZoneCategory.CURRENT_ZONE)


@pytest.mark.parametrize(
    ("verified", "dec", "allowed"),
    [(OWNER, OTHER, True), (OTHER, OTHER, False), (OTHER, SYSTEM_DEC_ID, True), (OWNER, ANONYMOUS_DEC_ID, True)],
)
def test_a_verified_path_of_the_dec_opens_its_objects(verified: ObjectId, dec: ObjectId, allowed: bool) -> None:
    assert allows(replace(source(ZoneCategory.OTHER_ZONE, dec), verified=verified), CLOSED) is allowed


def test_object_meta_goes_before_the_access_string() -> None:
    """Both ways: it opens what the string closes, and closes what the string opens."""
    opening = MetaRecord(objects=[ObjectItem("obj_type == 41", parse_access(OPEN))])
    closing = MetaRecord(objects=[ObjectItem("obj_type == 41", 0)])
    other_type = MetaRecord(objects=[ObjectItem("obj_type == 42", parse_access(OPEN))])
    assert allows(source(), CLOSED, opening)
    assert not allows(source(), OPEN, closing)
    assert not allows(source(), CLOSED, other_type)
    assert allows(source(), OPEN, other_type)


def test_object_meta_is_not_asked_about_the_owning_dec() -> None:
    assert allows(source(dec=OWNER), CLOSED, MetaRecord(objects=[ObjectItem("*", 0)]))


def test_the_first_item_of_object_meta_decides_and_a_specified_one_for_others_is_passed_over() -> None:
    friend = Specified(7, category=ZoneCategory.FRIEND_ZONE, dec=SYSTEM_DEC_ID)
    rules = MetaRecord(objects=[ObjectItem("*", friend), ObjectItem("obj_type == 41", Specified(4, dec=OTHER))])
    assert allows(source(), CLOSED, rules)
    assert not allows(source(), OPEN, rules, Permission.WRITE)


@pytest.mark.parametrize(
    ("dec", "target", "found"),
    [
        (OTHER, None, OTHER),
        (OTHER, OTHER, OTHER),
        (SYSTEM_DEC_ID, OTHER, OTHER),
        (OTHER, OWNER, None),
        (ANONYMOUS_DEC_ID, None, None),
        (ANONYMOUS_DEC_ID, OWNER, None),
        (SYSTEM_DEC_ID, ANONYMOUS_DEC_ID, None),
    ],
)
def test_whose_rules_a_caller_may_change(dec: ObjectId, target: ObjectId | None, found: ObjectId | None) -> None:
    if found is not None:
        assert check_own_dec(source(dec=dec), target, "call") == found
        return
    with pytest.raises(CyfsError) as caught:
        check_own_dec(source(dec=dec), target, "call")
    assert caught.value.code == ErrorCode.PERMISSION_DENIED
