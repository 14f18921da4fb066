"""What path meta says to a request (access-and-zone §4.1): prefixes, selectors, finality."""

from __future__ import annotations

import pytest

from cyfs_edge.base.access import Permission, parse_access
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.rmeta.decide import Decision, decide_path
from cyfs_edge.core.rmeta.record import MetaRecord
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.wire.rmeta import AccessItem, AskHandler, GroupAccess, Specified
from cyfs_edge.wire.source import Source, ZoneCategory
from tests.node import DEC, DEC2, DEVICE, PEOPLE

TARGET, ASKING = ObjectId.from_text(DEC), ObjectId.from_text(DEC2)
ZONE = ObjectId.from_text(PEOPLE)
ALL, NOTHING = parse_access("rwx" * 6), 0
FRIEND = ZoneCategory.FRIEND_ZONE


def source(category: ZoneCategory = FRIEND) -> Source:
    return Source("http-bdt", ObjectId.from_text(DEVICE), ZONE, category, ASKING)


def decide(*items: tuple[str, GroupAccess], path: str = "/a/b/", permission: Permission = Permission.READ) -> Decision:
    record = MetaRecord([AccessItem(*item) for item in items])
    return decide_path(record, source(), TARGET, path, permission)


@pytest.mark.parametrize(
    ("path", "decision"),
    [
        ("/a/", Decision.DENY),
        ("/a/b/", Decision.ALLOW),
        ("/a/b/c/", Decision.ALLOW),
        ("/a/bc/", Decision.DENY),
        ("/b/", Decision.NONE),
        ("/", Decision.NONE),
    ],
)
def test_the_longest_path_that_is_a_prefix_decides_both_ways(path: str, decision: Decision) -> None:
    assert decide(("/a/", NOTHING), ("/a/b/", ALL), path=path) is decision


def test_a_refusal_below_is_not_undone_by_a_grant_above() -> None:
    assert decide(("/", ALL), ("/a/b/", NOTHING)) is Decision.DENY


@pytest.mark.parametrize(
    ("given", "decision"),
    [
        (Specified(4, category=FRIEND), Decision.ALLOW),
        (Specified(4, category=ZoneCategory.OTHER_ZONE), Decision.ALLOW),
        (Specified(4, category=ZoneCategory.CURRENT_ZONE), Decision.NONE),
        (Specified(4, zone=ZONE), Decision.ALLOW),
        (Specified(4, zone=TARGET), Decision.NONE),
        (Specified(4, dec=ASKING), Decision.ALLOW),
        (Specified(4, dec=SYSTEM_DEC_ID), Decision.NONE),
        (Specified(4, zone=ZONE, category=FRIEND, dec=ASKING), Decision.ALLOW),
        (Specified(4, zone=ZONE, category=FRIEND, dec=TARGET), Decision.NONE),
        (Specified(2, dec=ASKING), Decision.DENY),
        (Specified(0, zone=ZONE), Decision.DENY),
    ],
)
def test_specified_applies_when_all_that_it_names_fits_and_is_final_then(given: Specified, decision: Decision) -> None:
    assert decide(("/a/", given)) is decision


def test_specified_grants_only_all_that_is_wanted() -> None:
    wanted = Permission.READ | Permission.WRITE
    assert decide(("/a/", Specified(4, dec=ASKING)), permission=wanted) is Decision.DENY
    assert decide(("/a/", Specified(6, dec=ASKING)), permission=wanted) is Decision.ALLOW


def test_specified_goes_before_default_and_default_before_handler_on_one_path() -> None:
    refuse = Specified(0, dec=ASKING)
    assert decide(("/a/", AskHandler.HANDLER), ("/a/", ALL), ("/a/", refuse)) is Decision.DENY
    assert decide(("/a/", AskHandler.HANDLER), ("/a/", ALL)) is Decision.ALLOW
    assert decide(("/a/", AskHandler.HANDLER)) is Decision.ASK


def test_a_specified_item_for_others_leaves_the_word_to_the_next() -> None:
    assert decide(("/a/", Specified(0, dec=TARGET)), ("/a/", ALL)) is Decision.ALLOW
    assert decide(("/a/b/", Specified(7, dec=TARGET)), ("/a/", NOTHING)) is Decision.DENY
