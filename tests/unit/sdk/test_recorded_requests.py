"""Every request of the Python SDK against the one that the official SDK 0.6.0 sent for the same call, and what it makes
of the recorded reply (``tests/vectors/http-exchanges.json``).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from cyfs_edge.sdk import (
    Action,
    Answer,
    Category,
    CryptoFlag,
    CyfsError,
    CyfsStack,
    ErrorCode,
    EventAnswer,
    EventCategory,
    HandlerCall,
    MapContentType,
    NdnLevel,
    NonLevel,
    ObjectId,
    PathEnv,
    QueryKind,
    Referer,
    RootType,
    SingleEnv,
    Specified,
    decode_object,
    respond,
)
from cyfs_edge.wire.http_head import RequestHead
from cyfs_edge.wire.http_message import parse_request
from cyfs_edge.wire.json_values import Members
from cyfs_edge.wire.ws_packet import WsCommand, WsPacket, decode_packet
from tests import vector_count
from tests.unit.net.ws_client import serving
from tests.unit.sdk.stub import StubWs, stub_http

RUN = vector_count.load("http-exchanges.json")["runs"][0]
IDS = RUN["ids"]
DEC, DEC2, DEVICE, OWNER, TEXT_ID, CHUNK = (
    ObjectId.from_text(IDS[name]) for name in ("dec", "dec2", "device", "owner", "text", "chunk")
)
TEXT = decode_object(bytes.fromhex(IDS["text_raw"]))
DATA = b"hello chunk data"

NODE = {"host", "connection", "accept", "accept-language", "accept-encoding", "sec-fetch-mode", "user-agent"}
"""Headers of node's fetch, and of every HTTP client."""
ABSENT = ("trans.", "sync.")
"""Services that no node of ours has."""
RANGE = "ndn.get_data (range, referer, context, group, inner_path)"
LIST_OVER_WS = "http over ws: accessor.list (double ? quirk)"


def exchanges(transport: str) -> list[dict[str, Any]]:
    found = [one for one in RUN["exchanges"] if one["transport"] == transport]
    return [one for one in found if not one["label"].startswith(ABSENT)]


