"""``cyfs_edge.sdk`` against a real gateway: every service, over HTTP and over WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from pathlib import Path

import pytest

from cyfs_edge.base.times import bucky_from_unix
from cyfs_edge.cli.client import UnixClient, call_json
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.sdk import (
    NULL_ID,
    TEXT,
    Action,
    Answer,
    AskHandler,
    Category,
    Chain,
    CryptoFlag,
    CyfsError,
    CyfsStack,
    ErrorCode,
    EventAnswer,
    EventCategory,
    HandlerCall,
    MapContentType,
    NamedObject,
    ObjectId,
    Permission,
    QueryKind,
    Referer,
    RootType,
    StateAccess,
    VerifyType,
    ZoneCategory,
    dec_id,
    decode_object,
    friends,
    make_text,
    permit,
    respond,
)
from cyfs_edge.wire.json_values import Members
from tests.gateway_process import GatewayProcess, running, start, write_identity
from tests.interop.recorded import load
from tests.node import PEOPLE

FILES, OWNER = load().root_files(), ObjectId.from_text(PEOPLE)
DEC, OTHER = dec_id(OWNER, "sdk test"), dec_id(OWNER, "another")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    root = tmp_path_factory.mktemp("sdk") / "root"
    write_identity(root, FILES)
    with running(root) as process:
        yield process
        assert "Traceback" not in process.log_text()


def client(gateway: GatewayProcess, dec: ObjectId = DEC, over_ws: bool = False) -> CyfsStack:
    http, ws = (f"{host}:{port}" for host, port in (gateway.http, gateway.ws))
    return CyfsStack(dec, http=http, ws=ws, over_ws=over_ws, timeout=20, retry_first=0.05)


@pytest.fixture(params=["http", "ws"])
async def stack(request: pytest.FixtureRequest, gateway: GatewayProcess) -> AsyncIterator[CyfsStack]:
    # A dec of its own for each test: state and handlers of one are not those of another.
    dec = dec_id(OWNER, request.node.name)
    async with client(gateway, dec, over_ws=request.param == "ws") as stack:
        yield stack


def note(name: str, value: str = "value") -> NamedObject:
    """Objects of other names have other ids."""
    return make_text(name, "test", value, update_time=bucky_from_unix(time.time()), owner=OWNER)


async def code_of(call: Awaitable[object]) -> int:
    with pytest.raises(CyfsError) as caught:
        await call
    return caught.value.code


async def test_objects(stack: CyfsStack) -> None:
    name = str(stack.dec_id)
    first = note(name, "x" * 100_000)
    assert (await stack.non.put(first)).result.value == "Accept"
    assert await stack.non.get(first.object_id) == first
    later = make_text(name, "test", "later", update_time=first.update_time + 1, owner=OWNER)
    assert (await stack.non.put(later)).result.value == "Updated"
    assert (await stack.non.set_access(first.object_id, 0)).result.value == "Accept"
    assert await stack.non.delete(first.object_id, return_object=True) == later
    assert await stack.non.delete(first.object_id) is None
    assert await code_of(stack.non.get(first.object_id)) == ErrorCode.NOT_FOUND
    assert await code_of(stack.non.post(first, "/nobody/listens")) == ErrorCode.NOT_HANDLED


async def test_data_in_pieces_and_ranges(stack: CyfsStack, tmp_path: Path) -> None:
    data = bytes(range(256)) * 40_000  # three chunks of a file, 10 MB
    (tmp_path / "file").write_bytes(data)
    file_id = await stack.files.put(tmp_path / "file")
    digest, pieces = hashlib.sha256(), 0
    async with stack.ndn.get_data(file_id) as reply:
        assert (reply.length, reply.total, reply.object_id) == (len(data), len(data), file_id)
        async for piece in reply:
            digest.update(piece)
            pieces += 1
    assert pieces > 100
    assert digest.digest() == hashlib.sha256(data).digest()
    async with stack.ndn.get_data(file_id, (4_194_300, 4_194_310), (10_239_990, None)) as reply:
        assert reply.total == len(data)
        assert await reply.read() == data[4_194_300:4_194_310] + data[10_239_990:]
    async with stack.ndn.get_data(file_id) as reply:
        assert await code_of(reply.read(1000)) == ErrorCode.OUT_OF_LIMIT
    with pytest.raises(CyfsError) as caught:
        async with stack.ndn.get_data(file_id, (len(data), None)):
            pass
    assert caught.value.code == ErrorCode.RANGE_NOT_SATISFIABLE

    chunk_id, result = await stack.ndn.put_data(b"a chunk")
    assert result.value == "Accept"
    assert (await stack.ndn.put_data(b"a chunk"))[1].value == "AlreadyExists"
    assert await stack.ndn.query_file(QueryKind.CHUNK, chunk_id) == []
    await stack.ndn.delete_data(chunk_id)


async def test_a_folder_is_read_by_its_paths(stack: CyfsStack, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "a.txt").write_bytes(b"one")
    (tmp_path / "in/b ä.txt").write_bytes(b"two")
    (tmp_path / "in/link").symlink_to("/etc/hostname")
    dir_id = await stack.files.put_folder(tmp_path)
    assert await stack.files.put_folder(tmp_path) == dir_id
    async with stack.ndn.get_data(dir_id, inner_path="/in/b ä.txt") as reply:
        file_id = reply.object_id
        assert await reply.read() == b"two"
    assert file_id is not None
    async with stack.ndn.get_data(file_id, referers=[Referer(dir_id, None, "/in/b ä.txt")]) as reply:
        assert await reply.read() == b"two"
    with pytest.raises(CyfsError) as caught:
        async with stack.ndn.get_data(dir_id, inner_path="/in/link"):
            pass
    assert caught.value.code in (ErrorCode.NOT_FOUND, ErrorCode.INNER_PATH_NOT_FOUND)
    (tmp_path / "empty").mkdir()
    assert await code_of(stack.files.put_folder(tmp_path / "empty")) == ErrorCode.NOT_FOUND


async def test_util(stack: CyfsStack, tmp_path: Path) -> None:
    util = stack.util
    device = await util.wait_online(10)
    zone = await util.get_zone()
    assert zone.ood_device_id == device.object_id
    assert await util.resolve_ood(device.object_id) == [device.object_id]
    assert (await util.get_device_static_info())["device_id"] == str(device.object_id)
    assert (await util.get_noc_info())["count"] >= 0
    assert set(await util.get_network_access_info()) == {"v4", "v6", "sn"}
    assert (await util.get_system_info())["total_memory"] > 0
    assert (await util.get_version_info())["version"]
    assert await code_of(util.get_ood_status()) == ErrorCode.NOT_SUPPORT  # this is the OOD
    assert await code_of(util.build_file(str(tmp_path / "nothing"), OWNER)) != 0
    async with await stack.root_state.isolate_env() as env:
        await env.create(MapContentType.MAP)
        await env.insert_with_path("/a", note("built").object_id)
    assert env.committed is not None


async def test_crypto(stack: CyfsStack) -> None:
    # Ordinary decs verify and encrypt; signing and decrypting is the system's.
    assert await code_of(stack.crypto.sign(note("signed"))) == ErrorCode.PERMISSION_DENIED
    encrypted = await stack.crypto.encrypt(b"secret")
    assert await code_of(stack.crypto.decrypt(encrypted)) == ErrorCode.PERMISSION_DENIED
    key, sealed = await stack.crypto.gen_aeskey()
    assert key
    assert sealed


async def test_crypto_of_the_system(gateway: GatewayProcess) -> None:
    async with client(gateway, SYSTEM_DEC_ID) as stack:
        signed = await stack.crypto.sign(note("signed by the system"))
        assert signed is not None
        device = await stack.util.get_device()
        verdict = await stack.crypto.verify(signed, VerifyType.OBJECT, signer=device)
        assert verdict.valid
        other = decode_object(signed.raw[:-1] + bytes([signed.raw[-1] ^ 1]))
        assert not (await stack.crypto.verify(other, VerifyType.OBJECT, signer=device)).valid
        assert (await stack.crypto.verify(signed, VerifyType.SIGN, desc_signs=[0], body_signs=[0])).valid
        assert await stack.crypto.decrypt(await stack.crypto.encrypt(b"secret")) == b"secret"
        assert await stack.crypto.sign(note("by the owner"), CryptoFlag.BY_OWNER | CryptoFlag.SET_DESC) is None


async def test_path_env_and_reading_by_path(stack: CyfsStack) -> None:
    state, first, second = stack.root_state, note("first"), note("second")
    await stack.non.put(first)
    assert await code_of(state.get_current_root()) == ErrorCode.NOT_FOUND
    async with await state.path_env() as env:
        assert await env.get_by_path("/a/b") is None
        await env.insert_with_path("/a/b ö", first.object_id)
        assert await code_of(env.insert_with_path("/a/b ö", second.object_id)) == ErrorCode.ALREADY_EXISTS
        assert await env.set_with_path("/a/b ö", second.object_id, first.object_id) == first.object_id
        assert await code_of(env.set_with_path("/a/b ö", first.object_id, first.object_id)) == ErrorCode.UNMATCH
        await env.set_with_key("/a", "b ö", first.object_id)
        await env.create_new("/set", MapContentType.SET)
        assert await env.insert("/set", first.object_id)
        assert not await env.insert("/set", first.object_id)
        assert await env.contains("/set", first.object_id)
        assert await env.remove("/set", first.object_id)
        assert [item.key for item in await env.list("/a")] == ["b ö"]
        assert (await env.metadata("/a")).count == 1
        root = await env.update()
        await env.set_with_path("/a/c", second.object_id)
        assert await env.remove_with_path("/a/c") == second.object_id
    assert env.committed is not None
    assert env.committed.revision > root.revision or env.committed.root == root.root
    assert (await state.get_current_root()).dec_root == env.committed.dec_root
    assert (await state.get_current_root(RootType.GLOBAL)).root
    found = await state.get_by_path("/a/b ö")
    assert (found.object, found.object_id) == (first, first.object_id)
    assert [(item.key, item.value) for item in (await state.list("/a")).items] == [("b ö", first.object_id)]
    assert await code_of(state.get_by_path("/nothing")) == ErrorCode.NOT_FOUND


async def test_a_block_that_raises_changes_nothing(stack: CyfsStack) -> None:
    env = await stack.local_cache.path_env()

    async def fail() -> None:
        async with env:
            await env.insert_with_path("/a", note("lost").object_id)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert not env.open
    assert await code_of(stack.local_cache.get_by_path("/a")) == ErrorCode.NOT_FOUND
    assert await code_of(env.get_by_path("/a")) == ErrorCode.NOT_FOUND


async def test_locks(stack: CyfsStack) -> None:
    async with await stack.root_state.path_env() as one, await stack.root_state.path_env() as two:
        await one.lock(["/a"])
        assert not await two.try_lock(["/a/b"])
        assert await two.try_lock(["/b"])
        waiting = asyncio.ensure_future(two.lock(["/a"]))
        await one.insert_with_path("/a/x", NULL_ID)
        await one.commit()
        await waiting


async def test_single_env_and_its_iterator(stack: CyfsStack) -> None:
    values = [note(str(number)).object_id for number in range(300)]
    async with await stack.root_state.single_env() as env:
        await env.create(MapContentType.SET)
        for value in values:
            await env.insert(value)
        assert {item.value async for item in env.items(128)} == set(values)
        await env.reset()
        assert len(await env.next(200)) == 200
        assert len(await env.next(200)) == 100
        assert await env.next(200) == []
    assert env.committed is not None
    async with await stack.root_state.path_env() as path:
        await path.insert_with_path("/values", env.committed.root)
    async with await stack.root_state.single_env() as again:
        await again.load_by_path("/values")
        assert await again.contains(values[7])
        assert (await again.metadata()).count == 300
        assert len(await again.list()) == 300


async def test_isolate_env(stack: CyfsStack) -> None:
    async with await stack.root_state.isolate_env() as tree:
        await tree.create(MapContentType.MAP)
        await tree.insert_with_path("/x/y", NULL_ID)
        assert await tree.get_by_path("/x/y") == NULL_ID
    assert tree.committed is not None
    async with await stack.root_state.single_env() as map_:
        await map_.load(tree.committed.root, "/x")
        assert await map_.get_by_key("y") == NULL_ID
        assert await map_.set_with_key("z", NULL_ID) is None
        assert await map_.remove_with_key("y") == NULL_ID
        await map_.insert_with_key("w", NULL_ID)


async def test_storage_keeps_a_map_open(stack: CyfsStack) -> None:
    state, value = stack.root_state, note("kept").object_id
    async with state.storage("/settings", autosave=0.05) as storage:
        await storage.set("a", value)
        assert storage.dirty
        while storage.dirty:
            await asyncio.sleep(0.01)
        async with await state.path_env() as other:
            assert await other.get_by_path("/settings/a") == value
            assert not await other.try_lock(["/settings"])
        await storage.insert("b", value)
        assert await storage.remove("a") == value
    async with state.storage("/settings") as storage:
        assert await storage.get("b") == value
        assert await storage.get("a") is None
        assert [item.key for item in await storage.list()] == ["b"]

    async def fail() -> None:
        async with state.storage("/settings") as storage:
            await storage.remove("b")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with state.storage("/seen", MapContentType.SET) as storage:
        assert await storage.add(value)
        assert await storage.contains(value)
        assert await storage.discard(value)
    assert (await state.get_by_path("/settings")).object is not None


async def test_access_rules_open_a_path_to_another_dec(gateway: GatewayProcess, stack: CyfsStack) -> None:
    shared = note("shared with a dec")
    await stack.non.put(shared)
    async with await stack.root_state.path_env() as env:
        await env.insert_with_path("/shared/it", shared.object_id)
    meta = stack.root_state.meta
    async with client(gateway, OTHER) as other:
        theirs = other.root_state.of(dec=stack.dec_id)
        assert await code_of(theirs.get_by_path("/shared/it")) == ErrorCode.PERMISSION_DENIED
        assert await meta.add_access("/shared", friends(Permission.READ, OTHER))
        assert (await theirs.get_by_path("/shared/it")).object == shared
        async with await theirs.path_env(StateAccess("/shared", Permission.READ)) as env:
            assert await env.get_by_path("/shared/it") == shared.object_id
            assert await code_of(env.set_with_path("/shared/it", NULL_ID)) == ErrorCode.PERMISSION_DENIED
            await env.abort()
        assert await meta.remove_access("/shared", friends(Permission.READ, OTHER))
        assert await code_of(theirs.get_by_path("/shared/it")) == ErrorCode.PERMISSION_DENIED
    assert await meta.add_link("/s", "/t")
    assert await meta.remove_link("/s")
    assert await meta.remove_link("/s") is None
    assert await meta.add_object_meta("obj_type == 41", 0o777777)
    assert await meta.remove_object_meta("obj_type == 41", 0o777777)
    assert await meta.add_path_config("/cache", 1, 3)
    assert await meta.clear_path_config() == 1
    counts = await asyncio.gather(meta.clear_access(), meta.clear_link(), meta.clear_object_meta())
    assert counts == [0, 0, 0]


async def test_handlers_answer_posts(stack: CyfsStack) -> None:
    calls: list[HandlerCall] = []

    async def echo(call: HandlerCall) -> Answer | NamedObject | None:
        calls.append(call)
        text = TEXT.decode(call.object)
        assert text.body is not None
        if text.body.value == "refuse":
            raise CyfsError(ErrorCode.INVALID_PARAM, "no thanks")
        if text.body.value == "fail":
            raise ValueError("a fault in the app")
        return {"nothing": respond(), "default": None}.get(text.body.value, call.object)

    await stack.handlers.add(Category.POST_OBJECT, "echo", echo, req_path="/echo", default_action=Action.REJECT)
    sent = note("posted", "hello")
    assert await stack.non.post(sent, "/echo/below") == sent
    assert (calls[0].chain, calls[0].category, calls[0].reply) == (Chain.HANDLER, Category.POST_OBJECT, None)
    assert (calls[0].source.dec, calls[0].source.category) == (stack.dec_id, ZoneCategory.CURRENT_DEVICE)
    assert calls[0].req_path == "/echo/below"
    assert calls[0].object_id == sent.object_id
    assert await stack.non.post(note("posted", "nothing"), "/echo") is None
    assert await code_of(stack.non.post(note("posted", "default"), "/echo")) == ErrorCode.NOT_HANDLED
    assert await code_of(stack.non.post(note("posted", "refuse"), "/echo")) == ErrorCode.INVALID_PARAM
    assert await code_of(stack.non.post(note("posted", "fail"), "/echo")) == ErrorCode.REJECT
    assert await stack.handlers.remove(Category.POST_OBJECT, "echo")
    assert not await stack.handlers.remove(Category.POST_OBJECT, "echo")
    assert await code_of(stack.non.post(sent, "/echo")) == ErrorCode.NOT_HANDLED
    refused = stack.handlers.add(Category.PUT_OBJECT, "spy", echo, chain=Chain.PRE_NOC, filter="obj_type == 41")
    assert await code_of(refused) == ErrorCode.PERMISSION_DENIED


async def test_handlers_of_every_category_that_is_called(gateway: GatewayProcess) -> None:
    """The system may listen to everything: before and after each kind of work."""
    seen: list[tuple[Chain, Category, bool]] = []

    async def watch(call: HandlerCall) -> Answer:
        seen.append((call.chain, call.category, call.reply is not None))
        return Answer(Action.PASS, request=call.request, reply=call.reply)

    router = (Chain.PRE_ROUTER, Chain.POST_ROUTER), (Category.PUT_OBJECT, Category.GET_OBJECT, Category.DELETE_OBJECT)
    crypto = (
        (Chain.PRE_CRYPTO, Chain.POST_CRYPTO),
        (Category.SIGN_OBJECT, Category.VERIFY_OBJECT, Category.ENCRYPT_DATA, Category.DECRYPT_DATA),
    )
    wanted = [
        (chain, category) for chains, categories in (router, crypto) for category in categories for chain in chains
    ]
    async with client(gateway, SYSTEM_DEC_ID) as stack:
        for chain, category in wanted:
            await stack.handlers.add(category, "watch", watch, chain=chain, filter="*")
        thing = note("watched")
        await stack.non.put(thing)
        assert await stack.non.get(thing.object_id) == thing
        await stack.non.delete(thing.object_id)
        signed = await stack.crypto.sign(thing)
        assert signed is not None
        await stack.crypto.verify(signed, VerifyType.OBJECT, signer=await stack.util.get_device())
        assert await stack.crypto.decrypt(await stack.crypto.encrypt(b"x")) == b"x"
    assert seen == [(chain, category, chain.value.startswith("post")) for chain, category in wanted]


async def test_an_acl_handler_decides(gateway: GatewayProcess, stack: CyfsStack) -> None:
    shared = note("asked for")
    await stack.non.put(shared)
    async with await stack.root_state.path_env() as env:
        await env.insert_with_path("/asked/it", shared.object_id)
    await stack.root_state.meta.add_access("/asked", AskHandler.HANDLER)
    granted = [True, False]

    async def decide(call: HandlerCall) -> Answer:
        assert call.source.dec == OTHER
        assert call.req_path is not None
        return permit(granted.pop(0))

    await stack.handlers.add(Category.ACL, "decide", decide, chain=Chain.ACL, req_path="/asked")
    async with client(gateway, OTHER) as other:
        theirs = other.root_state.of(dec=stack.dec_id)
        assert (await theirs.get_by_path("/asked/it")).object == shared
        assert await code_of(theirs.get_by_path("/asked/it")) == ErrorCode.PERMISSION_DENIED


async def test_events(gateway: GatewayProcess, stack: CyfsStack) -> None:
    heard: list[Members] = []

    async def listen(event: Members) -> EventAnswer | None:
        heard.append(event)
        return EventAnswer(handled=True, call_next=False) if len(heard) == 1 else None

    def emit() -> dict[str, object]:
        control = UnixClient(gateway.root / "run/gateway.sock")
        try:
            return call_json(control, "POST", "/control/events/test_event")
        finally:
            control.close()

    await stack.events.add(EventCategory.TEST_EVENT, "first", listen)
    await stack.events.add(EventCategory.TEST_EVENT, "second", listen, index=1)
    assert await asyncio.to_thread(emit) == {"handled": True}
    assert len(heard) == 1
    await asyncio.to_thread(emit)
    assert len(heard) == 3
    assert await stack.events.remove(EventCategory.TEST_EVENT, "first")
    assert not await stack.events.remove(EventCategory.TEST_EVENT, "first")


async def test_pages_are_published_for_the_dec(stack: CyfsStack, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<h1>hello</h1>")
    url = await stack.pages.publish(tmp_path)
    assert url == stack.pages.url() == f"http://a.{stack.dec_id.base36}.localhost:{url.rpartition(':')[2]}"
    assert stack.pages.url("a b/c") == url + "a%20b/c"
    assert stack.pages.object_url(NULL_ID, "/x") == f"{url}o/{NULL_ID}/x"


async def test_who_is_too_large_is_told(stack: CyfsStack) -> None:
    """The gateway answers before it has read all, and goes."""
    big = note("big", "x" * (20 << 20))
    with pytest.raises(CyfsError) as caught:
        await stack.non.put(big)
    assert (caught.value.code, caught.value.context["status"]) == (ErrorCode.OUT_OF_LIMIT, 413)
    assert await stack.util.get_device()


async def test_the_client_lives_through_a_restart_of_the_gateway(tmp_path: Path) -> None:
    root = tmp_path / "root"
    write_identity(root, FILES)
    calls = 0

    async def echo(call: HandlerCall) -> NamedObject:
        nonlocal calls
        calls += 1
        return call.object

    with running(root) as first:
        stack = client(first, over_ws=True)
        await stack.handlers.add(Category.POST_OBJECT, "echo", echo, req_path="/echo")
        assert await stack.non.post(note("before"), "/echo")
        assert await asyncio.to_thread(first.stop) == 0
    try:
        assert await code_of(stack.util.get_device()) in (ErrorCode.CONNECT_FAILED, ErrorCode.CONNECTION_ABORTED)
        ports = {"http_port": first.http[1], "ws_port": first.ws[1]}
        starting = asyncio.ensure_future(asyncio.to_thread(start, root, **ports))
        await stack.util.wait_online(30, interval=0.05)
        second = await starting
        try:
            while calls == 1:
                with contextlib.suppress(CyfsError):  # the handler comes back a moment later than the gateway
                    await stack.non.post(note("after"), "/echo")
            assert calls == 2
        finally:
            await asyncio.to_thread(second.stop)
    finally:
        await stack.close()


async def test_nobody_there(gateway: GatewayProcess) -> None:
    async with CyfsStack(DEC, http="127.0.0.1:1", ws="127.0.0.1:1") as stack:
        assert await code_of(stack.util.get_device()) == ErrorCode.CONNECT_FAILED
        assert await code_of(stack.util.wait_online(0.05)) == ErrorCode.TIMEOUT
    async with CyfsStack(DEC, ws="127.0.0.1:1", over_ws=True) as stack:
        assert await code_of(stack.util.get_device()) == ErrorCode.CONNECT_FAILED
    with pytest.raises(CyfsError, match="host:port"):
        CyfsStack(DEC, http="localhost")
