"""What handlers do to requests: order, eligibility, actions, merging, every chain of this node (websocket.md §4)."""

from __future__ import annotations

from typing import Any

import pytest

from cyfs_edge.base.ids import ObjectId
from cyfs_edge.wire.handler import HandlerKey
from tests.node import DEC, DEC2, DEVICE, OBJECTS, PEOPLE, Node, id_of
from tests.unit.core.handlers.routines import Client, broken, client, object_of, post, register

RESPOND = {"object": object_of("text_v2_newer")}


async def test_post_object_is_answered_by_the_handler_of_its_path(node: Node) -> None:
    app = client("Response", RESPOND)
    await register(node, "handler", "post_object", app, dec=DEC, filter=None, req_path="/ask")
    reply = await post(node, "/ask/more?a=b")
    assert (reply.status, reply.body) == (200, OBJECTS["text_v2_newer"])
    assert reply.headers["cyfs-object-id"] == id_of("text_v2_newer")
    assert app.seen == [
        {
            "request": {
                "common": {
                    "flags": 0,
                    "level": "router",
                    "req_path": "/ask/more?a=b",
                    "source": {
                        "dec": DEC,
                        "protocol": "http-local",
                        "verified": DEC,
                        "zone": {"device": DEVICE, "zone": PEOPLE, "zone_category": "current-device"},
                    },
                },
                "object": object_of("text_v1"),
            }
        }
    ]


@pytest.mark.parametrize(
    ("path", "dec", "called"),
    [
        ("/ask", DEC, True),
        ("/ask/", DEC, True),
        ("/ask/a/b", DEC, True),
        ("/asked", DEC, False),
        ("/", DEC, False),
        (f"/{DEC}/ask", DEC, True),
        (f"/root-state/current/{DEC}/ask", DEC, True),
        (f"/local-cache/{DEC}/ask", DEC, False),
        (f"/root-state/root:{DEC}/{DEC}/ask", DEC, False),
        ("/ask", str(DEC2), False),
    ],
)
async def test_a_path_fits_by_category_root_dec_and_prefix(node: Node, path: str, dec: str, called: bool) -> None:
    app = client("Response", {})
    await register(node, "handler", "post_object", app, dec=DEC, filter=None, req_path="/ask")
    reply = await post(node, path, dec=dec)
    assert (bool(app.seen), reply.status) == (called, 200 if called else 501)


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (client("Response", {}), 200, 0),
        (client("Response", error={"code": 5, "msg": "no"}), 409, 5),
        (client("Response", error={"code": "15001", "msg": "no"}), 500, 15001),
        (client("Response"), 500, 11),
        (client("Reject"), 403, 30),
        (client("Drop"), 406, 31),
        (client("Default"), 501, 262),
        (client("Pass"), 501, 262),
    ],
)
async def test_actions(node: Node, answer: Client, status: int, code: int) -> None:
    await register(node, "handler", "post_object", answer, dec=DEC, filter=None, req_path="/ask")
    reply = await post(node, "/ask")
    assert (reply.status, reply.code) == (status, code)


@pytest.mark.parametrize(
    "failing",
    [
        broken(),
        Client(b"junk"),
        Client(b"[" * 100_000),
        Client({"action": "Eat"}),
        Client({}),
        client("Response", {"object": {"object_id": id_of("text_v1"), "object_raw": "00"}}),
        client("Response", {"object": {**object_of("text_v1"), "object_id": DEVICE}}),
        client("Pass", request={"common": {"flags": "x"}, "object": object_of("text_v1")}),
        client("Response", error={"msg": "no code"}),
        Client({"action": "Response", "response": {}}),
    ],
)
async def test_a_failing_routine_is_its_default_action(node: Node, failing: Client) -> None:
    """Never an error of its own to the requester; the failure is counted and told."""
    key = await register(
        node, "handler", "post_object", failing, dec=DEC, filter=None, req_path="/ask", default="Reject"
    )
    assert (await post(node, "/ask")).code == 30
    (handler,) = node.stack.registry.at(key.place)
    assert handler.failures == 1
    assert handler.last_failure


async def test_without_a_routine_the_default_action_decides(node: Node) -> None:
    await register(node, "handler", "post_object", None, dec=DEC, filter=None, req_path="/ask", default="Drop")
    assert (await post(node, "/ask")).code == 31


async def test_handlers_are_asked_by_index_and_pass_goes_on(node: Node) -> None:
    order: list[str] = []

    def one(name: str, action: str) -> Client:
        def answer(_: dict[str, Any]) -> dict[str, Any]:
            order.append(name)
            return {"action": action, "response": {"value": {}}}

        return Client(answer)

    for name, index, action in (("c", 7, "Response"), ("b", 0, "Pass"), ("a", -7, "Pass"), ("b2", 0, "Pass")):
        await register(
            node, "handler", "post_object", one(name, action), handler_id=name, dec=DEC, req_path="/ask", index=index
        )
    await post(node, "/ask")
    assert order == ["a", "b", "b2", "c"]
    order.clear()
    await register(node, "handler", "post_object", one("b", "Response"), handler_id="b", dec=DEC, req_path="/ask")
    await post(node, "/ask")
    assert order == ["a", "b"]


