"""State over HTTP on a whole node in memory: who may, sessions, locks, limits, what a restart finds."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from cyfs_edge.core.state import op_env, path_lock, service
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.objects.envelope import decode_object
from cyfs_edge.stack import compose
from cyfs_edge.wire.config import Config
from tests.node import DEC, DEC2, Node, Reply
from tests.unit.core.maps.kit import val
from tests.unit.core.state.client import Client, Env

SYSTEM = str(SYSTEM_DEC_ID)
X, Y = str(val("x")), str(val("y"))
CATEGORIES = pytest.mark.parametrize("category", ["root-state", "local-cache"])
ZONE_DECS_READ = 0o400044
"""Other decs in the zone may read."""


def listed(reply: Reply) -> list[dict[str, str]]:
    """The entries that the accessor tells."""
    found: list[dict[str, str]] = json.loads(reply.body)
    return found


async def filled(client: Client, *keys: str) -> None:
    env = await client.create()
    for key in keys:
        assert (await env.insert(key, X)).status == 200
    assert (await env.commit()).status == 200


@CATEGORIES
async def test_each_dec_has_its_own_state_and_the_system_dec_reaches_all(node: Node, category: str) -> None:
    app = Client(node, DEC, category)
    await filled(app, "/a/k")
    assert (await Client(node, DEC2, category).root()).code == 4
    assert (await Client(node, DEC2, category).get("a?action=list")).code == 4
    for client in (app, Client(node, SYSTEM, category, DEC)):
        assert listed(await client.get("a?action=list")) == [{"content_type": "map", "key": "k", "value": X}]
        assert (await client.root()).status == 200
        env = await client.create()
        assert (await env.get("/a/k")).json == {"value": X}


@CATEGORIES
async def test_another_dec_is_refused_everything(node: Node, category: str) -> None:
    await filled(Client(node, DEC, category), "/a/k")
    other = Client(node, DEC2, category, DEC)
    for reply in (
        await other.root(),
        await other.root("global"),
        await other.try_create(),
        await other.try_create(access={"path": "/a", "access": 4}),
        await other.get("a?action=list"),
        await other.get("a"),
    ):
        assert (reply.status, reply.code) == (403, 12)


@CATEGORIES
async def test_the_anonymous_dec_has_no_state(node: Node, category: str) -> None:
    for client in (Client(node, None, category), Client(node, None, category, DEC)):
        assert (await client.root()).code == 12
        assert (await client.try_create()).code == 12
        assert (await client.get("a")).code == 12


async def test_a_dec_with_a_grant_stays_below_its_path(node: Node) -> None:
    owner = Client(node)
    await filled(owner, "/shared/k", "/private/k")
    await owner.grant("/shared", ZONE_DECS_READ)
    guest = Client(node, DEC2, target=DEC)
    assert (await guest.get("shared?action=list")).status == 200
    assert (await guest.get("private?action=list")).code == 12
    assert (await guest.try_create(access={"path": "/shared", "access": 7})).code == 12
    env = await guest.create(access={"path": "/shared", "access": 4})
    assert (await env.get("/shared/k")).json == {"value": X}
    assert (await env.get("/private/k")).code == 12
    assert (await env.get("/sharedness")).code == 12
    assert (await env.insert("/shared/more", X)).code == 12
    assert (await env.lock("/shared")).code == 12
    single = await guest.create("single", access={"path": "/shared", "access": 4})
    assert (await single.post("init/path", "load-by-path", path="/private")).code == 12
    assert (await single.post("init/path", "load-by-path", path="/shared")).status == 200


async def test_a_session_belongs_to_who_opened_it(node: Node) -> None:
    env = await Client(node).create()
    stranger = Env(Client(node, SYSTEM, target=DEC), env.sid)
    for reply in (await stranger.get("/a"), await stranger.commit(), await stranger.abort()):
        assert reply.code == 12
    assert (await Env(Client(node, category="local-cache"), env.sid).get("/a")).code == 4
    assert (await env.get("/a")).status == 200


async def test_an_unused_session_is_gone_after_an_hour_with_its_locks(node: Node) -> None:
    client = Client(node)
    old, kept = await client.create(), await client.create()
    assert (await old.lock("/a")).status == 200
    assert (await kept.insert("/a/k", X)).code == 26
    for _ in range(2):
        node.clock.time += 1800 * 1_000_000
        assert (await kept.get("/b")).status == 200
    assert (await kept.insert("/a/k", X)).status == 200
    assert (await old.get("/a")).code == 4


async def test_open_sessions_are_bounded_and_expired_ones_make_room(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "ENVS_MAX", 3)
    client = Client(node)
    envs = [await client.create() for _ in range(3)]
    assert (await client.try_create()).code == 10
    await envs[0].abort()
    assert (await client.try_create()).status == 200
    node.clock.time += 3600 * 1_000_000
    for _ in range(3):
        assert (await client.try_create()).status == 200


async def test_ten_thousand_open_sessions_are_served(node: Node) -> None:
    client = Client(node)
    envs = [await client.create() for _ in range(service.ENVS_MAX)]
    assert len({env.sid for env in envs}) == service.ENVS_MAX
    assert (await client.try_create()).code == 10
    assert (await envs[0].insert("/a/k", X)).status == 200
    assert (await envs[0].commit()).status == 200
    assert (await client.try_create()).status == 200


@pytest.mark.parametrize("limit", ["WRITES_MAX", "ALL_WRITES_MAX"])
async def test_waiting_writes_are_bounded(node: Node, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(op_env, limit, 5)
    env = await Client(node).create()
    for index in range(5):
        assert (await env.insert(f"/a/{index}", X)).status == 200
    assert (await env.insert("/a/more", X)).code == 10
    assert (await env.commit("update")).status == 200
    assert (await env.insert("/a/more", X)).status == 200


@pytest.mark.parametrize("limit", ["CHANGED_MAX", "ALL_CHANGED_MAX"])
@pytest.mark.parametrize("kind", ["path", "single", "isolate-path"])
async def test_the_size_of_waiting_writes_is_bounded(
    node: Node, monkeypatch: pytest.MonkeyPatch, limit: str, kind: str
) -> None:
    """Long keys, and changes all over a large map: not only writes count, but what they keep in memory."""
    monkeypatch.setattr(op_env, limit, 200_000)
    client = Client(node)
    env, other = [await client.create(kind) for _ in range(2)]
    if kind != "path":
        assert (await env.new("map")).status == 200
    codes = [(await env.insert(f"/{index}" + "k" * 30_000, X)).code for index in range(9)]
    assert codes == [0] * codes.count(0) + [10] * codes.count(10)
    assert 3 <= codes.count(0) < 9
    if limit == "ALL_CHANGED_MAX" and kind == "path":
        assert (await other.insert("/other" + "k" * 60_000, X)).code == 10
    assert (await env.commit("update")).status == 200
    assert (await env.insert("/more", X)).status == 200
    assert (await other.abort()).status == 200


async def test_changes_of_many_nodes_of_a_stored_map_count_with_the_size_of_the_nodes(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(node)
    env = await client.create()
    for index in range(600):
        assert (await env.insert(f"/wide/{index}" + "k" * 200, X)).status == 200
    assert (await env.commit()).status == 200
    monkeypatch.setattr(op_env, "CHANGED_MAX", 20_000)
    small = await client.create()
    codes = [(await small.set(f"/wide/{index}" + "k" * 200, X)).code for index in range(600)]
    assert 0 < codes.count(0) < 200
    assert codes[-1] == 10
    assert (await small.commit()).status == 200
    again = await client.create()
    assert (await again.insert("/wide/one", X)).status == 200


async def test_a_lock_that_is_not_tried_waits_for_its_turn(node: Node) -> None:
    client = Client(node)
    first, second = await client.create(), await client.create()
    await first.lock("/a/b")
    waiting = asyncio.create_task(second.lock("/a", "/c", try_lock=False))
    await asyncio.wait((waiting,), timeout=0.05)
    assert not waiting.done()
    assert (await second.commit()).code == 7, "the session is taken by the call that waits"
    await first.abort()
    assert (await waiting).status == 200
    third = await client.create()
    assert (await third.insert("/a/k", X)).code == 26
    assert (await third.lock("/c/d")).code == 5


async def test_locks_end_with_their_duration_and_nest_in_one_session(node: Node) -> None:
    client = Client(node)
    first, second = await client.create(), await client.create()
    await first.lock("/a", duration=1000)
    assert (await first.lock("/a/b", duration=1)).status == 200
    assert (await second.lock("/a/b/c")).code == 5
    assert (await second.insert("/b/k", X)).status == 200
    node.clock.time += 1_000_000
    assert (await second.insert("/a/k", X)).status == 200
    assert (await second.lock("/a/b/c", duration=(1 << 64) - 1)).status == 200


async def test_trying_several_locks_takes_all_or_none(node: Node) -> None:
    client = Client(node)
    first, second, third = [await client.create() for _ in range(3)]
    await first.lock("/z")
    assert (await second.lock("/a", "/z")).code == 5
    assert (await third.lock("/a")).status == 200


async def test_locks_are_bounded_and_refused_ones_take_nothing(node: Node) -> None:
    client = Client(node)
    first = await client.create()
    paths = [f"/{index}" for index in range(path_lock.LOCKS_MAX)]
    assert (await first.lock(*paths[1:])).status == 200
    for try_lock in (True, False):
        assert (await first.lock(*paths, "/more", try_lock=try_lock)).code == 10
    second = await client.create()
    assert (await second.lock("/0", "/more")).status == 200
    assert (await second.lock("/" + "x" * path_lock.PATH_MAX)).code == 2
    full = path_lock.ALL_LOCKS_MAX // path_lock.LOCKS_MAX
    codes = []
    for number in range(full):
        env = await client.create()
        codes.append((await env.lock(*(f"/{number}x{path}" for path in paths))).code)
    assert codes == [0] * (full - 2) + [10] * 2
    await first.abort()
    assert (await env.lock(*(f"/{full}x{path}" for path in paths))).status == 200


async def test_a_commit_is_one_durable_transaction(node: Node) -> None:
    client = Client(node)
    await filled(client, "/a/k")
    env = await client.create()
    await env.insert("/deep/in/here/k", X)
    before = node.store.commits
    assert (await env.commit()).status == 200
    assert node.store.commits == before + 1


async def test_a_full_disk_leaves_root_and_session_as_they_were(node: Node) -> None:
    client = Client(node)
    await filled(client, "/a/k")
    root = (await client.root()).json
    env = await client.create()
    await env.insert("/a/more", X)
    node.store.room = 0
    assert (await env.commit("update")).code == 10
    assert (await client.root()).json == root
    node.store.room = 1 << 40
    assert (await env.commit()).status == 200
    assert (await (await client.create()).get("/a/more")).json == {"value": X}


@CATEGORIES
async def test_a_restart_finds_roots_and_revision(node: Node, tmp_path: Path, category: str) -> None:
    client = Client(node, category=category)
    await filled(client, "/a/k")
    again = Node(
        await compose(Config(str(tmp_path)), node.identity, node.store, node.clock),
        node.store,
        node.clock,
        node.identity,
    )
    client = Client(again, category=category)
    assert (await client.root()).json == (await Client(node, category=category).root()).json
    assert (await (await client.create()).get("/a/k")).json == {"value": X}


async def test_after_a_conflict_an_update_can_be_given_up_but_not_saved(node: Node) -> None:
    client = Client(node)
    await filled(client, "/a/k")
    first, second = await client.create(), await client.create()
    await first.set("/a/k", Y)
    await second.set("/a/k", str(val("z")))
    assert (await first.commit()).status == 200
    for _ in range(2):
        assert (await second.commit("update")).code == 50
    assert (await second.abort()).status == 200
    assert (await (await client.create()).get("/a/k")).json == {"value": Y}


@pytest.mark.parametrize("content_type", ["diffmap", "diffset"])
async def test_diffs_can_be_made_but_not_changed(node: Node, content_type: str) -> None:
    env = await Client(node).create("single")
    assert (await env.new(content_type)).status == 200
    assert (await env.insert("k", X)).code == 6
    assert (await env.post("set", "insert", value=X)).code == 6
    assert (await env.list()).json == {"result": []}


@pytest.mark.parametrize(
    ("fields", "owner", "dec"),
    [({}, True, True), ({"owner": "none", "dec": "none"}, False, False), ({"owner": "default", "dec": X}, True, X)],
)
async def test_new_maps_have_the_owner_and_dec_that_were_asked_for(
    node: Node, fields: dict[str, str], owner: bool, dec: bool | str
) -> None:
    env = await Client(node).create("isolate-path")
    assert (await env.new("map", **fields)).status == 200
    root = (await env.commit()).json["root"]
    record = node.store.objects.records[next(one for one in node.store.objects.records if str(one) == root)]
    made = decode_object(record.raw)
    assert (made.owner == node.stack.zone.zone.owner) is owner
    assert (str(made.dec_id) if made.dec_id else False) == (DEC if dec is True else dec)
    assert str(record.create_dec_id) == DEC


BAD_KEYS = [
    ({"path": "/a", "key": "\ud800"}, 8),
    ({"path": "/\udfff", "key": "k"}, 8),
    ({"path": "/a", "key": "k" * 70_000}, 10),
    ({"path": "/" + "s" * 257, "key": "k"}, 27),
    ({"path": "/a" * 256, "key": "k"}, 10),
    ({"path": "//", "key": "k"}, 8),
    ({"path": "", "key": "k"}, 8),
    ({"key": "/"}, 8),
    ({"key": "no slash"}, 8),
    ({"path": 5, "key": "k"}, 8),
    ({"path": "/a", "key": None}, 8),
]


@pytest.mark.parametrize(("place", "code"), BAD_KEYS)
async def test_bad_paths_and_keys_are_told_and_change_nothing(node: Node, place: dict[str, object], code: int) -> None:
    env = await Client(node).create()
    body = {"common": {"flags": 0}, "value": X, **place}
    assert (await env.send("POST", "map", "insert-with-key", {}, body)).code == code
    assert (await env.list("/")).json == {"result": []}


async def test_keys_may_hold_anything_else(node: Node) -> None:
    env = await Client(node).create("single")
    await env.new("map")
    for key in ("", "a/b", "\0", "中文", "k" * 60_000):
        assert (await env.insert(key, X)).status == 200


async def test_a_large_map_is_listed_in_pages(node: Node) -> None:
    client = Client(node)
    env = await client.create()
    for index in range(1700):
        await env.insert(f"/big/key_{index:05d}", X)
    assert (await env.commit()).status == 200
    pages = [listed(await client.get(f"big?action=list&page_index={page}&page_size=500")) for page in range(5)]
    assert [len(page) for page in pages] == [500, 500, 500, 200, 0]
    keys = [item["key"] for page in pages for item in page]
    assert len(set(keys)) == 1700
    assert len(listed(await client.get("big?action=list"))) == 1024
    assert listed(await client.get("big?action=list&page_size=0")) == []
    assert (await client.get("big/key_00001?action=list")).code == 27