class Calls:
    """The calls of the recording by label. What one opens, the next ones use."""

    def __init__(self, stack: CyfsStack) -> None:
        self.stack = stack
        self.env: PathEnv
        self.single: SingleEnv

    def non(self) -> dict[str, Callable[[], Awaitable[object]]]:
        non, noc = self.stack.non, NonLevel.NOC
        post = lambda: non.post(TEXT, "/demo/a b?x=1", target=DEVICE)  # noqa: E731
        return {
            "non.put_object": lambda: non.put(TEXT, level=noc, access=258559),
            "non.get_object (router,target,req_path,inner_path)": lambda: non.get(
                TEXT_ID, "/x/y", req_path="/demo/a b?x=1", target=DEVICE
            ),
            "non.get_object -> 404 error body": lambda: non.get(TEXT_ID, level=noc),
            "non.post_object": post,
            "non.post_object -> empty 200": post,
            "non.post_object -> 204 ignored": post,
            "non.delete_object": lambda: non.delete(TEXT_ID, level=noc),
            "non.update_object_meta": lambda: non.set_access(TEXT_ID, 258559, level=noc),
        }

    def ndn(self) -> dict[str, Callable[[], Awaitable[object]]]:
        ndn, ndc = self.stack.ndn, NdnLevel.NDC

        async def read(*spans: tuple[int, int | None], **options: Any) -> bytes:
            async with ndn.get_data(CHUNK, *spans, **options) as reply:
                return await reply.read()

        referers = (Referer(TEXT_ID, DEVICE, "/dir/f.txt"), Referer(CHUNK))
        return {
            "ndn.put_data": lambda: ndn.put_data(DATA, level=ndc),
            RANGE: lambda: read(
                (0, 5),
                inner_path="/in",
                referers=referers,
                context="/ctx/1",
                group="grp/1",
                target=DEVICE,
                req_path="/p/1",
            ),
            "ndn.get_data unparsed range": lambda: read((0, 5), level=ndc),
            "ndn.get_data plain": lambda: read(level=ndc),
            "ndn.delete_data": lambda: ndn.delete_data(CHUNK, level=ndc),
            "ndn.query_file": lambda: ndn.query_file(QueryKind.FILE, TEXT_ID, level=ndc),
        }

    def state(self) -> dict[str, Callable[[], Awaitable[object]]]:
        own, other = self.stack.root_state, self.stack.root_state.of(dec=DEC2)

        async def path_env() -> str:
            self.env = await own.of(dec=DEC).path_env()
            return self.env.sid

        async def single_env() -> str:
            self.single = await self.stack.local_cache.of(dec=DEC).single_env()
            return self.single.sid

        return {
            "root_state.get_current_root (global)": lambda: own.get_current_root(RootType.GLOBAL),
            "root_state.get_current_root (dec)": lambda: own.of(dec=DEC2, target=DEVICE).get_current_root(),
            "root_state.create_op_env path": path_env,
            "op_env.lock": lambda: self.env.lock(["/a"]),
            "op_env.get_by_path": lambda: self.env.get_by_path("/a/b c"),
            "op_env.get_by_key none": lambda: self.env.get_by_key("/a", "k/中"),
            "op_env.insert_with_path": lambda: self.env.insert_with_path("/a/b", TEXT_ID),
            "op_env.set_with_path": lambda: self.env.set_with_path("/a/b", TEXT_ID, TEXT_ID),
            "op_env.set_with_key (no prev)": lambda: self.env.set_with_key("/a", "b", TEXT_ID, auto_insert=False),
            "op_env.remove_with_path": lambda: self.env.remove_with_path("/a/b"),
            "op_env.contains": lambda: self.env.contains("/s", TEXT_ID),
            "op_env.insert": lambda: self.env.insert("/s", TEXT_ID),
            "op_env.remove": lambda: self.env.remove("/s", TEXT_ID),
            "op_env.create_new": lambda: self.env.create_new("/n", MapContentType.MAP),
            "op_env.metadata": lambda: self.env.metadata("/a"),
            "op_env.get_current_root": lambda: self.env.get_current_root(),
            "op_env.list": lambda: self.env.list("/a"),
            "op_env.update": lambda: self.env.update(),
            "op_env.commit": lambda: self.env.commit(),
            "op_env.abort": lambda: self.env.abort(),
            "local_cache.create_op_env single": single_env,
            "op_env.load": lambda: self.single.load(TEXT_ID),
            "op_env.load_by_path": lambda: self.single.load_by_path("/a"),
            "op_env.next": lambda: self.single.next(10),
            "op_env.reset": lambda: self.single.reset(),
            "accessor.get_object_by_path": lambda: own.of(dec=DEC2, target=DEVICE).get_by_path("/a/b c"),
            "accessor.list": lambda: other.list("/a", 0, 10),
            "meta.add_access": lambda: own.meta.add_access("/x/y", 258559),
            "meta.add_access specified": lambda: own.meta.add_access("/x/y", Specified(7, zone=DEVICE, dec=DEC2)),
            "meta.remove_access": lambda: own.meta.remove_access("/x/y", 258559),
            "meta.clear_access": own.meta.clear_access,
            "meta.add_link": lambda: own.meta.add_link("/s", "/t"),
        }

    def util(self) -> dict[str, Callable[[], Awaitable[object]]]:
        util = self.stack.util
        return {
            "util.get_device (online)": util.get_device,
            "util.get_zone": lambda: util.get_zone(DEVICE),
            "util.resolve_ood": lambda: util.resolve_ood(DEVICE),
            "util.get_ood_status": util.get_ood_status,
            "util.get_noc_info": util.get_noc_info,
            "util.get_network_access_info": util.get_network_access_info,
            "util.get_device_static_info": util.get_device_static_info,
            "util.get_system_info": util.get_system_info,
            "util.get_version_info": util.get_version_info,
            "util.build_file_object": lambda: util.build_file("/data/f", OWNER),
            "util.build_dir_from_object_map": lambda: util.build_dir_from_object_map(TEXT_ID),
        }

    def crypto(self) -> dict[str, Callable[[], Awaitable[object]]]:
        crypto = self.stack.crypto
        return {
            "crypto.sign_object": lambda: crypto.sign(TEXT, CryptoFlag.BY_DEVICE | CryptoFlag.SET_DESC),
            "crypto.verify_object": lambda: crypto.verify(TEXT),
            "crypto.encrypt_data": lambda: crypto.encrypt(DATA),
        }

    def all(self) -> dict[str, Callable[[], Awaitable[object]]]:
        return {**self.util(), **self.non(), **self.ndn(), **self.state(), **self.crypto()}


def reply_of(exchange: dict[str, Any]) -> bytes:
    reply = exchange["response"]
    lines = [f"HTTP/1.1 {reply['status']} X", *(f"{name}: {value}" for name, value in reply["headers"])]
    return "\r\n".join([*lines, "", ""]).encode() + bytes.fromhex(reply["body_hex"])


