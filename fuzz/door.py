"""The owner door: what stands in requests at it, and the records that it keeps."""

from __future__ import annotations

import json
from collections.abc import Callable

from cyfs_edge.base.access import ACCESS_DEFAULT
from cyfs_edge.base.errors import CyfsError
from cyfs_edge.core.door.sessions import DoorUser, Kind, decode_user, encode_user
from cyfs_edge.core.shares import zip_stream
from cyfs_edge.core.shares.grants import decode_grant, encode_grant
from cyfs_edge.core.shares.record import (
    Audience,
    ObjectTarget,
    Share,
    StateTarget,
    decode_share,
    encode_share,
    read_secret,
    secret_text,
)
from cyfs_edge.core.shares.tree import is_safe_path
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.wire import door
from cyfs_edge.wire.message import Headers, HttpRequest, Peer
from fuzz.target import Target, just, texts

_KEY = "0" * 64
_SHARES = [
    encode_share(Share(_KEY, Audience.ANYONE, ObjectTarget(SYSTEM_DEC_ID, "a/b"), "label", 1, 2)),
    encode_share(Share(_KEY, Audience.ZONE, StateTarget(SYSTEM_DEC_ID, "/a"), "", 1, 0, True)),
]
_GRANT = {
    "version": 1,
    "before": ACCESS_DEFAULT,
    "shares": {_KEY: 36},
    "made": [{"path": "/a/", "access": {"Specified": {"zone_category": "friend-zone", "access": 4}}}],
    "replaced": False,
    "dec": str(SYSTEM_DEC_ID),
    "path": "/a/",
}
_HEADS = (
    "host: box.example:1380\norigin: https://box.example:1380\nauthorization: Bearer abc\nsec-fetch-site: same-origin",
    'host: [::1]\nauthorization: Basic YTpi\nif-none-match: "a", W/"b"\nsec-fetch-mode: navigate',
    "host: localhost\norigin: null\nauthorization: Basic !!",
)


class _NoBody:
    length = 0


def _run_head(data: bytes) -> None:
    pairs = [
        (name.strip().lower(), value.strip())
        for name, _, value in (line.partition(":") for line in data.decode("latin-1").split("\n"))
    ]
    headers = Headers(pairs)
    request = HttpRequest("POST", "/", headers, _NoBody(), Peer("", door.LISTENER))  # type: ignore[arg-type]
    readers: list[Callable[[], object]] = [
        lambda: door.check_host(headers, frozenset(("box.example",))),
        lambda: door.check_site(request, "https"),
        lambda: door.read_authorization(headers),
        lambda: door.is_etag_listed(headers.get("if-none-match"), '"b"'),
    ]
    for read in readers:
        try:
            read()
        except CyfsError:
            continue


def _run_inner(data: bytes) -> None:
    segments = door.split_inner(data.decode("latin-1"))
    if segments:
        assert is_safe_path("/".join(segments))
        assert door.split_inner(door.join_inner(segments)) == segments


def _run_name(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    _, value = door.disposition("attachment", text)
    assert value.isascii()
    assert value.isprintable()
    assert 0 < len(door.file_name(text)) <= door.NAME_MAX
    entry = zip_stream.entry_name(text).decode()
    assert not entry.startswith("/")
    assert ".." not in entry.split("/")


def _run_secret(data: bytes) -> None:
    text = data.decode("latin-1")
    secret = read_secret(text)
    assert secret is None or secret_text(secret) == text


def _run_password(data: bytes) -> None:
    try:
        door.read_password(data)
    except CyfsError:
        return


def _run_user(data: bytes) -> None:
    user = decode_user(_KEY, data)
    assert user is None or decode_user(_KEY, encode_user(user)) == user


def _run_share(data: bytes) -> None:
    try:
        share = decode_share(_KEY, data)
    except CyfsError:
        return
    assert decode_share(_KEY, encode_share(share)) == share


def _run_grant(data: bytes) -> None:
    try:
        grant = decode_grant(data)
    except CyfsError:
        return
    assert decode_grant(encode_grant(grant)) == grant


TARGETS: dict[str, Target] = {
    "door_head": Target(_run_head, texts(*_HEADS)),
    "door_inner_path": Target(_run_inner, texts("a%20b/c", "%C3%BC/", "../x", "%2e%2e%2f")),
    "door_file_name": Target(_run_name, texts("a.txt", "../../x", "Ü 100%.jpeg", "a\r\nb")),
    "door_password": Target(_run_password, just(b'{"password": "correct horse"}')),
    "door_user": Target(_run_user, just(encode_user(DoorUser(_KEY[:12], Kind.APP, "phone", True, 1, 0, 2)))),
    "share_secret": Target(_run_secret, texts(secret_text(bytes(range(16))), secret_text(bytes(16)))),
    "share_record": Target(_run_share, just(*_SHARES)),
    "share_grant": Target(_run_grant, just(json.dumps(_GRANT).encode())),
}
