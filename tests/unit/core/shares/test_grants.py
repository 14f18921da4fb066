"""Rights that shares give to peers: they are there, they overlap, and they are taken back exactly."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest

from cyfs_edge.base.access import ACCESS_DEFAULT, Permission
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.ports import Durability, Records
from cyfs_edge.core.rmeta.decide import Decision, decide_path
from cyfs_edge.core.rmeta.record import MetaRecord
from cyfs_edge.core.shares.grants import SPACE, bits_for
from cyfs_edge.core.shares.record import Audience, ObjectTarget, StateTarget
from cyfs_edge.core.shares.service import NewShare
from cyfs_edge.objects.dir import DirEntry, DirList, make_dir
from cyfs_edge.wire.requests import NonCommon
from cyfs_edge.wire.rmeta import AccessItem, AskHandler, Specified
from cyfs_edge.wire.source import Source, ZoneCategory
from tests.node import DEC, DEC2, NOW, PEOPLE
from tests.outside import Outside
from tests.unit.core.placing import OWNER, link, put_dir, put_file

CLOSED = 0o070007
"""The own device and the own dec, nobody else."""
APP, APP2 = ObjectId.from_text(DEC), ObjectId.from_text(DEC2)
STATE = "root-state"


def source(category: ZoneCategory, dec: ObjectId = APP2) -> Source:
    stranger = ObjectId.from_text(PEOPLE)
    return Source("http-bdt", stranger, stranger, category, dec)


async def access_of(outside: Outside, object_id: ObjectId) -> int:
    record = await outside.node.store.objects.get(object_id)
    assert record is not None
    return record.access


async def close_object(outside: Outside, object_id: ObjectId, access: int = CLOSED) -> None:
    reply = await outside.node.send(
        "PUT", "/non/", {"cyfs-dec-id": DEC, "cyfs-object-id": str(object_id), "cyfs-access": str(access)}
    )
    assert reply.status == 200
    assert await access_of(outside, object_id) == access


async def share(outside: Outside, audience: Audience, target: ObjectTarget | StateTarget, life: int = 0) -> str:
    expires = outside.node.clock.time + life if life else 0
    return (await outside.door.shares.create(NewShare(audience, target, "", expires))).share.id


async def left(outside: Outside) -> list[str]:
    return [key async for key, _ in outside.node.store.records.list(SPACE)]


async def may_read(outside: Outside, object_id: ObjectId, category: ZoneCategory) -> bool:
    try:
        await outside.door.shares.tree._non.load(NonCommon(source(category)), object_id)
    except CyfsError as error:
        if error.code != ErrorCode.PERMISSION_DENIED:
            raise
        return False
    return True


async def test_a_file_is_open_to_those_it_was_shared_with_and_closed_again(outside: Outside) -> None:
    file_id = await put_file(outside.node, b"data")
    await close_object(outside, file_id)
    categories = list(ZoneCategory)
    assert [await may_read(outside, file_id, one) for one in categories] == [False] * 4
    zone = await share(outside, Audience.ZONE, ObjectTarget(file_id))
    assert [await may_read(outside, file_id, one) for one in categories] == [True, True, False, False]
    friends = await share(outside, Audience.FRIENDS, ObjectTarget(file_id))
    assert [await may_read(outside, file_id, one) for one in categories] == [True, True, True, False]
    assert await access_of(outside, file_id) & 0o222222 == CLOSED & 0o222222
    await outside.door.shares.revoke(zone)
    assert await access_of(outside, file_id) == CLOSED | bits_for(Audience.FRIENDS)
    await outside.door.shares.revoke(friends)
    assert await access_of(outside, file_id) == CLOSED
    assert await left(outside) == []


@pytest.mark.parametrize("before", [0, CLOSED, ACCESS_DEFAULT])
async def test_shares_end_in_any_order(outside: Outside, before: int) -> None:
    file_id = await put_file(outside.node, b"data")
    audiences = (Audience.ZONE, Audience.FRIENDS, Audience.ZONE)
    for order in itertools.permutations(range(3)):
        await close_object(outside, file_id, before)
        ids = [await share(outside, audience, ObjectTarget(file_id)) for audience in audiences]
        remaining = set(range(3))
        for number in order:
            await outside.door.shares.revoke(ids[number])
            remaining.discard(number)
            wanted = before
            for other in remaining:
                wanted |= bits_for(audiences[other])
            assert await access_of(outside, file_id) == wanted


class Slowly:
    """Records whose calls give others a turn before and after, as those of a disk do."""

    def __init__(self, records: Records) -> None:
        self._records = records

    async def get(self, space: str, key: str) -> bytes | None:
        await asyncio.sleep(0)
        found = await self._records.get(space, key)
        await asyncio.sleep(0)
        return found

    async def put(self, space: str, key: str, value: bytes, durability: Durability = Durability.DURABLE) -> None:
        await asyncio.sleep(0)
        await self._records.put(space, key, value, durability)
        await asyncio.sleep(0)

    async def delete(self, space: str, key: str, durability: Durability = Durability.DURABLE) -> bool:
        await asyncio.sleep(0)
        return await self._records.delete(space, key, durability)

    def spaces(self) -> AsyncIterator[str]:
        return self._records.spaces()

    def list(self, space: str, prefix: str = "", after: str | None = None) -> AsyncIterator[tuple[str, bytes]]:
        return self._records.list(space, prefix, after)


@pytest.mark.parametrize("of_state", [False, True])
async def test_shares_that_begin_and_end_at_the_same_time_leave_nothing_open(outside: Outside, of_state: bool) -> None:
    """The sweeper ends shares by itself while the owner makes and ends others."""
    file_id = await put_file(outside.node, b"data")
    await close_object(outside, file_id)
    await link(outside.node, "/photos", str(file_id))
    target = StateTarget(APP, "/photos") if of_state else ObjectTarget(file_id)
    rules = (await outside.node.stack.meta.record(APP, STATE)).accesses.items
    outside.door.shares._grants._records = Slowly(outside.node.store.records)
    audiences = (Audience.ZONE, Audience.FRIENDS)
    ids = await asyncio.gather(*(share(outside, audience, target) for audience in audiences))
    first, *_ = ids
    *_, third = await asyncio.gather(outside.door.shares.revoke(first), share(outside, Audience.FRIENDS, target))
    await asyncio.gather(*(outside.door.shares.revoke(one) for one in (ids[1], third)))
    assert await access_of(outside, file_id) == CLOSED
    assert (await outside.node.stack.meta.record(APP, STATE)).accesses.items == rules
    assert await left(outside) == []


@pytest.mark.parametrize("turns", [0, 3, 10, 20, 30, 60])
async def test_a_share_that_is_revoked_while_it_is_made_leaves_nothing_open(outside: Outside, turns: int) -> None:
    files = [await put_file(outside.node, str(number).encode()) for number in range(4)]
    entries = {str(number): DirEntry(file_id) for number, file_id in enumerate(files)}
    made = make_dir(OWNER, DirList(entries), update_time=NOW)
    assert (await outside.node.put_raw(made.raw)).status == 200
    objects = [made.object_id, *files]
    for object_id in objects:
        await close_object(outside, object_id)
    shares = outside.door.shares
    shares._grants._records = Slowly(outside.node.store.records)
    making = asyncio.ensure_future(share(outside, Audience.FRIENDS, ObjectTarget(made.object_id)))
    while not await shares.shares():
        await asyncio.sleep(0)
    for _ in range(turns):
        await asyncio.sleep(0)
    (found,) = await shares.shares()
    await asyncio.gather(shares.revoke(found.id), making, return_exceptions=True)
    assert await shares.shares() == []
    assert [await access_of(outside, one) for one in objects] == [CLOSED] * 5
    assert await left(outside) == []


async def test_what_the_owner_changed_meanwhile_stays(outside: Outside) -> None:
    file_id = await put_file(outside.node, b"data")
    await close_object(outside, file_id)
    friends = await share(outside, Audience.FRIENDS, ObjectTarget(file_id))
    # By hand: others may read, too, and the own dec no longer writes.
    await close_object(outside, file_id, (await access_of(outside, file_id) | 0o004000) & ~0o020000)
    await outside.door.shares.revoke(friends)
    assert await access_of(outside, file_id) == (CLOSED | 0o004000) & ~0o020000


async def test_a_folder_opens_all_that_is_in_it(outside: Outside) -> None:
    inner = await put_dir(outside.node, {"deep.txt": b"deep"})
    file_id = await put_file(outside.node, b"top")
    made = make_dir(OWNER, DirList({"a.txt": DirEntry(file_id), "inner": DirEntry(inner)}), update_time=NOW)
    assert (await outside.node.put_raw(made.raw)).status == 200
    objects = [made.object_id, inner, file_id]
    for object_id in objects:
        await close_object(outside, object_id)
    created = await outside.door.shares.create(NewShare(Audience.FRIENDS, ObjectTarget(made.object_id)))
    assert (created.objects, created.missing) == (4, 0)
    assert all([await may_read(outside, one, ZoneCategory.FRIEND_ZONE) for one in objects])
    await outside.door.shares.revoke(created.share.id)
    assert [await access_of(outside, one) for one in objects] == [CLOSED] * 3
    assert await left(outside) == []


async def test_what_is_not_here_is_counted_and_hurts_nothing(outside: Outside) -> None:
    file_id = await put_file(outside.node, b"top")
    entries = {"a": DirEntry(file_id), "gone": DirEntry(ObjectId.from_text(PEOPLE))}
    made = make_dir(OWNER, DirList(entries), update_time=NOW)
    await outside.node.put_raw(made.raw)
    await outside.node.store.objects.get(file_id)
    created = await outside.door.shares.create(NewShare(Audience.ZONE, ObjectTarget(made.object_id)))
    assert created.objects + created.missing == 3


async def test_expired_rights_are_taken_back(outside: Outside) -> None:
    file_id = await put_file(outside.node, b"data")
    await close_object(outside, file_id)
    await share(outside, Audience.FRIENDS, ObjectTarget(file_id), life=10_000_000)
    assert await outside.door.shares.sweep() == 10
    assert await may_read(outside, file_id, ZoneCategory.FRIEND_ZONE)
    outside.node.clock.time += 10_000_000
    await outside.door.shares.sweep()
    assert await access_of(outside, file_id) == CLOSED
    (listed,) = await outside.door.shares.shares()
    assert listed.ended
    outside.node.clock.time += 31 * 24 * 3600 * 1_000_000
    await outside.door.shares.sweep()
    assert await outside.door.shares.shares() == []


async def test_a_chunk_and_a_part_of_a_dir_cannot_be_opened_to_peers(outside: Outside) -> None:
    dir_id = await put_dir(outside.node, {"sub/a": b"1"})
    for target in (ObjectTarget(dir_id, "sub"),):
        with pytest.raises(CyfsError) as caught:
            await outside.door.shares.create(NewShare(Audience.ZONE, target))
        assert caught.value.code == ErrorCode.NOT_SUPPORT
    assert await outside.door.shares.shares() == []
    assert await left(outside) == []


# -- paths ------------------------------------------------------------------------------------------------------------

PLACE = StateTarget(APP, "/photos/2026")
PATH = "/photos/2026/"


async def rules_of(outside: Outside) -> MetaRecord:
    return await outside.node.stack.meta.record(APP, STATE)


async def placed(outside: Outside, *items: AccessItem) -> list[AccessItem]:
    """Something at the path, and these rules; gives all rules in their order."""
    file_id = await put_file(outside.node, b"data")
    await link(outside.node, "/photos/2026/a", str(file_id))
    for item in items:
        await outside.node.stack.meta.add(APP, STATE, item)
    return list((await rules_of(outside)).accesses.items)


def decisions(record: MetaRecord) -> dict[tuple[str, ZoneCategory, ObjectId, Permission], Decision]:
    """What everybody may do at the path, beside it, and below."""
    found = {}
    for path in ("/photos/", PATH, f"{PATH}a/", f"{PATH}b/deep/", "/other/"):
        for category in ZoneCategory:
            for dec in (APP, APP2):
                for permission in (Permission.READ, Permission.WRITE, Permission.CALL):
                    said = decide_path(record, source(category, dec), APP, path, permission)
                    found[path, category, dec, permission] = said
    return found


RULES = [
    [],
    [AccessItem(PATH, CLOSED)],
    [AccessItem("/", 0o777777)],
    [AccessItem("/photos/", 0o770077)],
    [AccessItem("/", Specified(7, dec=APP2))],
    [AccessItem("/photos/", Specified(6, category=ZoneCategory.FRIEND_ZONE)), AccessItem("/", 0o770007)],
    [AccessItem(PATH, Specified(2, dec=APP)), AccessItem("/", Specified(7, category=ZoneCategory.CURRENT_ZONE))],
    [AccessItem(f"{PATH}a/", 0), AccessItem("/photos/", 0o111111)],
]


@pytest.mark.parametrize("rules", RULES, ids=range(len(RULES)))
@pytest.mark.parametrize("audience", [Audience.ZONE, Audience.FRIENDS])
async def test_a_path_opens_for_reading_nobody_loses_a_right_and_all_is_as_before(
    outside: Outside, rules: list[AccessItem], audience: Audience
) -> None:
    before = await placed(outside, *rules)
    earlier = decisions(await rules_of(outside))
    share_id = await share(outside, audience, PLACE)
    now = decisions(await rules_of(outside))
    most = ZoneCategory.CURRENT_ZONE if audience is Audience.ZONE else ZoneCategory.FRIEND_ZONE
    specified = {item.path for item in rules if isinstance(item.access, Specified)}
    for key, said in now.items():
        path, category, _, permission = key
        if earlier[key] is Decision.ALLOW:
            assert said is Decision.ALLOW, key
        elif said is Decision.ALLOW:
            assert permission is Permission.READ, key
            assert path.startswith(PATH), key
            assert category <= most, key
        elif permission is Permission.READ and path == PATH and category <= most and not specified:
            raise AssertionError(f"not opened: {key}")
    await outside.door.shares.revoke(share_id)
    assert list((await rules_of(outside)).accesses.items) == before
    assert await left(outside) == []


async def test_two_shares_of_a_path(outside: Outside) -> None:
    before = await placed(outside, AccessItem("/", Specified(7, dec=APP2)))
    zone, friends = await share(outside, Audience.ZONE, PLACE), await share(outside, Audience.FRIENDS, PLACE)
    await outside.door.shares.revoke(friends)
    assert AccessItem(PATH, bits_for(Audience.ZONE)) in (await rules_of(outside)).accesses.items
    await outside.door.shares.revoke(zone)
    assert list((await rules_of(outside)).accesses.items) == before


async def test_a_rule_changed_by_hand_loses_only_what_the_share_brought(outside: Outside) -> None:
    await placed(outside)
    share_id = await share(outside, Audience.FRIENDS, PLACE)
    by_hand = bits_for(Audience.FRIENDS) | 0o004000
    await outside.node.stack.meta.add(APP, STATE, AccessItem(PATH, by_hand))
    await outside.door.shares.revoke(share_id)
    assert [item.access for item in (await rules_of(outside)).accesses.items] == [0o004000]


@pytest.mark.parametrize(
    "rules",
    [
        # A handler decides.
        [AccessItem("/photos/", AskHandler.HANDLER)],
        [AccessItem(PATH, AskHandler.HANDLER), AccessItem("/", CLOSED)],
        # At one path the rule for a dec stands before that for a category: the first would then decide.
        [AccessItem(PATH, Specified(2, category=ZoneCategory.CURRENT_ZONE)), AccessItem("/", Specified(7, dec=APP2))],
    ],
)
async def test_where_a_share_would_change_other_rights_there_is_none(outside: Outside, rules: list[AccessItem]) -> None:
    before = await placed(outside, *rules)
    with pytest.raises(CyfsError) as caught:
        await share(outside, Audience.ZONE, PLACE)
    assert caught.value.code == ErrorCode.NOT_SUPPORT
    assert list((await rules_of(outside)).accesses.items) == before
    assert await outside.door.shares.shares() == []


async def test_a_crash_between_the_record_and_the_rights_can_be_revoked(outside: Outside) -> None:
    """Repeated, and begun but not done: what is written first is what is needed to take back."""
    file_id = await put_file(outside.node, b"data")
    await close_object(outside, file_id)
    share_id = await share(outside, Audience.FRIENDS, ObjectTarget(file_id))
    await close_object(outside, file_id, CLOSED)  # as if the rights had never been written
    await outside.door.shares.revoke(share_id)
    assert await access_of(outside, file_id) == CLOSED
    assert await left(outside) == []


async def test_the_sweeper_wakes_up_for_a_new_share_and_for_its_end(outside: Outside) -> None:
    file_id = await put_file(outside.node, b"data")
    await close_object(outside, file_id)
    failures: list[CyfsError] = []
    sweeping = asyncio.create_task(outside.door.shares.keep_swept(failures.append))
    await asyncio.sleep(0)
    await share(outside, Audience.FRIENDS, ObjectTarget(file_id), life=20_000)
    assert await access_of(outside, file_id) != CLOSED
    outside.node.clock.time += 20_000
    async with asyncio.timeout(30):
        while await access_of(outside, file_id) != CLOSED:
            await asyncio.sleep(0.005)
    sweeping.cancel()
    assert failures == []
