"""Locks keep other clients from changing what is locked, and are bounded in number and time (RFC 4918 §6, §7)."""

from __future__ import annotations

import pytest

from cyfs_edge.core.dav import locks as locks_module
from cyfs_edge.core.dav.locks import LOCK_SECONDS, LOCK_SECONDS_MAX, LOCKS_MAX, OWNER_MAX, SHARED_MAX, LockTable, Touch
from cyfs_edge.host.worker import SystemRandom
from cyfs_edge.wire.dav.xml import parse_xml
from tests.node import TestClock
from tests.unit.core.dav.kit import LOCKINFO, Dav, text_of
from tests.unit.core.files.kit import at


async def test_only_who_has_the_token_may_change_what_is_locked(dav: Dav) -> None:
    await dav.ask("MKCOL", "d")
    await dav.ask("PUT", "d/f", b"x")
    await dav.ask("PUT", "g", b"y")
    token = await dav.lock("d/f")
    refused = [
        ("PUT", "d/f", {}),
        ("DELETE", "d/f", {}),
        ("DELETE", "d", {}),
        ("MOVE", "d/f", {"destination": "/dav/h"}),
        ("MOVE", "d", {"destination": "/dav/e"}),
        ("MOVE", "g", {"destination": "/dav/d/f"}),
        ("COPY", "g", {"destination": "/dav/d/f"}),
        ("COPY", "g", {"destination": "/dav/d"}),
        ("PROPPATCH", "d/f", {}),
    ]
    update = b'<propertyupdate xmlns="DAV:"><set><prop><x xmlns="u:">1</x></prop></set></propertyupdate>'
    for method, path, headers in refused:
        reply = await dav.ask(method, path, update if method == "PROPPATCH" else b"", **headers)
        assert reply.status == 423, (method, path)
        condition = parse_xml(reply.body).child("lock-token-submitted")
        assert condition is not None
        assert text_of(condition.child("href")) == "/dav/d/f"
    assert await dav.files.all() == {"d/": None, "d/f": b"x", "g": b"y"}
    assert await dav.status("GET", "d/f") == 200
    assert await dav.status("COPY", "d/f", destination="/dav/copy") == 201
    assert await dav.status("PUT", "copy", b"free") == 204
    assert await dav.status("PUT", "d/f", b"z", if_=f"({token})") == 204
    assert await dav.status("PROPPATCH", "d/f", update, if_=f"({token})") == 207
    assert await dav.status("MOVE", "d/f", destination="/dav/h", if_=f"({token})") == 201
    assert await dav.status("PUT", "h", b"free again") == 204


async def test_a_deep_lock_covers_what_is_and_what_will_be_below(dav: Dav) -> None:
    await dav.ask("MKCOL", "d")
    token = await dav.lock("d")
    assert await dav.status("PUT", "d/f", b"x") == 423
    assert await dav.status("MKCOL", "d/e") == 423
    assert await dav.status("LOCK", "d/f", LOCKINFO.format(scope="exclusive")) == 423
    assert await dav.status("PUT", "d/f", b"x", if_=f"</dav/d> ({token})") == 201
    assert await dav.status("PUT", "d/f", b"x", if_=f"({token})") == 204
    reply = await dav.ask("LOCK", "d/f", if_=f"({token})", timeout="Second-77")
    assert (reply.status, reply.header("lock-token"), b"Second-77" in reply.body) == (200, None, True)
    assert await dav.status("UNLOCK", "d/f", lock_token=token) == 204
    assert await dav.status("PUT", "d/f", b"y") == 204


async def test_a_lock_of_depth_0_keeps_the_list_of_a_folder(dav: Dav) -> None:
    await dav.ask("MKCOL", "d")
    await dav.ask("PUT", "d/f", b"x")
    token = await dav.lock("d", depth="0")
    assert await dav.status("PUT", "d/f", b"y") == 204
    assert await dav.status("PUT", "d/new", b"y") == 423
    assert await dav.status("DELETE", "d/f") == 423
    assert await dav.status("MOVE", "d/f", destination="/dav/f") == 423
    assert await dav.status("LOCK", "d/new", LOCKINFO.format(scope="exclusive")) == 423
    assert await dav.files.names("d") == ["f"]
    assert await dav.status("PUT", "d/new", b"y", if_=f"</dav/d> ({token})") == 201


