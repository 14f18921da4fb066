"""Filters, globs, and the JSON of handlers and events: every input gives a value or one ``CyfsError``."""

from __future__ import annotations

from collections.abc import Callable

from cyfs_edge.base.errors import CyfsError
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.wire.filter import Filter, Value
from cyfs_edge.wire.filter_tokens import WORDS, Kind
from cyfs_edge.wire.glob import Glob
from cyfs_edge.wire.handler import parse_answer, parse_key, parse_outcome, parse_param, parse_routine_url
from cyfs_edge.wire.handler_crypto_json import ACL, DECRYPT_DATA, ENCRYPT_DATA, AclRequest
from cyfs_edge.wire.handler_json import (
    DELETE_OBJECT,
    GET_OBJECT,
    POST_OBJECT,
    PUT_OBJECT,
    Got,
    read_source,
    source_json,
)
from cyfs_edge.wire.handler_toml import decode_handlers, encode_handlers
from cyfs_edge.wire.json_values import inner, read_object, write
from cyfs_edge.wire.requests import (
    CryptoFlag,
    DecryptData,
    DecryptType,
    DeleteObject,
    EncryptData,
    EncryptType,
    GetObject,
    NonCommon,
    PostObject,
    PutObject,
    UtilCommon,
)
from cyfs_edge.wire.router_event import parse_event_answer, parse_event_index, parse_event_key
from cyfs_edge.wire.source import PROTOCOL_HTTP_LOCAL, Source, ZoneCategory
from fuzz.target import Target, just, texts

_ID = ObjectId(SYSTEM_DEC_ID)
_SOURCE = Source(PROTOCOL_HTTP_LOCAL, _ID, _ID, ZoneCategory.CURRENT_DEVICE, _ID)
_NON, _UTIL = NonCommon(_SOURCE), UtilCommon(_SOURCE)
_VALUES: dict[Kind, Value] = {Kind.BOOL: True, Kind.STRING: "abc", Kind.GLOB: "/a/b"}


def _refused_or_read(read: Callable[[bytes], object]) -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        try:
            read(data)
        except CyfsError:
            return

    return run


def read_filter(data: bytes) -> None:
    """Run with every word set, and with none."""
    text = data.decode("latin-1")
    for category in ("put_object", "get_data", "acl"):
        words = WORDS[category]
        parsed = Filter(text, category)
        parsed.matches(lambda word: None)
        parsed.matches(lambda word, words=words: _VALUES.get(words[word], 5))  # type: ignore[misc]


def read_glob(data: bytes) -> None:
    pattern, _, value = data.decode("latin-1").partition("\n")
    glob = Glob(pattern)
    assert glob.matches(value) == glob.matches(value.lower())


def read_registration(data: bytes) -> None:
    members = read_object(data, "it")
    for read in (parse_key, parse_param, parse_event_key, parse_event_index):
        try:
            read(members)
        except CyfsError:
            continue


def read_answer(data: bytes) -> None:
    """The answer of a handler, merged into a request of every category."""
    answer = parse_answer(data)
    request, reply = answer.request, answer.reply
    changes: list[Callable[[], object]] = []
    for codec, asked in (
        (PUT_OBJECT, PutObject(_NON, _ID, b"", None)),
        (GET_OBJECT, GetObject(_NON, _ID, None)),
        (POST_OBJECT, PostObject(_NON, _ID, b"")),
        (DELETE_OBJECT, DeleteObject(_NON, _ID, None)),
        (ENCRYPT_DATA, EncryptData(_UTIL, EncryptType.DATA, b"", CryptoFlag.BY_DEVICE)),
        (DECRYPT_DATA, DecryptData(_UTIL, DecryptType.DATA, b"", CryptoFlag.BY_DEVICE)),
        (ACL, AclRequest("root-state", _ID, _SOURCE, "/", None, 4)),
    ):
        if request is not None:
            changes.append(lambda codec=codec, asked=asked: codec.merge_request(asked, request))  # type: ignore[misc]
        if isinstance(reply, dict):
            changes.append(lambda codec=codec, asked=asked: _again(codec, asked, reply))  # type: ignore[misc]
    for change in changes:
        try:
            change()
        except CyfsError:
            continue