async def test_the_same_id_of_two_decs_is_two_handlers(node: Node) -> None:
    first, second = client("Response", {}), client("Response", {})
    await register(node, "handler", "post_object", first, dec=DEC, filter=None, req_path="/ask")
    await register(node, "handler", "post_object", second, dec=DEC2, filter=None, req_path="/ask")
    await post(node, "/ask", dec=str(DEC2))
    assert (len(first.seen), len(second.seen)) == (0, 1)


async def test_a_handler_with_a_path_only_never_sees_requests_without_one(node: Node) -> None:
    app = client()
    await register(node, "pre_router", "put_object", app, filter=None, req_path=f"/{DEC}/a")
    await node.put("text_v1")
    assert app.seen == []
    await node.put("text_v1", req_path="/a/b")
    assert len(app.seen) == 1
    await node.put("text_v1", req_path="/b")
    assert len(app.seen) == 1


async def test_path_and_filter_must_both_fit(node: Node) -> None:
    app = client()
    await register(node, "pre_noc", "put_object", app, filter="obj_type == 41", req_path=f"/{DEC}/a")
    await node.put("text_v1", req_path="/b")
    assert app.seen == []
    await node.put("text_v1")  # without a path its filter alone decides
    await node.put("text_v1", req_path="/a")
    assert len(app.seen) == 2


async def test_around_the_router_and_the_cache(node: Node) -> None:
    """Four chains for a put, each once, in their order; those after it see the reply."""
    order: list[tuple[str, bool]] = []

    def one(chain: str) -> Client:
        def answer(param: dict[str, Any]) -> dict[str, Any]:
            order.append((chain, "response" in param))
            return {"action": "Default"}

        return Client(answer)

    for chain in ("post_router", "pre_noc", "pre_router", "post_noc"):
        await register(node, chain, "put_object", one(chain))
    await node.put("text_v1")
    expected = [("pre_router", False), ("pre_noc", False), ("post_noc", True), ("post_router", True)]
    assert order == expected
    order.clear()
    await node.put("text_v1", api_level="noc")
    assert order == expected[1:3]


async def test_the_source_is_verified_behind_the_path_check_only(node: Node) -> None:
    router, cache = client(), client()
    await register(node, "pre_router", "get_object", router)
    await register(node, "pre_noc", "get_object", cache)
    await node.put("text_v1")
    await node.get(id_of("text_v1"), req_path="/a")
    assert "verified" not in router.seen[0]["request"]["common"]["source"]
    assert cache.seen[0]["request"]["common"]["source"]["verified"] == DEC


async def test_handlers_after_a_failure_see_the_error_and_may_mend_it(node: Node) -> None:
    app = client("Response", {**RESPOND, "object_update_time": "7", "attr": 3})
    await register(node, "post_noc", "get_object", app, filter="resp.error.code == 4")
    reply = await node.get(id_of("text_v1"))
    assert app.seen[0]["response"]["error"]["code"] == "4"
    assert (reply.status, reply.body) == (200, OBJECTS["text_v2_newer"])
    assert (reply.headers["cyfs-object-update-time"], reply.headers["cyfs-attributes"]) == ("7", "3")


async def test_a_refused_put_changes_nothing(node: Node) -> None:
    key = await register(node, "pre_noc", "put_object", client("Reject"))
    assert (await node.put("text_v1")).code == 30
    await node.stack.handlers.remove(node.stack.zone.local_source(None), key)
    assert (await node.get(id_of("text_v1"))).status == 404


async def test_a_handler_may_change_path_target_flags_and_object_but_not_the_source(node: Node) -> None:
    def change(param: dict[str, Any]) -> dict[str, Any]:
        request = param["request"]
        request["object"] = object_of("text_v2_newer")
        request["common"]["flags"] = 1
        request["common"]["source"]["dec"] = str(DEC2)
        request["common"]["req_path"] = "/changed"
        return {"action": "Pass", "request": request}

    later = client()
    await register(node, "pre_router", "put_object", Client(change), handler_id="a")
    await register(node, "pre_router", "put_object", later, handler_id="b", index=1)
    await node.put("text_v1")
    seen = later.seen[0]["request"]
    assert (seen["object"]["object_id"], seen["common"]["flags"]) == (id_of("text_v2_newer"), 1)
    assert (seen["common"]["req_path"], seen["common"]["source"]["dec"]) == ("/changed", DEC)
    record = node.store.objects.records[ObjectId.from_text(id_of("text_v2_newer"))]
    assert str(record.create_dec_id) == DEC


async def test_of_a_changed_reply_only_the_object_is_taken_for_get(node: Node) -> None:
    app = client("Default", {**RESPOND, "object_update_time": "7"})
    await node.put("text_v1")
    held = (await node.get(id_of("text_v1"))).headers["cyfs-object-update-time"]
    await register(node, "post_router", "get_object", app)
    reply = await node.get(id_of("text_v1"))
    assert (reply.body, reply.headers["cyfs-object-update-time"]) == (OBJECTS["text_v2_newer"], held)