async def test_which_locks_go_together(dav: Dav) -> None:
    await dav.ask("MKCOL", "d")
    await dav.ask("PUT", "d/f", b"x")
    first, second = await dav.lock("d/f", "shared"), await dav.lock("d/f", "shared")
    for path, scope in (("d/f", "exclusive"), ("d", "exclusive")):
        reply = await dav.ask("LOCK", path, LOCKINFO.format(scope=scope))
        assert reply.status == 423
        assert parse_xml(reply.body).child("no-conflicting-lock") is not None
    assert await dav.status("LOCK", "d", LOCKINFO.format(scope="exclusive"), depth="0") == 200
    assert await dav.status("PUT", "d/f", b"y") == 423
    assert await dav.status("PUT", "d/f", b"y", if_=f"({second})") == 204
    assert await dav.status("UNLOCK", "d/f", lock_token=first) == 204
    assert await dav.status("UNLOCK", "d/f", lock_token=first) == 409


async def test_the_if_header_is_a_condition_of_its_own(dav: Dav) -> None:
    tag = (await dav.ask("PUT", "f", b"x")).header("etag")
    assert await dav.status("PUT", "f", b"y", if_="(<urn:none>)") == 412
    assert await dav.status("PUT", "f", b"y", if_="(Not <urn:none>)") == 204
    assert await dav.status("PUT", "f", b"y", if_=f"([{tag}])") == 412
    assert await dav.status("PUT", "f", b"y", if_=f"(Not [{tag}])") == 204
    assert await dav.status("PUT", "f", b"y", if_='<http://memory/dav/no> (["x"])') == 412
    assert await dav.status("PUT", "f", b"y", if_='<http://elsewhere/f> (["x"])') == 412
    assert await dav.status("PUT", "f", b"y", if_='(["x"]) (Not <urn:none>)') == 204
    token = await dav.lock("f")
    assert await dav.status("PUT", "f", b"y", if_="(<urn:none>) (Not <urn:none>)") == 423
    assert await dav.status("PUT", "f", b"y", if_=f"(<urn:none>) ({token})") == 204


async def test_a_lock_where_nothing_is_takes_the_name(dav: Dav) -> None:
    reply = await dav.ask("LOCK", "new", LOCKINFO.format(scope="exclusive"))
    assert reply.status == 201
    assert await dav.files.all() == {"new": b""}
    assert await dav.status("PUT", "new", b"x") == 423
    assert await dav.status("PUT", "new", b"x", if_=f"({reply.header('lock-token')})") == 204
    assert await dav.status("LOCK", "no/new", LOCKINFO.format(scope="exclusive")) == 409
    assert await dav.status("MKCOL", "no") == 201
    assert await dav.status("PUT", "no/new", b"x") == 201


async def test_locks_end(dav: Dav) -> None:
    await dav.ask("PUT", "f", b"x")
    token = await dav.lock("f", timeout="Second-60")
    dav.files.clock.time += 59_000_000
    assert await dav.status("PUT", "f", b"y") == 423
    assert await dav.status("LOCK", "f", if_=f"({token})", timeout="Infinite") == 200
    dav.files.clock.time += (LOCK_SECONDS_MAX - 1) * 1_000_000
    assert await dav.status("PUT", "f", b"y") == 423
    dav.files.clock.time += 1_000_000
    assert await dav.status("PUT", "f", b"y") == 204
    assert await dav.status("LOCK", "f", if_=f"({token})") == 412
    await dav.lock("f")
    dav.files.clock.time += LOCK_SECONDS * 1_000_000
    assert await dav.status("PUT", "f", b"y") == 204