def plain(headers: list[tuple[str, str]] | list[list[str]], left_out: set[str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers if name.lower() not in left_out}


def body_of(data: bytes) -> object:
    """JSON as a value, so that the order of members does not count; other bodies as they are."""
    try:
        return json.loads(data)
    except ValueError:
        return data


def assert_same(recorded: dict[str, Any], head: RequestHead, body: bytes) -> None:
    wanted = plain(recorded["headers"], NODE | {"content-length"})
    if recorded["label"] == RANGE:
        assert wanted.pop("range") == "0-4"  # not a range by the letter (http-api §0.8); ours is
        wanted["range"] = "bytes=0-4"
    assert f"{head.method} {head.target} HTTP/1.1" == recorded["request_line"]
    assert plain(head.headers.items, NODE | {"content-length"}) == wanted
    assert body_of(body) == body_of(bytes.fromhex(recorded["body_hex"]))


RESULTS: dict[str, Callable[[Any], bool]] = {
    "util.get_device (online)": lambda got: got.object_id == DEVICE,
    "non.put_object": lambda got: (got.result.value, got.update_time) == ("Accept", 13314000000000000),
    "non.get_object (router,target,req_path,inner_path)": lambda got: got.raw == TEXT.raw,
    "non.post_object": lambda got: got.raw == TEXT.raw,
    "non.post_object -> empty 200": lambda got: got is None,
    "ndn.put_data": lambda got: got[0] == CHUNK,
    RANGE: lambda got: got == b"hello",
    "ndn.get_data plain": lambda got: got == DATA,
    "root_state.get_current_root (dec)": lambda got: (got.root, got.revision, got.dec_root) == (TEXT_ID, 5, TEXT_ID),
    "root_state.create_op_env path": lambda got: got == "1001",
    "op_env.get_by_path": lambda got: got == TEXT_ID,
    "op_env.get_by_key none": lambda got: got is None,
    "op_env.set_with_path": lambda got: got == TEXT_ID,
    "op_env.contains": lambda got: got is True,
    "op_env.remove": lambda got: got is False,
    "op_env.metadata": lambda got: (got.content_type, got.count, got.size) == (MapContentType.MAP, 1, 100),
    "op_env.list": lambda got: [(item.key, item.value) for item in got] == [("k", TEXT_ID)],
    "op_env.next": lambda got: [(item.content_type, item.value) for item in got] == [(MapContentType.SET, TEXT_ID)],
    "accessor.get_object_by_path": lambda got: (got.object.raw, got.revision) == (TEXT.raw, 7),
    "accessor.list": lambda got: [item.key for item in got.items] == ["k"],
    "meta.add_access": lambda got: got is True,
    "meta.remove_access": lambda got: got is None,
    "meta.clear_access": lambda got: got == 3,
    "util.resolve_ood": lambda got: got == [DEVICE],
    "util.get_noc_info": lambda got: got == {"count": 1, "storage_size": 2},
    "crypto.sign_object": lambda got: got.raw == TEXT.raw,
    "crypto.verify_object": lambda got: got.valid,
    "crypto.encrypt_data": lambda got: got == b"enc",
}


async def test_every_request_over_http_is_the_recorded_one() -> None:
    async with stub_http() as stub, CyfsStack(DEC, http=stub.address) as stack:
        calls = Calls(stack).all()
        assert sorted(calls) == sorted(one["label"] for one in exchanges("http"))
        for recorded in exchanges("http"):
            label = recorded["label"]
            stub.replies.append(reply_of(recorded))
            if recorded["client_outcome"] == "ok":
                got = await calls[label]()
                assert RESULTS.get(label, lambda _: True)(got), (label, got)
            else:
                with pytest.raises(CyfsError) as caught:
                    await calls[label]()
                told = json.loads(recorded["response"]["body_text"])
                assert (str(int(caught.value.code)), caught.value.message) == (told["code"], told["msg"]), label
            assert_same(recorded, *stub.seen[-1])
        assert stub.connections == 1, "a connection is used again"


def frames(label: str, direction: str) -> list[WsPacket]:
    found = [one for one in exchanges("ws") if one["label"] == label and one.get("direction") == direction]
    return [decode_packet(bytes.fromhex(one["frame_hex"])) for one in found]


def without_routine(members: Members) -> Members:
    """The official SDK sends a random number there, which means nothing."""
    if "param" in members:
        return {**members, "param": without_routine(members["param"])}
    return {name: value for name, value in members.items() if name != "routine"}


def assert_same_json(sent: WsPacket, recorded: WsPacket) -> None:
    assert sent.cmd == recorded.cmd
    assert without_routine(json.loads(sent.content)) == without_routine(json.loads(recorded.content))


@pytest.mark.parametrize(
    ("label", "call"),
    [
        ("http over ws: non.get_object", lambda stack: stack.non.get(TEXT_ID, level=NonLevel.NOC)),
        ("http over ws: non.put_object", lambda stack: stack.non.put(TEXT, level=NonLevel.NOC)),
        (LIST_OVER_WS, lambda stack: stack.root_state.of(dec=DEC2).list("/a", 0, 10)),
        ("http over ws: root_state.create_op_env", lambda stack: stack.root_state.path_env()),
    ],
)
async def test_every_request_over_websocket_is_the_recorded_one(
    label: str, call: Callable[[CyfsStack], Awaitable[object]]
) -> None:
    (recorded,), (answer,) = frames(label, "client->server"), frames(label, "server->client")
    stub = StubWs([answer.content])
    async with serving(stub) as served, CyfsStack(DEC, ws=f"127.0.0.1:{served.port}", over_ws=True) as stack:
        assert await call(stack) is not None
    (sent,) = stub.seen
    assert sent.cmd == recorded.cmd == WsCommand.HTTP
    (head, body), (recorded_head, recorded_body) = parse_request(sent.content), parse_request(recorded.content)
    target = recorded_head.target
    assert (head.method, head.target) == (recorded_head.method, target.replace("??", "?"))
    assert plain(head.headers.items, NODE) == plain(recorded_head.headers.items, NODE)
    assert body_of(body) == body_of(recorded_body)


async def test_handler_messages_are_the_recorded_ones() -> None:
    added, removed = "router_handlers.add_post_object_handler (ws)", "router_handlers.remove_handler (ws)"
    called = "router handler event (server->client)"
    (call,), (answer,) = frames(called, "server->client"), frames(called, "client->server")
    (unknown,) = frames("router handler event unknown id -> error frame", "server->client")
    calls: list[HandlerCall] = []

    async def routine(call: HandlerCall) -> Answer:
        calls.append(call)
        return respond(call.object)

    stub = StubWs([frames(name, "server->client")[0].content for name in (added, removed)])
    async with serving(stub) as served, CyfsStack(DEC, ws=f"127.0.0.1:{served.port}") as stack:
        await stack.handlers.add(
            Category.POST_OBJECT, "h1", routine, req_path="/demo/call", default_action=Action.DEFAULT
        )
        told = await stub.sessions[0].calls.ask(call.cmd, call.content, 10)
        assert json.loads(told) == json.loads(answer.content)
        # The official SDK throws and says nothing, so that the stack waits for minutes.
        with pytest.raises(CyfsError) as caught:
            await stub.sessions[0].calls.ask(unknown.cmd, unknown.content, 10)
        assert caught.value.code == ErrorCode.NOT_FOUND
        assert await stack.handlers.remove(Category.POST_OBJECT, "h1")
    assert_same_json(stub.seen[0], frames(added, "client->server")[0])
    assert_same_json(stub.seen[1], frames(removed, "client->server")[0])
    (seen,) = calls
    assert (seen.source.dec, seen.source.device, seen.source.zone) == (DEC2, DEVICE, OWNER)
    assert (seen.req_path, seen.object_id, seen.reply) == ("/demo/call", TEXT_ID, None)


async def test_event_messages_are_the_recorded_ones() -> None:
    added, emitted = "router_events.add zone_role_changed (ws)", "zone_role_changed event (server->client)"
    (event,), (answer,) = frames(emitted, "server->client"), frames(emitted, "client->server")

    async def listener(event: Members) -> EventAnswer:
        assert event == {"current_role": "standby-ood", "new_role": "active-ood"}
        return EventAnswer(handled=True, call_next=False)

    stub = StubWs([frames(added, "server->client")[0].content])
    async with serving(stub) as served, CyfsStack(DEC, ws=f"127.0.0.1:{served.port}") as stack:
        await stack.events.add(EventCategory.ZONE_ROLE_CHANGED, "e1", listener)
        told = await stub.sessions[0].calls.ask(event.cmd, event.content, 10)
    assert json.loads(told) == json.loads(answer.content)
    assert_same_json(stub.seen[0], frames(added, "client->server")[0])
