"""Records in their store: seen at once, kept over a restart, guarding paths and objects (access-and-zone §4, §5)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cyfs_edge.base.access import Permission
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.access import PathRules
from cyfs_edge.core.rmeta.record import MetaRecord
from cyfs_edge.core.rmeta.service import CACHE_MAX, MetaService
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID, dec_id
from cyfs_edge.wire.req_path import ReqPath
from cyfs_edge.wire.rmeta import AccessItem, AskHandler, MetaKind, ObjectItem
from cyfs_edge.wire.source import Source, ZoneCategory
from tests.node import DEC, DEC2, DEVICE, PEOPLE

TARGET, ASKING = ObjectId.from_text(DEC), ObjectId.from_text(DEC2)
OPEN = 0o777777
ROOT, CACHE = "root-state", "local-cache"


class DictStore:
    """A store that counts its reads and changes."""

    def __init__(self) -> None:
        self.data: dict[tuple[ObjectId, str], bytes] = {}
        self.loads = 0
        self.changes = 0

    async def version(self, dec: ObjectId) -> object:
        return self.changes if any(place[0] == dec for place in self.data) else None

    async def load(self, dec: ObjectId, category: str) -> bytes | None:
        self.loads += 1
        return self.data.get((dec, category))

    async def update(self, dec: ObjectId, category: str, change: Callable[[bytes | None], bytes | None]) -> None:
        data = change(self.data.get((dec, category)))
        if data is not None:
            self.data[dec, category] = data
            self.changes += 1


class Dumps:
    def __init__(self) -> None:
        self.written: list[tuple[ObjectId, str, bytes]] = []

    async def write(self, dec: ObjectId, category: str, data: bytes) -> None:
        self.written.append((dec, category, data))


class Anywhere:
    """Every object lies at every path."""

    async def require(self, path: ReqPath, dec: ObjectId, object_id: ObjectId) -> None:
        return


def make() -> tuple[MetaService, DictStore, Dumps]:
    store, dumps = DictStore(), Dumps()
    return MetaService(store, dumps), store, dumps


def source(dec: ObjectId = ASKING, category: ZoneCategory = ZoneCategory.CURRENT_DEVICE) -> Source:
    return Source("http-local", ObjectId.from_text(DEVICE), ObjectId.from_text(PEOPLE), category, dec)


async def may(rules: PathRules, path: str = "/a/", category: str = ROOT) -> bool:
    try:
        await rules.check(source(), TARGET, path, Permission.READ, category)
    except CyfsError as error:
        return error.code != ErrorCode.PERMISSION_DENIED
    return True


async def test_changes_are_seen_at_once_and_by_a_new_service() -> None:
    meta, store, _ = make()
    rules = PathRules(meta, Anywhere())
    assert not await may(rules)
    assert await meta.add(TARGET, ROOT, AccessItem("/a/", OPEN))
    assert await may(rules)
    assert await may(PathRules(MetaService(store, Dumps()), Anywhere()))
    assert await meta.remove(TARGET, ROOT, AccessItem("/a/", 0)) == AccessItem("/a/", OPEN)
    assert not await may(rules)


async def test_categories_and_decs_have_records_of_their_own() -> None:
    meta, _, _ = make()
    await meta.add(TARGET, CACHE, AccessItem("/a/", OPEN))
    await meta.add(ASKING, ROOT, AccessItem("/a/", OPEN))
    rules = PathRules(meta, Anywhere())
    assert await may(rules, category=CACHE)
    assert not await may(rules)


async def test_records_are_read_once_until_somebody_changes_them() -> None:
    """Also when the change was made past this service: by an op-env of the dec, or by a zone sync."""
    meta, store, _ = make()
    rules = PathRules(meta, Anywhere())
    await meta.add(TARGET, ROOT, AccessItem("/a/", OPEN))
    for _ in range(5):
        assert await may(rules)
    assert store.loads == 1
    await MetaService(store, Dumps()).clear(TARGET, ROOT, MetaKind.ACCESS)
    assert not await may(rules)


async def test_decs_without_state_cost_no_read() -> None:
    meta, store, _ = make()
    assert not await may(PathRules(meta, Anywhere()))
    assert store.loads == 0


async def test_the_memory_of_records_is_bounded() -> None:
    meta, store, _ = make()
    decs = [dec_id(TARGET, str(number)) for number in range(CACHE_MAX + 1)]
    store.data = {(dec, ROOT): MetaRecord().encode() for dec in decs}
    for dec in decs:
        await meta.record(dec, ROOT)
    await meta.record(decs[-1], ROOT)
    assert store.loads == len(decs)
    await meta.record(decs[0], ROOT)
    assert store.loads == len(decs) + 1


async def test_a_copy_for_review_is_written_with_every_change_and_not_without_one() -> None:
    meta, store, dumps = make()
    await meta.add(TARGET, ROOT, AccessItem("/a/", OPEN))
    await meta.add(TARGET, ROOT, AccessItem("/a/", OPEN))
    assert await meta.clear(TARGET, ROOT, MetaKind.ACCESS) == 1
    assert await meta.clear(TARGET, ROOT, MetaKind.ACCESS) == 0
    assert [entry[:2] for entry in dumps.written] == [(TARGET, ROOT)] * 2
    assert dumps.written[-1][2] == store.data[TARGET, ROOT]


async def test_damaged_rules_refuse_and_are_told() -> None:
    """Rather nobody than everybody; and no change writes over what somebody may want to mend."""
    meta, store, _ = make()
    store.data[TARGET, ROOT] = b"{"
    assert not await may(PathRules(meta, Anywhere()))
    with pytest.raises(CyfsError) as caught:
        await meta.add(TARGET, ROOT, AccessItem("/a/", OPEN))
    assert caught.value.code == ErrorCode.INVALID_DATA
    assert store.data[TARGET, ROOT] == b"{"


async def test_object_rules_are_there_only_when_there_is_object_meta() -> None:
    meta, _, _ = make()
    rules = PathRules(meta, Anywhere())
    await meta.add(TARGET, ROOT, AccessItem("/a/", OPEN))
    assert await rules.object_rules(TARGET) is None
    await meta.add(TARGET, ROOT, ObjectItem("*", OPEN))
    assert await rules.object_rules(TARGET) is not None


class Chain:
    """An ACL handler that accepts paths below ``/a/``."""

    async def allows(
        self, source: Source, dec: ObjectId, category: str, path: str, query: str | None, permission: Permission
    ) -> bool:
        return path.startswith("/a/")


async def test_a_handler_item_asks_and_refuses_while_nobody_can_be_asked() -> None:
    meta, _, _ = make()
    rules = PathRules(meta, Anywhere())
    await meta.add(TARGET, ROOT, AccessItem("/", AskHandler.HANDLER))
    assert not await may(rules)
    rules.ask(Chain())
    assert await may(rules)
    assert not await may(rules, "/b/")


async def test_built_in_rules_are_installed_and_leave_the_owners_changes_alone() -> None:
    meta, _, dumps = make()
    rules = PathRules(meta, Anywhere())
    await rules.install_built_in()
    call = Permission.CALL
    await rules.check(source(), SYSTEM_DEC_ID, "/.cyfs/api/crypto/verify_object/", call)
    with pytest.raises(CyfsError):
        await rules.check(source(), SYSTEM_DEC_ID, "/.cyfs/api/crypto/sign_object/", call)
    friend = source(category=ZoneCategory.FRIEND_ZONE)
    with pytest.raises(CyfsError):
        await rules.check(friend, SYSTEM_DEC_ID, "/.cyfs/api/crypto/verify_object/", call)
    await meta.add(SYSTEM_DEC_ID, ROOT, AccessItem("/.cyfs/api/crypto/verify_object/", 0))
    written = len(dumps.written)
    await rules.install_built_in()
    assert len(dumps.written) == written
    with pytest.raises(CyfsError):
        await rules.check(source(), SYSTEM_DEC_ID, "/.cyfs/api/crypto/verify_object/", call)