async def test_locks_are_told(dav: Dav) -> None:
    await dav.ask("MKCOL", "d")
    await dav.ask("PUT", "d/f", b"x")
    token = await dav.lock("d")
    found = await dav.props("d", "lockdiscovery", "supportedlock", depth="1")
    for href in ("/dav/d/", "/dav/d/f"):
        active = found[href]["lockdiscovery"].child("activelock")
        assert active is not None
        assert text_of(active.child("depth")) == "infinity"
        assert text_of(active.child("owner")) == "somebody"
        inner = active.child("locktoken")
        assert inner is not None
        assert f"<{text_of(inner.child('href'))}>" == token
        root = active.child("lockroot")
        assert root is not None
        assert text_of(root.child("href")) == "/dav/d"


async def test_what_takes_the_place_of_something_locked(dav: Dav) -> None:
    """The lock of the place stays, those below it are of what is gone."""
    for path in ("a", "b"):
        await dav.ask("MKCOL", path)
        await dav.ask("PUT", f"{path}/f", b"x")
    place, below = await dav.lock("b", depth="0"), await dav.lock("b/f")
    assert await dav.status("COPY", "a", destination="/dav/b", if_=f"</dav/b> ({place})") == 423
    both = f"</dav/b> ({place}) </dav/b/f> ({below})"
    assert await dav.status("COPY", "a", destination="/dav/b", if_=both) == 204
    assert await dav.status("PUT", "b/f", b"y") == 204
    assert await dav.status("PUT", "b/new", b"y") == 423


def table() -> tuple[LockTable, TestClock]:
    clock = TestClock()
    return LockTable(clock, SystemRandom()), clock


def take(locks: LockTable, path: str, seconds: int = 60, owner: str = "", deep: bool = False) -> str:
    return locks.take(at(path), exclusive=True, deep=deep, owner=owner, seconds=seconds).token


def test_their_number_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks_module, "LOCKS_MAX", 50)
    locks, clock = table()
    for number in range(50):
        take(locks, f"a/{number}", seconds=60 + number)
    with pytest.raises(Exception, match="50 locks are held"):
        take(locks, "b")
    clock.time += 70_000_000
    take(locks, "b")
    assert len(locks._by_token) == 40
    locks.forget(at("a"))
    assert list(locks._by_path) == [("b",)]


def test_thousands_of_locks() -> None:
    locks, _ = table()
    tokens = {take(locks, f"a/{number // 64}/{number}") for number in range(LOCKS_MAX)}
    assert len(tokens) == LOCKS_MAX
    with pytest.raises(Exception, match="locks are held"):
        take(locks, "b")
    with pytest.raises(Exception, match="locked by another client"):
        locks.require(set(), Touch(at("a"), deep=True))
    locks.require(tokens, Touch(at("a"), deep=True))
    locks.require(set(), Touch(at("c"), deep=True))


def test_shared_locks_of_one_entry_are_bounded() -> None:
    locks, _ = table()
    for path in ["a"] * (SHARED_MAX // 2) + ["a/b"] * (SHARED_MAX // 2):
        locks.take(at(path), exclusive=False, deep=True, owner="", seconds=60)
    with pytest.raises(Exception, match="locks already"):
        locks.take(at("a/b"), exclusive=False, deep=True, owner="", seconds=60)
    locks.take(at("a/c"), exclusive=False, deep=True, owner="", seconds=60)


def test_what_a_client_says_of_itself_is_bounded() -> None:
    locks, _ = table()
    take(locks, "a", owner="x" * OWNER_MAX)
    with pytest.raises(Exception, match="owner"):
        take(locks, "b", owner="x" * (OWNER_MAX + 1))


def test_tokens_are_unique_names() -> None:
    locks, _ = table()
    token = take(locks, "a")
    parts = token.removeprefix("urn:uuid:").split("-")
    assert [len(part) for part in parts] == [8, 4, 4, 4, 12]
    assert (parts[2][0], parts[3][0]) == ("4", "a")
    assert all(character in "0123456789abcdef" for character in "".join(parts))
