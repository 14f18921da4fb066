"""What stands in request lines and headers: every text gives a value or one ``CyfsError``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from cyfs_edge.base.errors import CyfsError
from cyfs_edge.core.api.router import split_target
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.objects.core.text_storage import make_text
from cyfs_edge.wire import conditions, crypto, fields, ndn, non, state_reply
from cyfs_edge.wire.app_uids import parse_app_uids
from cyfs_edge.wire.browser import BrowserPolicy, app_of_host
from cyfs_edge.wire.config import parse_config
from cyfs_edge.wire.data_range import parse_range
from cyfs_edge.wire.json_values import Members, read_object
from cyfs_edge.wire.message import Headers
from cyfs_edge.wire.req_path import ReqPath
from cyfs_edge.wire.requests import UtilCommon
from cyfs_edge.wire.sock_diag import parse_reply
from cyfs_edge.wire.source import PROTOCOL_HTTP_LOCAL, Source, ZoneCategory
from fuzz.target import Target, distinct, just, texts

RECORDED = Path(__file__).parents[1] / "tests" / "vectors" / "http-replies.json"
_SOURCE = Source(PROTOCOL_HTTP_LOCAL, SYSTEM_DEC_ID, SYSTEM_DEC_ID, ZoneCategory.CURRENT_DEVICE, SYSTEM_DEC_ID)
SOCK_DIAG_REPLY = bytes.fromhex(
    "7c0000001400000007000000dc12000002010000cff0c1ad7f0000010000000000000000000000007f000001000000000000000000000000"
    "0000000001000000000000000000000000000000000000000000000010640a00050008000000000008000f00000000000c00150001000000"
    "000000000600160052000000"
)
"""What Linux answers about a connected TCP socket on 127.0.0.1."""
_COMMON = UtilCommon(_SOURCE)
_OBJECT = make_text("", "", "", owner=SYSTEM_DEC_ID, update_time=0)
T = TypeVar("T")


def _of_text(read: Callable[[str], object]) -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        try:
            read(data.decode("latin-1"))
        except CyfsError:
            return

    return run


def _range(text: str) -> None:
    parsed = parse_range(text, 1000)
    if parsed is not None:
        assert all(0 <= start < end <= 1000 for start, end in parsed.ranges or ())
        parsed.json_text()


def _target(text: str) -> None:
    path, query = split_target(text)
    assert "/../" not in path
    fields.parse_query(query)


def recorded_heads() -> list[bytes]:
    """Request lines and headers of the recording, one a line, without the version."""
    items = json.loads(RECORDED.read_text())["items"]
    heads = []
    for item in items:
        if item["transport"] == "http":
            line = item["request"]["line"].rpartition(" ")[0]
            lines = [line, *(f"{name}: {value}" for name, value in item["request"]["headers"])]
            heads.append("\n".join(lines).encode("utf-8"))
    return distinct(heads)


def read_head(data: bytes) -> None:
    """Every reader of headers on one request, whatever service it was meant for."""
    line, *lines = data.decode("latin-1").split("\n")
    method, _, target = line.partition(" ")
    pairs = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    headers = Headers(pairs)
    path, query = split_target(target)
    policy = BrowserPolicy()
    readers: list[Callable[[], object]] = [
        lambda: policy.check_host(headers),
        lambda: policy.judge(method, path, fields.parse_query(query), headers, app_of_host(headers)),
        lambda: non.parse_put(headers, _SOURCE, b""),
        lambda: non.parse_get(headers, _SOURCE),
        lambda: non.check_select_filter(fields.parse_query(query)),
        lambda: ndn.parse_get(headers, _SOURCE),
        lambda: ndn.parse_download(fields.parse_query(query), headers, _SOURCE),
        lambda: conditions.is_held(headers, '"tag"'),
        lambda: conditions.attachment(query),
        lambda: ndn.parse_query_file(fields.parse_query(query), headers, _SOURCE),
        lambda: ndn.parse_path_dialect(path),
        lambda: crypto.parse_sign(headers, _COMMON, _OBJECT),
        lambda: crypto.parse_verify(headers, _COMMON, _OBJECT),
        lambda: crypto.parse_encrypt(headers, _COMMON, b""),
        lambda: crypto.parse_decrypt(headers, _COMMON, b""),
    ]
    for read in readers:
        try:
            read()
        except CyfsError:
            continue


def _read_state_reply(data: bytes) -> None:
    """Replies to state calls and to verify, as a client reads them; what was read can be written again."""
    try:
        members = read_object(data, "it")
    except CyfsError:
        return
    readers: list[Callable[[], object]] = [
        lambda: _same(state_reply.read_root, state_reply.root_json, members),
        lambda: _same(state_reply.read_map_info, state_reply.map_info_json, members),
        lambda: _same(crypto.read_verify_result, crypto.verify_result_json, members),
        lambda: state_reply.read_items(members.get("result")),
    ]
    for read in readers:
        try:
            read()
        except CyfsError:
            continue


def _same(read: Callable[[Members], T], write: Callable[[T], Members], members: Members) -> None:
    found = read(members)
    assert read(write(found)) == found


def _read_sock_diag(data: bytes) -> None:
    try:
        found = parse_reply(data).socket
    except CyfsError:
        return
    assert found is None or {len(found.local[0]), len(found.remote[0])} <= {4, 16}


TARGETS: dict[str, Target] = {
    "state_reply": Target(
        _read_state_reply,
        texts(
            f'{{"root":"{SYSTEM_DEC_ID}","revision":5,"dec_root":"{SYSTEM_DEC_ID}"}}',
            '{"content_mode":"hub","content_type":"map","count":"1","size":"100","depth":"2"}',
            f'{{"result":[{{"content_type":"map","key":"k","value":"{SYSTEM_DEC_ID}"}},'
            f'{{"content_type":"diffset","prev":"{SYSTEM_DEC_ID}"}}]}}',
            f'{{"result":{{"valid":true,"desc_signs":[{{"index":"0","valid":true,"sign_object_id":"{SYSTEM_DEC_ID}"}}]}}}}',
        ),
    ),
    "sock_diag": Target(_read_sock_diag, just(SOCK_DIAG_REPLY)),
    "app_uids": Target(_of_text(parse_app_uids), texts(f'{{"20001": "{SYSTEM_DEC_ID}", "2": "{SYSTEM_DEC_ID}"}}')),
    "req_path": Target(_of_text(ReqPath.parse), texts("/root-state/root:9tGp/a/b?c", "/local-cache/current/x/", "")),
    "data_range": Target(_of_text(_range), texts("bytes=0-4,-5,6-", "0-1", "bytes=-0", "bytes=5-2")),
    "referer": Target(_of_text(ndn.parse_referer), texts(f"{SYSTEM_DEC_ID}:{SYSTEM_DEC_ID}/a/b")),
    "request_target": Target(_of_text(_target), texts("/a/../%2e/b?c=d&e#f", "/util/../sync/status", "//x//")),
    "request_head": Target(read_head, recorded_heads),
    "config": Target(
        _of_text(lambda text: parse_config(text, "fuzz")),
        texts('browser_mode = "strict"\n[http]\nport = 1318\n', 'allowed_hosts = ["x"]\n[store]\nmin_free = "1G"\n'),
    ),
}
