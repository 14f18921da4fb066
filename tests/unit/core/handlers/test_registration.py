"""Who may register which handler over HTTP, and what survives a restart (websocket.md §4.2, §4.3, §5.4)."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.handlers import registry
from cyfs_edge.host.handler_file import FILE, HandlerFile
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.stack import compose
from cyfs_edge.wire.config import Config
from cyfs_edge.wire.handler import Action, Category, Chain, HandlerKey, HandlerParam
from cyfs_edge.wire.handler_toml import decode_handlers, encode_handlers
from cyfs_edge.wire.message import Headers, HttpRequest, Peer
from tests.node import DEC, DEC2, BytesBody, Node, Reply
from tests.unit.core.handlers.routines import broken, client, post, register

SYSTEM = str(SYSTEM_DEC_ID)


async def add(node: Node, place: str, dec: str | None = DEC, body: object = None, **param: object) -> Reply:
    """POST of a registration; ``param`` on top of an index and a default action."""
    members = {"index": "0", "default_action": {"action": "Default"}, **param}
    data = json.dumps(members).encode() if body is None else body
    assert isinstance(data, bytes)
    return await node.send("POST", f"/handler/non/{place}", {} if dec is None else {"cyfs-dec-id": dec}, data)


@pytest.mark.parametrize(
    ("place", "dec", "param", "code"),
    [
        ("handler/post_object/x", DEC, {"req_path": "/a"}, 0),
        ("handler/post_object/x", DEC, {"req_path": f"/{DEC}/a"}, 0),
        ("handler/post_object/x", None, {"req_path": "/a"}, 0),
        ("handler/post_object/x", SYSTEM, {"req_path": f"/{DEC}/a"}, 0),
        ("handler/post_object/x", DEC, {"req_path": f"/{DEC2}/a"}, 12),
        ("handler/post_object/x", DEC, {}, 2),
        ("handler/post_object/x", DEC, {"filter": "*"}, 2),
        ("acl/acl/x", DEC, {"filter": "*"}, 2),
        ("acl/acl/x", DEC, {"req_path": "/a"}, 0),
        ("pre_noc/put_object/x", SYSTEM, {"filter": "*"}, 0),
        ("pre_noc/put_object/x", SYSTEM, {"req_path": "/a"}, 0),
        ("pre_noc/put_object/x", SYSTEM, {}, 2),
        ("pre_noc/put_object/x", SYSTEM, {"filter": ""}, 2),
        ("pre_noc/put_object/x", DEC, {"filter": "*"}, 12),
        ("pre_noc/put_object/x", DEC, {"req_path": "/a"}, 12),
        ("ndn/interest/x", SYSTEM, {"filter": "chunk == a"}, 0),
        ("handler/post_object/x", DEC, {"req_path": "/a", "filter": "obj_type =="}, 8),
        ("handler/post_object/x", DEC, {"req_path": f"/{'1' * 43}/a"}, 8),
        ("handler/post_object/x", DEC, {"req_path": "/a" * 4000}, 8),
        ("handler/post_object/x", DEC, {"req_path": "/a", "index": "five"}, 8),
        ("handler/post_object/x", DEC, {"req_path": "/a", "index": "+-5"}, 8),
        ("handler/post_object/x", DEC, {"req_path": "/a", "index": 1 << 31}, 8),
        ("handler/post_object/x", DEC, {"req_path": "/a", "index": True}, 8),
        ("handler/post_object/x", DEC, {"req_path": "/a", "index": None}, 4),
        ("handler/post_object/x", DEC, {"req_path": "/a", "default_action": "Eat"}, 8),
        ("handler/post_object/x", DEC, {"req_path": "/a", "default_action": 5}, 8),
        ("handler/post_object/x", DEC, {"req_path": "/a", "default_action": None}, 4),
        ("handler/post_object/x", DEC, {"req_path": "/a", "default_action": "Reject", "index": -3}, 0),
        ("handler/post_object/x", DEC, {"req_path": 5}, 8),
        ("handler/post_object/x", DEC, {"req_path": "/\ud800"}, 8),
        ("handler/post_object/" + "x" * 300, DEC, {"req_path": "/a"}, 8),
        ("handler/post_object", DEC, {"req_path": "/a"}, 4),
        ("handler/post_object/x/y", DEC, {"req_path": "/a"}, 4),
        ("no/post_object/x", DEC, {"req_path": "/a"}, 27),
        ("handler/no/x", DEC, {"req_path": "/a"}, 27),
        ("handler/post_object/x", DEC, {"req_path": "/a", "routine": "http://127.0.0.1:1080/base/"}, 0),
        ("handler/post_object/x", DEC, {"req_path": "/a", "routine": "http://[::1]:1080"}, 0),
        ("handler/post_object/x", DEC, {"req_path": "/a", "routine": "http://10.0.0.1:1080/"}, 12),
        ("handler/post_object/x", DEC, {"req_path": "/a", "routine": "http://127.0.0.1:1318/"}, 12),
        ("handler/post_object/x", DEC, {"req_path": "/a", "routine": "http://[::1]:1319/"}, 12),
        ("handler/post_object/x", DEC, {"req_path": "/a", "routine": "http://localhost:1080/"}, 8),
        ("handler/post_object/x", DEC, {"req_path": "/a", "routine": "http://127.0.0.1/"}, 8),
        ("handler/post_object/x", DEC, {"req_path": "/a", "routine": "http://127.0.0.1:99999/"}, 8),
        ("handler/post_object/x", DEC, {"req_path": "/a", "routine": "https://127.0.0.1:1080/"}, 8),
        ("handler/post_object/x", DEC, {"req_path": "/a", "routine": "http://u@127.0.0.1:1080/"}, 8),
        ("handler/post_object/x", DEC, {"req_path": "/a", "routine": "http://127.0.0.1:1080/ x"}, 8),
        ("handler/post_object/x", DEC, {"req_path": "/a", "routine": "http://127.0.0.1:1080/" + "x" * 1024}, 8),
    ],
)
async def test_registration(node: Node, place: str, dec: str | None, param: dict[str, Any], code: int) -> None:
    assert (await add(node, place, dec, **param)).code == code
    assert node.stack.registry.idle is bool(code)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"5", b"[" * 100_000])
async def test_a_body_that_is_no_json_object_is_refused(node: Node, body: bytes) -> None:
    assert (await add(node, "handler/post_object/x", body=body)).code == 8


async def test_removal_needs_the_dec_that_registered(node: Node) -> None:
    await add(node, "handler/post_object/x", req_path="/a")
    assert (await node.send("DELETE", "/handler/non/handler/post_object/x", {"cyfs-dec-id": str(DEC2)})).code == 4
    assert (await node.send("DELETE", "/handler/non/handler/post_object/x", {"cyfs-dec-id": DEC})).status == 200
    assert (await node.send("DELETE", "/handler/non/handler/post_object/x", {"cyfs-dec-id": DEC})).code == 4
    assert node.stack.registry.idle


async def test_other_devices_register_nothing_over_http(node: Node) -> None:
    headers = {"cyfs-dec-id": DEC, "cyfs-source": "5aUiCWSp2S8mNyUBgPbcHMXTC2SBxZkxMWwGbdmGCFbX"}
    body = b'{"req_path":"/a","index":0,"default_action":"Default"}'
    reply = await node.send("POST", "/handler/non/handler/post_object/x", headers, body)
    assert reply.status >= 400
    assert node.stack.registry.idle


async def test_no_more_handlers_than_the_limit(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "HANDLERS_MAX", 3)
    codes = [(await add(node, f"handler/post_object/{n}", req_path="/a")).code for n in range(5)]
    assert codes == [0, 0, 0, 10, 10]
    assert (await add(node, "handler/post_object/0", req_path="/b")).code == 0, "replacing is no more"


async def test_control_tells_what_is_registered_and_what_failed(node: Node) -> None:
    await register(node, "pre_noc", "put_object", broken(), handler_id="mine", filter="obj_type == 41", index=3)
    await node.put("text_v1")
    request = HttpRequest("GET", "/control/handlers", Headers(), BytesBody(b""), Peer("unix", "native"))
    reply = await node.stack.control.handle(request)
    assert isinstance(reply.body, bytes)
    (told,) = json.loads(reply.body)["handlers"]
    assert told == {
        "chain": "pre_noc",
        "category": "put_object",
        "id": "mine",
        "dec_id": SYSTEM,
        "index": 3,
        "filter": "obj_type == 41",
        "req_path": None,
        "default_action": "Default",
        "has_routine": True,
        "failures": 1,
        "last_failure": "gone (NOT_CONNECTED, code 16)",
    }


HandlerEntry = tuple[HandlerKey, HandlerParam]


def entry(handler_id: str, dec: str = DEC, chain: Chain = Chain.PRE_NOC, **param: Any) -> HandlerEntry:
    key = HandlerKey(chain, Category.PUT_OBJECT, handler_id, ObjectId.from_text(dec))
    return key, HandlerParam(**{"index": 0, "default_action": Action.REJECT, "filter": "*", **param})


def test_the_file_gives_back_what_went_in() -> None:
    """Ids of any letters, the same id of two decs, all members."""
    entries = [
        entry('od"d\n\\ id.\x7f\u00e4'),
        entry("same", req_path="/a", index=-5),
        entry("same", str(DEC2), filter=None, req_path="/b"),
        entry("x", chain=Chain.POST_CRYPTO),
    ]
    assert decode_handlers(encode_handlers(entries)) == entries


@pytest.mark.parametrize(
    "text",
    [
        *("x", "[no.put_object.a]\n", "[pre_noc.no.a]\n", "pre_noc = 5", "[pre_noc]\nput_object = 5"),
        "[pre_noc.put_object.a]\nindex = 0\ndefault_action = 'Reject'",
        "[pre_noc.put_object.a]\nindex = 'x'\ndefault_action = 'Reject'\ndec_id = '" + DEC + "'",
        "a = " + "[" * 10_000,
    ],
)
def test_a_damaged_file_is_refused(text: str) -> None:
    with pytest.raises(CyfsError):
        decode_handlers(text)


async def restarted(node: Node, root: Path) -> Node:
    stack = await compose(Config(str(root)), node.identity, node.store, node.clock)
    return Node(stack, node.store, node.clock, node.identity)


async def test_a_restart_keeps_default_actions_but_not_the_handler_chain(node: Node, tmp_path: Path) -> None:
    await register(node, "pre_noc", "put_object", client(), default="Reject")
    await register(node, "handler", "post_object", client("Response", {}), dec=DEC, filter=None, req_path="/ask")
    again = await restarted(node, tmp_path)
    assert (await again.put("text_v1")).code == 30
    assert (await post(again, "/ask")).code == 262
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


async def test_a_dec_that_comes_back_drops_what_it_had(node: Node, tmp_path: Path) -> None:
    """Its other handlers would otherwise decide for ever without it."""
    await register(node, "pre_noc", "put_object", client(), handler_id="old", default="Reject")
    again = await restarted(node, tmp_path)
    await register(again, "pre_noc", "get_object", client(), handler_id="new")
    assert (await again.put("text_v1")).status == 200
    once_more = await restarted(node, tmp_path)
    assert [handler.key.id for handler in once_more.stack.registry] == ["new"]


async def test_removed_handlers_do_not_come_back(node: Node, tmp_path: Path) -> None:
    key = await register(node, "pre_noc", "put_object", client(), default="Reject")
    await node.stack.handlers.remove(node.stack.zone.local_source(None), key)
    assert (await restarted(node, tmp_path)).stack.registry.idle


async def test_a_damaged_file_is_set_aside_and_the_node_starts(
    node: Node, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / FILE
    path.parent.mkdir(parents=True)
    path.write_text("junk", encoding="utf-8")
    assert (await restarted(node, tmp_path)).stack.registry.idle
    assert path.with_suffix(".bad").read_text(encoding="utf-8") == "junk"
    assert "set aside" in caplog.text


async def test_a_filter_that_is_no_good_any_more_is_left_out(node: Node, tmp_path: Path) -> None:
    await HandlerFile(tmp_path).save([entry("bad", filter="obj_type =="), entry("good")])
    assert [handler.key.id for handler in (await restarted(node, tmp_path)).stack.registry] == ["good"]


async def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "etc").write_text("in the way", encoding="utf-8")
    with pytest.raises(CyfsError) as caught:
        await HandlerFile(tmp_path).save([entry("a")])
    assert caught.value.code == ErrorCode.IO_ERROR
