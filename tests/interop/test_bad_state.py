"""Abuse of state, rules and handlers on a real gateway: a coded error, bounded memory, and what was there stays.

A gateway of its own: what is stored here must not be seen by the other suites.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from cyfs_edge.base.ids import ObjectId
from tests.crash.state_clients import Call, Env
from tests.gateway_process import GatewayProcess

from .compare import error_of
from .rawhttp import request
from .rawws import HTTP_COMMAND, Packet, WsConnection, frame
from .recorded import Recording

pytestmark = pytest.mark.interop

SEED = 20221119
CANARY = ("/canary", "k")


@pytest.fixture
def call(gateway: GatewayProcess, recording: Recording) -> Call:
    return Call(gateway.http, ObjectId.from_text(recording.identity["dec"]), "root-state")


@pytest.fixture(autouse=True)
def _state_is_as_before(gateway: GatewayProcess, call: Call, recording: Recording) -> Iterator[None]:
    """After every test: what was committed before is there, new sessions work, no traceback."""
    owner = recording.identity["people"]
    env = call.open()
    env.set(CANARY, owner)
    env.commit()
    yield
    call.connection.close()
    assert call.open().list(CANARY[0]) == {CANARY[1]: owner}
    again = call.open()
    again.set(("/after", "k"), owner)
    assert again.commit()["revision"] > 0
    assert gateway.alive
    assert "Traceback" not in gateway.log_text()


def resident(gateway: GatewayProcess) -> int:
    """Bytes of memory."""
    for line in Path(f"/proc/{gateway.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError


def code(status: int, body: bytes) -> str:
    """The code of an error; ``0`` of a success."""
    if status == 200:
        return "0"
    found = error_of(body)
    assert found is not None, (status, body)
    return found


def env_call(call: Call, sid: str, method: str, where: str, action: str, **values: Any) -> str:
    headers = {"cyfs-op-env-action": action, "cyfs-op-env-sid": sid}
    body = json.dumps({"common": {"flags": 0}, **values}).encode()
    return code(*call.send(method, f"/{call.state}/op-env/{where}", headers, body))


def test_junk_of_every_kind_in_sessions(call: Call, recording: Recording) -> None:
    """Bodies with members of wrong types, lengths and letters on every call of a session."""
    rng = random.Random(SEED)
    values: list[Any] = [None, 0, -1, 1 << 64, 1.5, True, "", "x", "/", "//", "/\0", "\0", "/a/../b", "é" * 300, [], {}]
    values += ["/" + "x" * 100_000, "/x" * 50_000, "\ud800", recording.identity["people"], ["/a"], [["/a"]], [None]]
    members: tuple[str, ...] = (
        "path",
        "key",
        "value",
        "prev_value",
        "auto_insert",
        "content_type",
        "owner",
        "dec",
        "target",
        "step",
    )
    members += ("inner_path", "path_list", "duration_in_millsecs", "try_lock", "op_type", "common")
    calls = [
        ("POST", "init/target", "load"),
        ("POST", "init/path", "load-by-path"),
        ("POST", "init/new", "create-new"),
        ("POST", "lock", "lock"),
        ("GET", "root", "get-current-root"),
        ("POST", "transaction", "commit"),
        ("GET", "metadata", "metadata"),
        ("GET", "map", "get-by-key"),
        ("POST", "map", "insert-with-key"),
        ("PUT", "map", "set-with-key"),
        ("DELETE", "map", "remove-with-key"),
        ("GET", "set", "contains"),
        ("POST", "set", "insert"),
        ("DELETE", "set", "remove"),
        ("POST", "iterator", "next"),
        ("DELETE", "iterator", "reset"),
        ("GET", "list", "list"),
    ]
    for kind in ("path", "single", "isolate-path"):
        for method, where, action in calls:
            env = call.open(kind)
            for _ in range(15):
                body = {name: rng.choice(values) for name in rng.sample(members, 6)}
                headers = {"cyfs-op-env-action": action, "cyfs-op-env-sid": env.sid}
                headers["cyfs-op-env-path"] = rng.choice(("", "/", "%2Fa", "%ff", "x" * 3000))
                status, reply = call.send(
                    method, f"/root-state/op-env/{where}", headers, json.dumps({"common": {}, **body}).encode()
                )
                code(status, reply)
            call.send("DELETE", "/root-state/op-env/transaction", {**headers, "cyfs-op-env-action": "abort"}, b"{}")


@pytest.mark.parametrize("sid", ["", "0", "1", "-1", "x", "1.5", str(1 << 64), str((1 << 64) - 1), "9" * 400])
def test_wrong_sids(call: Call, sid: str) -> None:
    for method, where, action in (("POST", "transaction", "commit"), ("DELETE", "transaction", "abort")):
        assert env_call(call, sid, method, where, action) in ("4", "8")


def test_ended_and_foreign_sessions(gateway: GatewayProcess, call: Call, recording: Recording) -> None:
    env = call.open()
    other = Call(gateway.http, ObjectId.from_text(recording.identity["dec2"]), "root-state")
    value = recording.identity["people"]
    for caller in (other, Call(gateway.http, call.dec, "local-cache")):
        assert env_call(caller, env.sid, "PUT", "map", "set-with-key", key="/canary/k", value=value) in ("4", "12", "8")
        assert env_call(caller, env.sid, "POST", "transaction", "commit") == "4"
    headers = {"cyfs-op-env-action": "abort", "cyfs-op-env-sid": env.sid, "cyfs-target-dec-id": str(call.dec)}
    assert code(*other.send("DELETE", "/root-state/op-env/transaction", headers, b"{}")) == "12"
    env.set(("/mine", "k"), value)
    env.commit()
    assert env_call(call, env.sid, "POST", "transaction", "commit") == "4"


def test_racing_commits_of_one_session_and_of_one_key(
    gateway: GatewayProcess, call: Call, recording: Recording
) -> None:
    """Of many commits of a session one is carried out; of many sessions that add one key, one; the others are told."""
    value = recording.identity["people"]
    env = call.open()
    env.set(("/race", "once"), value)

    def commit_it(_: int) -> str:
        return env_call(Call(gateway.http, call.dec, "root-state"), env.sid, "POST", "transaction", "commit")

    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(commit_it, range(8)))
    assert codes.count("0") == 1
    assert set(codes) <= {"0", "4", "7"}

    def insert_it(_: int) -> str:
        own = Call(gateway.http, call.dec, "root-state")
        one = own.open()
        started.wait(10)
        assert env_call(own, one.sid, "POST", "map", "insert-with-key", path="/race", key="same", value=value) == "0"
        inserted.wait(10)
        return env_call(own, one.sid, "POST", "transaction", "commit")

    started, inserted = threading.Barrier(8), threading.Barrier(8)
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(insert_it, range(8)))
    assert sorted(codes) == ["0", *["5"] * 7]


def test_a_map_that_holds_itself_and_ever_deeper_ones(call: Call) -> None:
    """A map cannot name itself, as its id follows from its content: linked into itself, it is the one it was before."""
    env = call.open()
    env.set(("/loop", "k"), str(call.dec))
    codes = []
    for _ in range(300):
        found = call.ask(
            "GET",
            "/root-state/op-env/map",
            {"cyfs-op-env-action": "get-by-key", "cyfs-op-env-sid": env.sid, "cyfs-op-env-key": "/loop"},
        )
        codes.append(
            env_call(
                call,
                env.sid,
                "PUT",
                "map",
                "set-with-key",
                path="/loop",
                key="loop",
                value=found["value"],
                auto_insert=True,
            )
        )
    assert set(codes) <= {"0", "10"}
    assert env_call(call, env.sid, "POST", "transaction", "commit") == "0"
    status, _ = call.send("GET", "/root-state/" + "loop/" * 200, {}, b"")
    assert status in (200, 404)


def test_links_in_a_circle(gateway: GatewayProcess, call: Call) -> None:
    def link(source: str, target: str) -> str:
        body = json.dumps({"common": {"flags": 0}, "source": source, "target": target}).encode()
        return code(*call.send("PUT", "/root-state/meta/link", {}, body))

    assert [link("/x", "/x"), link("/a", "/b"), link("/b", "/c"), link("/c", "/a")] == ["0"] * 4
    for path in ("x", "a", "b/c", "c/" * 50):
        assert call.send("GET", f"/root-state/{path}", {}, b"")[0] == 404
    call.send("DELETE", "/root-state/meta/links", {}, b'{"common":{"flags":0}}')


def test_ten_thousand_open_sessions_and_floods_of_large_writes(gateway: GatewayProcess, call: Call) -> None:
    """Bounded: sessions by their number, what they keep by its size. Who ends some is served again."""
    before = resident(gateway)
    sids: list[str] = []
    while True:
        body = b'{"common":{"flags":0},"op_env_type":"path"}'
        status, reply = call.send("POST", "/root-state/op-env", {"cyfs-root-state-aciton": "create-op-env"}, body)
        if status != 200:
            assert code(status, reply) == "10"
            break
        sids.append(json.loads(reply)["sid"])
    assert 9_000 < len(sids) <= 10_000
    opened = resident(gateway)
    assert opened - before < 40_000_000
    value, refused = str(call.dec), 0
    for index in range(2000):
        key = f"{index}" + "k" * 60_000
        got = env_call(
            call, sids[index % 100], "PUT", "map", "set-with-key", path="/flood", key=key, value=value, auto_insert=True
        )
        assert got in ("0", "10")
        refused += got == "10"
        if refused > 20:
            break
    assert refused > 20
    assert resident(gateway) - opened < 300_000_000
    for sid in sids:
        Env(call, sid).post("transaction", "abort", "DELETE")


def test_a_filter_nested_without_end(gateway: GatewayProcess, call: Call) -> None:
    for text in ("(" * 100_000, "!" * 100_000 + "*", "(" * 2000 + "*" + ")" * 2000, "!" * 4090 + "*", "a" * 5000):
        body = json.dumps({"index": 0, "default_action": "Reject", "req_path": "/n", "filter": text}).encode()
        got = code(*call.send("POST", "/handler/non/handler/post_object/nested", {}, body))
        assert got in ("0", "8"), (text[:20], got)
        call.send("DELETE", "/handler/non/handler/post_object/nested", {}, b"")


def test_json_nested_without_end(call: Call) -> None:
    for where in (
        "root-state/root",
        "root-state/op-env",
        "root-state/meta/access",
        "handler/non/handler/post_object/x",
    ):
        method = "PUT" if "meta" in where else "POST"
        for body in (b"[" * 500_000, b'{"common":' * 100_000):
            assert code(*call.send(method, f"/{where}", {}, body)) in ("4", "8")


def test_frames_that_lie_about_their_length_and_floods_of_packets(
    gateway: GatewayProcess, recording: Recording
) -> None:
    """Announced sizes cost nothing; who sends without end is read no faster than answered."""
    before = resident(gateway)
    lies = [b"\x82\xff" + (60 << 20).to_bytes(8, "big") + bytes(4) + b"x" * 1000 for _ in range(50)]
    open_ones = []
    for lie in lies:
        connection = WsConnection(gateway.ws)
        connection.http.send(lie)
        open_ones.append(connection)
    assert request(gateway.http, "GET", "/util/device").status == 200
    assert resident(gateway) - before < 30_000_000
    for connection in open_ones:
        connection.socket.close()
    get = b"GET /root-state/canary/k HTTP/1.1\r\nHost: 127.0.0.1\r\ncyfs-dec-id: %s\r\n\r\n"
    content = get % recording.identity["dec"].encode()
    flood = b"".join(frame(Packet(index, HTTP_COMMAND, content).encode()) for index in range(1, 2001))
    with WsConnection(gateway.ws) as connection:
        sender = threading.Thread(target=connection.socket.sendall, args=(flood,))
        sender.start()
        seen = {connection.receive().sequence for _ in range(2000)}
        sender.join(10)
    assert seen == set(range(1, 2001))


def test_many_clients_hammer_one_dec(gateway: GatewayProcess, call: Call) -> None:
    """Sixteen clients at a time on one dec root: each commit that was answered is there."""
    value = str(call.dec)

    def work(number: int) -> list[str]:
        own = Call(gateway.http, call.dec, "root-state")
        done = []
        for index in range(15):
            env = own.open()
            env.set((f"/hammer/{number}", f"{index}"), value)
            env.commit()
            done.append(f"{index}")
        return done

    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(work, range(16)))
    env = call.open()
    for number, done in enumerate(results):
        assert set(env.list(f"/hammer/{number}")) == set(done)