async def test_delete_with_its_handlers(node: Node) -> None:
    app = client("Response", RESPOND)
    await node.put("text_v1")
    await register(node, "post_router", "delete_object", app)
    reply = await node.send(
        "DELETE", "/non/", {"cyfs-dec-id": DEC, "cyfs-object-id": id_of("text_v1"), "cyfs-flags": "2"}
    )
    assert app.seen[0]["response"] == {"value": {"object": object_of("text_v1")}}
    assert reply.body == OBJECTS["text_v2_newer"]


SYSTEM = {"cyfs-dec-id": "9tGpLNncauC9kGhZ7GsztFvVegaKwBXoSDjkxGDHqrn6"}


async def test_crypto_calls_pass_their_handlers(node: Node) -> None:
    """Each of the four, before and after, with a reply that is as good as the service's own."""
    before, after = client(), client()
    sign = {**SYSTEM, "cyfs-object-id": id_of("text_v1"), "cyfs-crypto-flags": "12"}
    verify = {**SYSTEM, "cyfs-object-id": DEVICE, "cyfs-sign-type": "body", "cyfs-verify-type": "owner"}
    encrypt = {**SYSTEM, "cyfs-encrypt-type": "encrypt_data", "cyfs-crypto-flags": "4"}
    calls = {
        "sign_object": ("/crypto/sign", sign, OBJECTS["text_v1"]),
        "verify_object": ("/crypto/verify", verify, node.identity.device.raw),
        "encrypt_data": ("/crypto/encrypt", encrypt, b"x"),
    }
    for category, (target, headers, body) in calls.items():
        await register(node, "pre_crypto", category, before)
        await register(node, "post_crypto", category, after)
        assert (await node.send("POST", target, headers, body)).status == 200, category
    assert [list(param) for param in before.seen] == [["request"]] * 3
    assert all("value" in param["response"] for param in after.seen)
    for category in calls:
        value = after.seen[list(calls).index(category)]["response"]["value"]
        await register(node, "pre_crypto", category, client("Response", value))
        target, headers, body = calls[category]
        again = await node.send("POST", target, headers, body)
        assert again.status == 200
        assert len(after.seen) == 3, "a reply given before the call takes the place of all that follows"


async def test_decrypt_with_an_answer_of_a_handler(node: Node) -> None:
    await register(node, "pre_crypto", "decrypt_data", client("Response", {"result": "decrypted", "data": "616263"}))
    headers = {**SYSTEM, "cyfs-decrypt-type": "decrypt_data", "cyfs-crypto-flags": "4"}
    assert (await node.send("POST", "/crypto/decrypt", headers, b"junk")).body == b"abc"
    await register(node, "pre_crypto", "decrypt_data", client("Response", {"result": "pending"}))
    assert (await node.send("POST", "/crypto/decrypt", headers, b"junk")).headers["cyfs-decrypt-ret"] == "pending"


async def test_a_walk_is_not_disturbed_by_who_comes_and_goes_meanwhile(node: Node) -> None:
    """A handler that removes the next one during its call: that one is still asked, once."""
    second = client()
    keys: list[HandlerKey] = []

    class Remover(Client):
        async def call(self, key: Any, param: str) -> bytes:
            await node.stack.handlers.remove(node.stack.zone.local_source(None), keys[0])
            return await super().call(key, param)

    await register(node, "pre_noc", "put_object", Remover({"action": "Pass"}), handler_id="a", index=-1)
    keys.append(await register(node, "pre_noc", "put_object", second, handler_id="b"))
    assert (await node.put("text_v1")).status == 200
    assert len(second.seen) == 1
    assert len(node.stack.registry.at(keys[0].place)) == 1


async def test_a_request_that_a_handler_moved_is_for_the_handlers_of_its_new_path(node: Node) -> None:
    def move(param: dict[str, Any]) -> dict[str, Any]:
        param["request"]["common"]["req_path"] = "/b"
        return {"action": "Pass", "request": param["request"]}

    first, second = client("Reject"), client("Drop")
    await register(node, "pre_router", "put_object", Client(move), handler_id="move", index=-1)
    await register(node, "pre_router", "put_object", first, handler_id="a", filter=None, req_path=f"/{DEC}/a")
    await register(node, "pre_router", "put_object", second, handler_id="b", filter=None, req_path=f"/{DEC}/b")
    assert (await node.put("text_v1", req_path="/a")).code == 31
    assert (len(first.seen), len(second.seen)) == (0, 1)


async def test_a_path_that_is_none_fits_no_handler_and_is_told_by_the_service(node: Node) -> None:
    app = client("Reject")
    await register(node, "pre_router", "put_object", app, filter="*", req_path=f"/{DEC}/a")
    assert (await node.put("text_v1", req_path="/" + "1" * 43)).code == 8
    assert app.seen == []
