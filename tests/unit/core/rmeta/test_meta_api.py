"""Path meta calls on a whole node, and what they open and close (http-api §12, access-and-zone §4.5)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from cyfs_edge.base.errors import ErrorCode
from cyfs_edge.objects.core.dec_app import ANONYMOUS_DEC_ID, SYSTEM_DEC_ID
from cyfs_edge.stack import compose
from cyfs_edge.wire.config import Config
from tests.node import DEC, DEC2, PEOPLE, Node, Reply, id_of, make_node
from tests.unit.core.placing import link

SYSTEM = str(SYSTEM_DEC_ID)
OTHER_DEVICE = "5aSixgNK7Q7Tym6VBNUdN6ZPi6q4aCnzRYTW3YnrtNwf"
COMMON = {"flags": 0}
ACCESS = {"common": COMMON, "item": {"path": "/open", "access": {"Default": 0o777777}}}


@pytest_asyncio.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    made = await make_node(tmp_path)
    yield made
    await made.stack.close()


async def meta(
    node: Node,
    method: str,
    path: str,
    body: object = None,
    dec: str = DEC,
    category: str = "root-state",
    **headers: str,
) -> Reply:
    extra = {f"cyfs-{key.replace('_', '-')}": value for key, value in headers.items()}
    raw = body if isinstance(body, bytes) else json.dumps(body or {"common": COMMON}).encode()
    return await node.send(method, f"/{category}/meta/{path}", {"cyfs-dec-id": dec, **extra}, raw)


ITEMS = {
    "access": ({"path": "/a/", "access": {"Default": 4}}, {"path": "/a/", "access": {"Default": 5}}),
    "object-meta": (
        {"selector": "obj_type == 41", "access": {"Default": 4}, "depth": None},
        {"selector": "obj_type == 41", "access": {"Default": 5}, "depth": 2},
    ),
    "path-config": (
        {"path": "/v/", "storage_state": 1, "depth": None},
        {"path": "/v/", "storage_state": 0, "depth": 255},
    ),
}
MANY = {"access": "accesses", "object-meta": "object-metas", "path-config": "path-configs"}


@pytest.mark.parametrize("category", ["root-state", "local-cache"])
@pytest.mark.parametrize("kind", ITEMS)
async def test_add_remove_and_clear(node: Node, kind: str, category: str) -> None:
    first, second = ({"common": COMMON, "item": item} for item in ITEMS[kind])
    told = []
    for method, path, body in (
        ("PUT", kind, first),
        ("PUT", kind, first),
        ("PUT", kind, second),
        ("DELETE", kind, first),
        ("DELETE", kind, first),
        ("PUT", kind, first),
        ("DELETE", MANY[kind], None),
        ("DELETE", MANY[kind], None),
    ):
        reply = await meta(node, method, path, body, category=category)
        assert (reply.status, reply.headers["content-type"]) == (200, "text/plain;charset=utf-8")
        told.append(reply.json)
    assert told == [
        {"updated": True},
        {"updated": False},
        {"updated": True},
        {"item": ITEMS[kind][1]},
        {"item": None},
        {"updated": True},
        {"count": 1},
        {"count": 0},
    ]


async def test_links(node: Node) -> None:
    body = {"common": COMMON, "source": "/s", "target": "/t"}
    assert (await meta(node, "PUT", "link", body)).json == {"updated": True}
    assert (await meta(node, "PUT", "link", {**body, "target": "/u"})).code == ErrorCode.ALREADY_EXISTS
    assert (await meta(node, "PUT", "link", {**body, "source": "/"})).code == ErrorCode.UN_SUPPORT
    removed = await meta(node, "DELETE", "link", {"common": COMMON, "source": "s"})
    assert removed.json == {"item": {"source": "/s/", "target": "/t/"}}
    assert (await meta(node, "DELETE", "links")).json == {"count": 0}


@pytest.mark.parametrize(
    ("dec", "target", "code"),
    [
        (DEC, DEC, 0),
        (SYSTEM, DEC, 0),
        (SYSTEM, SYSTEM, 0),
        (DEC2, DEC, ErrorCode.PERMISSION_DENIED),
        (DEC, SYSTEM, ErrorCode.PERMISSION_DENIED),
        (str(ANONYMOUS_DEC_ID), DEC, ErrorCode.PERMISSION_DENIED),
        (str(ANONYMOUS_DEC_ID), str(ANONYMOUS_DEC_ID), ErrorCode.PERMISSION_DENIED),
    ],
)
@pytest.mark.parametrize(("method", "path"), [("PUT", "access"), ("DELETE", "access"), ("DELETE", "accesses")])
async def test_only_the_dec_itself_and_the_system_dec_change_rules(
    node: Node, method: str, path: str, dec: str, target: str, code: int
) -> None:
    assert (await meta(node, method, path, ACCESS, dec=dec, target_dec_id=target)).code == code


async def test_devices_of_other_zones_change_nothing(node: Node) -> None:
    """``cyfs-source`` makes the request that of a device which is not of this zone."""
    reply = await meta(node, "PUT", "access", ACCESS, source=OTHER_DEVICE, dec=SYSTEM)
    assert reply.code == ErrorCode.PERMISSION_DENIED


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", ErrorCode.INVALID_FORMAT),
        (b"[[[[", ErrorCode.INVALID_FORMAT),
        ([], ErrorCode.INVALID_FORMAT),
        ({"item": ACCESS["item"]}, ErrorCode.INVALID_FORMAT),
        ({"common": COMMON}, ErrorCode.INVALID_FORMAT),
        ({"common": COMMON, "item": []}, ErrorCode.INVALID_FORMAT),
        ({"common": COMMON, "item": {"path": 7, "access": {"Default": 1}}}, ErrorCode.INVALID_FORMAT),
        ({"common": COMMON, "item": {"path": "/", "access": {"Default": -1}}}, ErrorCode.INVALID_FORMAT),
        ({"common": COMMON, "item": {"path": "/", "access": {"Default": 1 << 32}}}, ErrorCode.INVALID_FORMAT),
        ({"common": COMMON, "item": {"path": "/", "access": {"Default": True}}}, ErrorCode.INVALID_FORMAT),
        ({"common": COMMON, "item": {"path": "/", "access": {"Default": "rwz"}}}, ErrorCode.INVALID_FORMAT),
        (
            {"common": COMMON, "item": {"path": "/", "access": {"Default": 1, "Specified": {}}}},
            ErrorCode.INVALID_FORMAT,
        ),
        ({"common": COMMON, "item": {"path": "/", "access": {"Specified": {"access": 7}}}}, ErrorCode.INVALID_PARAM),
        ({"common": COMMON, "item": {"path": "/", "access": {"Specified": {"access": 8, "dec": DEC}}}}, 8),
        ({"common": COMMON, "item": {"path": "/", "access": {"Specified": {"access": 7, "dec": "x"}}}}, 8),
        ({"common": COMMON, "item": {"path": "/" + "x" * 2047, "access": {"Default": 1}}}, ErrorCode.INVALID_PARAM),
        ({"common": COMMON, "item": {"path": "/\ud800", "access": {"Default": 1}}}, ErrorCode.INVALID_FORMAT),
    ],
)
async def test_bad_bodies(node: Node, body: object, code: int) -> None:
    assert (await meta(node, "PUT", "access", body)).code == code


@pytest.mark.parametrize("selector", ["obj_category == '\ud800'", "*" + " " * 4096, 7])
async def test_selectors_that_no_record_can_hold(node: Node, selector: object) -> None:
    item = {"common": COMMON, "item": {"selector": selector, "access": {"Default": 1}}}
    assert (await meta(node, "PUT", "object-meta", item)).code == ErrorCode.INVALID_FORMAT


async def test_object_meta_cannot_ask_a_handler(node: Node) -> None:
    item = {"common": COMMON, "item": {"selector": "*", "access": "Handler"}}
    assert (await meta(node, "PUT", "object-meta", item)).code == ErrorCode.NOT_SUPPORT


@pytest.mark.parametrize(
    ("action", "code"),
    [
        ("global-state-add-access", 0),
        ("global-state-add-link", ErrorCode.INVALID_DATA),
        ("global-state-eat", ErrorCode.INVALID_FORMAT),
    ],
)
async def test_the_action_must_fit(node: Node, action: str, code: int) -> None:
    assert (await meta(node, "PUT", "access", ACCESS, meta_aciton=action)).code == code


async def test_a_target_elsewhere_cannot_be_reached(node: Node) -> None:
    assert (await meta(node, "PUT", "access", ACCESS, target=OTHER_DEVICE)).status >= 500
    assert (await meta(node, "PUT", "access", ACCESS, target=PEOPLE)).status == 200


async def test_a_path_opened_to_another_dec_opens_what_lies_there_and_nothing_beside(node: Node) -> None:
    """Otherwise a right to read one place would be one to read all objects of the dec."""
    await node.put("text_v1", access="0")
    await node.put("file_small", access="0")
    text, file, path = id_of("text_v1"), id_of("file_small"), f"/{DEC}/open/x"
    await link(node, "/open/x", text)
    await link(node, "/opened", text)
    assert (await node.get(text, dec=DEC2, req_path=path)).code == ErrorCode.PERMISSION_DENIED
    await meta(node, "PUT", "access", ACCESS)
    assert (await node.get(text, dec=DEC2, req_path=path)).status == 200
    assert (await node.get(text, dec=DEC2, req_path=f"/{DEC}/opened")).code == ErrorCode.PERMISSION_DENIED
    assert (await node.get(text, dec=DEC2, req_path=f"/{DEC}/open/y")).code == ErrorCode.NOT_FOUND
    assert (await node.get(file, dec=DEC2, req_path=path)).code == ErrorCode.PERMISSION_DENIED
    assert (await node.get(text, dec=DEC2)).code == ErrorCode.PERMISSION_DENIED
    delete = {"cyfs-dec-id": DEC2, "cyfs-req-path": path, "cyfs-object-id": file}
    assert (await node.send("DELETE", "/non/", delete)).code == ErrorCode.PERMISSION_DENIED
    await meta(node, "DELETE", "accesses")
    assert (await node.get(text, dec=DEC2, req_path=path)).code == ErrorCode.PERMISSION_DENIED


async def test_members_of_a_set_lie_at_its_path(node: Node) -> None:
    await node.put("text_v1", access="0")
    await link(node, "/open/s", id_of("text_v1"), kind="set")
    await meta(node, "PUT", "access", ACCESS)
    path = f"/{DEC}/open/s"
    assert (await node.get(id_of("text_v1"), dec=DEC2, req_path=path)).status == 200
    assert (await node.get(id_of("file_small"), dec=DEC2, req_path=path)).code == ErrorCode.PERMISSION_DENIED


async def test_a_path_may_name_the_root_it_begins_at(node: Node) -> None:
    """Roots of another kind, or of another dec, are none of this path."""
    await node.put("text_v1", access="0")
    told = await link(node, "/open/x", id_of("text_v1"))
    await meta(node, "PUT", "access", ACCESS)
    root, dec_root = told["root"], told["dec_root"]
    for path, code in (
        (f"/root:{root}/{DEC}/open/x", 0),
        (f"/dec-root:{dec_root}/{DEC}/open/x", 0),
        (f"/root:{dec_root}/{DEC}/open/x", ErrorCode.UNMATCH),
        (f"/dec-root:{root}/{DEC}/open/x", ErrorCode.UNMATCH),
        (f"/root:{id_of('text_v1')}/{DEC}/open/x", ErrorCode.NOT_FOUND),
    ):
        assert (await node.get(id_of("text_v1"), dec=DEC2, req_path=path)).code == code, path


async def test_each_category_has_rules_and_places_of_its_own(node: Node) -> None:
    await node.put("text_v1", access="0")
    await link(node, "/open/x", id_of("text_v1"), category="local-cache")
    await meta(node, "PUT", "access", ACCESS, category="local-cache")
    path = f"{DEC}/open/x"
    assert (await node.get(id_of("text_v1"), dec=DEC2, req_path=f"/local-cache/{path}")).status == 200
    assert (await node.get(id_of("text_v1"), dec=DEC2, req_path=f"/{path}")).code == ErrorCode.PERMISSION_DENIED


async def test_rules_outlive_the_node(node: Node, tmp_path: Path) -> None:
    """They are state: whoever opens the store again finds them in the root."""
    await node.put("text_v1", access="0")
    await link(node, "/open/x", id_of("text_v1"))
    await meta(node, "PUT", "access", ACCESS)
    again = await compose(Config(str(tmp_path)), node.identity, node.store, node.clock)
    second = Node(again, node.store, node.clock, node.identity)
    assert (await second.get(id_of("text_v1"), dec=DEC2, req_path=f"/{DEC}/open/x")).status == 200
    again.worker.close()


async def test_object_meta_opens_and_closes_objects_at_once(node: Node) -> None:
    await node.put("text_v1", access="0")
    await node.put("file_small")
    text, file = id_of("text_v1"), id_of("file_small")
    assert (await node.get(text, dec=DEC2)).code == ErrorCode.PERMISSION_DENIED
    assert (await node.get(file, dec=DEC2)).status == 200
    for selector, access in (
        (f"object.owner == {PEOPLE} && obj_type == 41", 0o777777),
        ("obj_category == standard", 0),
    ):
        item = {"selector": selector, "access": {"Default": access}}
        assert (await meta(node, "PUT", "object-meta", {"common": COMMON, "item": item})).json == {"updated": True}
    assert (await node.get(text, dec=DEC2)).status == 200
    assert (await node.get(file, dec=DEC2)).code == ErrorCode.PERMISSION_DENIED
    assert (await node.put("file_small", dec=DEC2)).code == ErrorCode.PERMISSION_DENIED
    deleted = await node.send("DELETE", "/non/", {"cyfs-dec-id": DEC2, "cyfs-object-id": file})
    assert deleted.code == ErrorCode.PERMISSION_DENIED
    assert (await node.get(file)).status == 200


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("obj_type_code", "16"),
        ("obj_category", "core"),
        ("obj_type", "41"),
        ("object.dec_id", "$none"),
        ("object.author", "$none"),
        ("object.owner", PEOPLE),
        ("object.create_time", "0"),
        ("object.update_time", "13300000000000000"),
        ("object.expired_time", "$none"),
        ("insert_time", "13440000000000000"),
        ("update_time", "13440000000000000"),
    ],
)
async def test_every_selector_word(node: Node, word: str, value: str) -> None:
    await node.put("text_v1", access="0")
    item = {"selector": f"{word} == '{value}'", "access": {"Specified": {"dec": DEC2, "access": 4}}}
    assert (await meta(node, "PUT", "object-meta", {"common": COMMON, "item": item})).status == 200
    assert (await node.get(id_of("text_v1"), dec=DEC2)).status == 200


async def test_changes_at_the_same_time_are_all_kept(node: Node) -> None:
    bodies = [{"common": COMMON, "item": {"path": f"/{n}/", "access": {"Default": 1}}} for n in range(40)]
    replies = await asyncio.gather(*(meta(node, "PUT", "access", body) for body in bodies))
    assert all(reply.json == {"updated": True} for reply in replies)
    assert (await meta(node, "DELETE", "accesses")).json == {"count": 40}


async def test_copies_for_review_lie_below_etc(node: Node, tmp_path: Path) -> None:
    await meta(node, "PUT", "access", ACCESS)
    await meta(node, "PUT", "access", ACCESS, category="local-cache")
    folder = tmp_path / "etc/meta/global-state"
    own = json.loads((folder / f"{DEC}.json").read_text())
    assert own["access"]["list"] == [{"path": "/open/", "access": {"Default": 0o777777}}]
    assert {path.name for path in folder.iterdir()} == {f"{DEC}.json", f"{DEC}.local-cache.json", "system.json"}


async def test_a_copy_that_cannot_be_written_stops_nothing(node: Node, tmp_path: Path) -> None:
    folder = tmp_path / "etc/meta/global-state"
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    folder.write_text("in the way")
    assert (await meta(node, "PUT", "access", ACCESS)).json == {"updated": True}
