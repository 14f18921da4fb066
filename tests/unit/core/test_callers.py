"""Which local user may speak for which dec: the rule as a table, and the API that keeps it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.callers import Callers
from cyfs_edge.host.accounts import AppUidFile
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.wire.config import AppsConfig
from cyfs_edge.wire.message import Headers, Peer
from tests.node import DEC, DEC2, DEVICE, OBJECTS, Node, id_of, make_node

OWN, ADMIN, APP, APP_WITHOUT_DEC, OTHER = 500, 501, 20_001, 20_002, 1000
ANY, REFUSED = None, "refused"
APP_DEC, OTHER_DEC = ObjectId.from_text(DEC), ObjectId.from_text(DEC2)


class Table:
    def dec_of(self, uid: int) -> ObjectId | None:
        return APP_DEC if uid == APP else None


def callers(*, any_user: bool = False, apps: range = range(20_000, 20_100)) -> Callers:
    return Callers(OWN, Table(), admins=[ADMIN], apps=apps, any_user=any_user)


@pytest.mark.parametrize(
    ("uid", "same_user", "any_user"),
    [
        (0, ANY, ANY),
        (OWN, ANY, ANY),
        (ADMIN, ANY, ANY),
        (APP, APP_DEC, APP_DEC),
        (APP_WITHOUT_DEC, REFUSED, REFUSED),
        (OTHER, REFUSED, ANY),
        (None, REFUSED, REFUSED),
    ],
)
def test_whom_a_user_may_speak_for(uid: int | None, same_user: object, any_user: object) -> None:
    for rule, expected in ((callers(), same_user), (callers(any_user=True), any_user)):
        if expected is REFUSED:
            with pytest.raises(CyfsError) as failure:
                rule.only_dec(uid)
            assert failure.value.code == ErrorCode.PERMISSION_DENIED
        else:
            assert rule.only_dec(uid) == expected


def test_an_unknown_user_counts_only_where_everybody_does_and_no_user_is_kept_for_apps() -> None:
    assert callers(any_user=True, apps=range(0)).only_dec(None) is None
    with pytest.raises(CyfsError):
        callers(apps=range(0)).only_dec(None)


def test_a_member_of_the_admin_group_that_is_an_app_stays_an_app() -> None:
    rule = Callers(OWN, Table(), admins=[APP], apps=range(APP, APP + 1))
    assert rule.only_dec(APP) == APP_DEC


@pytest.mark.parametrize("claims", [(), (None,), (APP_DEC,), (None, APP_DEC)])
def test_an_app_speaks_for_its_dec_whether_it_says_so_or_not(claims: tuple[ObjectId | None, ...]) -> None:
    assert callers().dec_for(APP, *claims) == APP_DEC


@pytest.mark.parametrize("claims", [(OTHER_DEC,), (SYSTEM_DEC_ID,), (APP_DEC, OTHER_DEC)])
def test_an_app_speaks_for_no_other_dec(claims: tuple[ObjectId, ...]) -> None:
    with pytest.raises(CyfsError) as failure:
        callers().dec_for(APP, *claims)
    assert failure.value.code == ErrorCode.PERMISSION_DENIED


def test_the_owner_speaks_for_whom_he_says() -> None:
    assert callers().dec_for(OWN, None, OTHER_DEC) == OTHER_DEC
    assert callers().dec_for(0) is None


@pytest.mark.parametrize("apps", [range(5), range(OWN - 1, OWN + 1)])
def test_neither_root_nor_the_node_itself_is_an_app(apps: range) -> None:
    with pytest.raises(CyfsError) as failure:
        Callers(OWN, Table(), apps=apps)
    assert failure.value.code == ErrorCode.INVALID_PARAM


@pytest.fixture
async def node(tmp_path: Path) -> Node:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/app-uids.json").write_text(f'{{"{APP}": "{DEC}"}}')
    return await make_node(tmp_path, apps=AppsConfig(20_000, 20_099))


async def test_requests_of_other_users_are_told_what_to_do(node: Node) -> None:
    for uid in (OTHER, None):
        node.uid = uid
        reply = await node.put("text_v1")
        assert (reply.status, reply.code) == (403, 12)
        assert "admin_group" in str(reply.json["msg"])


async def test_what_an_app_puts_is_its_own_without_a_header(node: Node) -> None:
    node.uid = APP
    put = await node.send("PUT", "/non/", {"cyfs-object-id": id_of("text_v1")}, OBJECTS["text_v1"])
    assert put.status < 300
    record = await node.store.objects.get(ObjectId.from_text(id_of("text_v1")))
    assert record is not None
    assert record.create_dec_id == APP_DEC


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/util/zone", {"cyfs-dec-id": DEC2}),
        ("/util/zone", {"cyfs-dec-id": str(SYSTEM_DEC_ID)}),
        ("/util/zone", {"origin": f"http://a.{OTHER_DEC.base36}.localhost:1318"}),
        ("/util/zone", {"host": f"a.{OTHER_DEC.base36}.localhost:1318"}),
        (f"/o/{DEVICE}?dec_id={DEC2}", {}),
        (f"/ndn/{DEVICE}?cyfs-dec-id={SYSTEM_DEC_ID}", {}),
        (f"/o/{DEVICE}", {"cyfs-dec-id": DEC, "cyfs-source": id_of("device2") if "device2" in OBJECTS else DEC2}),
    ],
)
async def test_no_way_of_naming_a_dec_lets_an_app_be_another(node: Node, target: str, headers: dict[str, str]) -> None:
    node.uid = APP
    method = "POST" if target == "/util/zone" else "GET"
    reply = await node.send(method, target, headers)
    assert (reply.status, reply.code) == (403, 12)


async def test_handshakes_and_registrations_follow_the_same_rule(node: Node) -> None:
    stack, headers = node.stack, Headers([("host", "127.0.0.1:1319")])
    assert stack.check_handshake(headers, Peer("x", uid=0)) is None
    assert stack.check_handshake(headers, Peer("x", uid=APP)) is None
    for uid in (OTHER, APP_WITHOUT_DEC, None):
        refusal = stack.check_handshake(headers, Peer("x", uid=uid))
        assert refusal is not None
        assert refusal.status == 403
    assert stack.source_of(Peer("x", uid=APP), None).dec == APP_DEC
    with pytest.raises(CyfsError):
        stack.source_of(Peer("x", uid=APP), SYSTEM_DEC_ID)


def test_the_table_of_apps_is_read_again_when_it_changes(tmp_path: Path) -> None:
    table, path = AppUidFile(tmp_path), tmp_path / "etc/app-uids.json"
    assert table.dec_of(APP) is None
    path.parent.mkdir()
    path.write_text(f'{{"{APP}": "{DEC}"}}')
    assert table.dec_of(APP) == APP_DEC
    path.write_text("damaged")
    assert table.dec_of(APP) is None
    path.write_text(f'{{"{APP}": "{DEC2}", "7": "{DEC}"}}')
    assert table.dec_of(APP) == OTHER_DEC
    path.unlink()
    assert table.dec_of(APP) is None