def _again(codec: object, asked: object, reply: object) -> None:
    """What was read can be written."""
    read = codec.read_reply(reply, asked)  # type: ignore[attr-defined]
    codec.param_json(asked, Got(read)).encode("utf-8", "backslashreplace")  # type: ignore[attr-defined]


def read_event(data: bytes) -> None:
    """What a client is told of a request: who asks, and what the reply was; it can be written again."""
    param = read_object(data, "it")
    parse_outcome(param)
    source = read_source(inner(param, "request"))
    assert read_source(source_json(source)) == source


def read_saved(data: bytes) -> None:
    entries = decode_handlers(data.decode("latin-1"))
    assert len(decode_handlers(encode_handlers(entries))) == len(entries)


_OBJECT = (
    b'"object":{"object_id":"9tGpLNnC4Umq48HqJJDgLxPTaJe4svN8W8pubp3Hp96f","object_raw":"002908024800000000e50b5243c4a842'
    b"eea85e7a2b6a33e824dc27fe0e35f232e6f45cb2000100090a037665631202683100002f40478f8340000001050a036f6e65"
    b'"}'
)

TARGETS: dict[str, Target] = {
    "filter": Target(
        _refused_or_read(read_filter),
        texts(
            "obj_type == 32801 && source.zone_category != 'current-device'",
            "(flags & 0x10) || !(object.owner == $none)",
            "req_path == '/demo/**' && resp.result != \"Accept\"",
            "resp.action == true || permissions == 'r--'",
        ),
    ),
    "glob": Target(_refused_or_read(read_glob), texts("/a/**/b/*.txt\n/a/c/b/x.txt", "{a,[b-c]}?\\*\ncx*", "**\na/b")),
    "handler_registration": Target(
        _refused_or_read(read_registration),
        texts(
            '{"chain":"handler","category":"post_object","id":"h","dec_id":"9tGpLNncauC9kGhZ7GsztFvVegaKwBXoSDjkxGDHqrn6"}',
            '{"req_path":"/a","filter":"*","index":"5","default_action":{"action":"Reject"},"routine":"1"}',
            '{"category":"test_event","id":"e","index":-1,"routine":"1"}',
        ),
    ),
    "handler_answer": Target(
        _refused_or_read(read_answer),
        just(
            b'{"action":"Response","response":{"value":{' + _OBJECT + b',"result":"Accept","object_update_time":"5"}}}',
            b'{"action":"Pass","request":{"common":{"flags":0,"level":"router","req_path":"/a"},' + _OBJECT + b"}}",
            b'{"action":"Response","response":{"error":{"code":"4","msg":"no"}}}',
            b'{"action":"Response","response":{"value":{"action":"accept","data":"00ff","result":"pending"}}}',
        ),
    ),
    "handler_event": Target(
        _refused_or_read(read_event),
        texts(
            write({"request": source_json(_SOURCE), "response": {"value": {}}}),
            write({"request": source_json(_SOURCE), "response": {"error": {"code": "4", "msg": "no"}}}),
        ),
    ),
    "event_answer": Target(
        _refused_or_read(parse_event_answer), texts('{"handled":true,"call_next":false,"response":{"value":{}}}')
    ),
    "routine_url": Target(
        _refused_or_read(lambda data: parse_routine_url(data.decode("latin-1"))),
        texts("http://127.0.0.1:1080/base/", "http://[::1]:80/a/b?c#d"),
    ),
    "saved_handlers": Target(
        _refused_or_read(read_saved),
        texts(
            '[pre_noc.put_object."a b"]\nindex = 1\nfilter = "*"\ndefault_action = "Reject"\n'
            f'dec_id = "{SYSTEM_DEC_ID}"\n\n[acl.acl.x]\nid = "y"\nindex = 0\nreq_path = "/a"\n'
            f'default_action = "Pass"\ndec_id = "{SYSTEM_DEC_ID}"\n'
        ),
    ),
}
