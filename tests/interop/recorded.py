"""The recorded replies of the reference gateway (``tests/vectors/http-replies.json``) as values.

The file's ``about`` is the contract: how requests are rebuilt, what ``captures``, ``uses`` and ``volatile`` mean.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).resolve().parent.parent / "vectors"

Header = tuple[str, str]
JsonPath = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Body:
    """A recorded body. Large ones are known by length, hash and first bytes (``head``) only: ``data`` is ``None``."""

    length: int
    data: bytes | None
    sha256: str
    head: bytes = b""

    def matches(self, data: bytes) -> bool:
        return len(data) == self.length and hashlib.sha256(data).hexdigest() == self.sha256


@dataclass(frozen=True, slots=True)
class Reply:
    """What the reference sent. ``outcome``: ``reply``, ``closed`` (connection ended) or ``silent`` (nothing came)."""

    outcome: str
    status_line: str = ""
    headers: tuple[Header, ...] = ()
    body: Body = field(default_factory=lambda: _body(b""))
    volatile: frozenset[str] = frozenset()
    head_only: bool = False
    unframed: bool = False

    @property
    def status(self) -> int:
        return int(self.status_line.split(" ", 2)[1]) if self.status_line else 0


@dataclass(frozen=True, slots=True)
class Request:
    """A request as sent: either whole (``raw``) or start line, header lines and body."""

    line: str = ""
    headers: tuple[Header, ...] = ()
    body: bytes = b""
    raw: bytes | None = None
    half_close: bool = False
    again: bool = False

    @property
    def method(self) -> str:
        start = self.line or (self.raw or b"").split(b"\r\n", 1)[0].decode("latin-1")
        return start.split(" ", 1)[0].upper()

    def encode(self) -> bytes:
        if self.raw is not None:
            return self.raw
        lines = [self.line, *(f"{name}: {value}" for name, value in self.headers), "", ""]
        return "\r\n".join(lines).encode() + self.body

    def with_values(self, values: Mapping[str, str], host: str) -> Request:
        """The same request with recorded texts replaced by own ones and the own ``host`` in place of the recorded one.

        A Content-Length that fitted the recorded body is made to fit the new one.
        """
        if self.raw is not None:
            raw = _replaced(self.raw, values).replace(b"127.0.0.1:1318", host.encode())
            return replace(self, raw=raw)
        body = _replaced(self.body, values)
        headers = []
        for name, recorded in self.headers:
            value = _replaced_text(recorded, values)
            if name == "host" and value == "127.0.0.1:1318":
                value = host
            if name == "content-length" and value == str(len(self.body)):
                value = str(len(body))
            headers.append((name, value))
        return replace(self, line=_replaced_text(self.line, values), headers=tuple(headers), body=body)


@dataclass(frozen=True, slots=True)
class Callback:
    """One recorded call of the routine, and what it answered."""

    line: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    status: int
    answer: bytes

    @staticmethod
    def of(entry: dict[str, Any]) -> Callback:
        request, reply = entry["request"], entry["reply"]
        return Callback(
            request["line"],
            tuple((name, value) for name, value in request["headers"]),
            bytes.fromhex(request["body"]["hex"]),
            reply["status"],
            bytes.fromhex(reply["body"]["hex"]),
        )


@dataclass(frozen=True, slots=True)
class Item:
    """One recorded request with the reply or, on one connection, the replies to it.

    ``captures``: variable -> JSON path in the reply body. ``uses``: variable -> its value in this recording.
    ``callbacks``: calls of an HTTP routine that the request leads to.
    """

    name: str
    group: str
    transport: str
    number: int
    request: Request
    replies: tuple[Reply, ...]
    captures: Mapping[str, JsonPath]
    uses: Mapping[str, str]
    callbacks: tuple[Callback, ...] = ()


@dataclass(frozen=True, slots=True)
class Recording:
    """``identity``: named ids. ``files``: identity files by name. ``groups``: number of items by group."""

    identity: Mapping[str, str]
    files: Mapping[str, bytes]
    groups: Mapping[str, int]
    items: tuple[Item, ...]

    def of(self, groups: tuple[str, ...]) -> list[Item]:
        return [item for item in self.items if item.group in groups]

    def root_files(self) -> dict[str, bytes]:
        """The identity as files of a root's ``etc/desc``: the owner's object lies there as ``zone_owner.desc``."""
        names = {"device.desc": "device.desc", "device.sec": "device.sec", "people.desc": "zone_owner.desc"}
        return {own: self.files[name] for name, own in names.items()}


LOCAL_FILES: Mapping[str, bytes] = {
    "pub.bin": bytes((7 * i + i // 256) % 256 for i in range(150_000)),
    "small.txt": b"small file of the vectors\n",
    "dir/a.txt": b"aaa",
    "dir/sub/b.txt": b"bbbb",
}
"""The files that trans and build_file items read, below the recorded folder ``LOCAL_FOLDER``."""

LOCAL_FOLDER = "/cyfs/vec"


def load(path: Path = VECTORS / "http-replies.json") -> Recording:
    """Every item of the HTTP listener; those of the WebSocket listener (group ws) have a client of their own."""
    whole = json.loads(path.read_text(encoding="utf-8"))
    identity = {name: text for name, text in whole["identity"].items() if isinstance(text, str)}
    files = {name: bytes.fromhex(text) for name, text in whole["identity"]["files_hex"].items()}
    http = (entry for entry in whole["items"] if entry["group"] != "ws")
    items = tuple(read_item(entry) for entry in http)
    return Recording(identity, files, whole["groups"], items)


def read_item(entry: dict[str, Any]) -> Item:
    """One entry of ``items`` with its request and reply."""
    request = _request(entry["request"])
    if "replies" in entry:
        named = [(f"replies[{index}].", reply) for index, reply in enumerate(entry["replies"])]
    else:
        named = [("reply.", entry["reply"])]
    replies = tuple(_reply(reply, prefix, entry["volatile"], request.method) for prefix, reply in named)
    captures = {
        name: tuple(where.removeprefix("body:").split(".")) for name, where in entry.get("captures", {}).items()
    }
    return Item(
        name=entry["name"],
        group=entry["group"],
        transport=entry["transport"],
        number=entry["n"],
        request=request,
        replies=replies,
        captures=captures,
        uses=entry.get("uses", {}),
        callbacks=tuple(Callback.of(call) for call in entry.get("callback", ())),
    )


def _request(entry: dict[str, Any]) -> Request:
    then = entry.get("then", "")
    if then not in ("", "client half-closes", "the same again on the same connection after the first reply"):
        raise ValueError(f"unknown step after a request: {then}")
    half_close, again = then.startswith("client"), then.startswith("the same")
    if "raw" in entry:
        return Request(raw=_request_bytes(entry["raw"]), half_close=half_close, again=again)
    headers = tuple((name, value) for name, value in entry["headers"])
    return Request(entry["line"], headers, _request_bytes(entry["body"]), half_close=half_close, again=again)


def _part(name: str) -> str:
    """``body.list[0].file_id`` → ``body.list.0.file_id``, as the comparison names it; byte ranges stay."""
    return re.sub(r"\[(\d+)\]", r".\1", name)


def _reply(entry: dict[str, Any], prefix: str, volatile: list[str], method: str) -> Reply:
    if "none" in entry:
        return Reply({"connection closed": "closed", "no answer within the wait": "silent"}[entry["none"]])
    body = entry["body"]
    data = bytes.fromhex(body["hex"]) if "hex" in body else None
    digest = body["sha256"] if data is None else hashlib.sha256(data).hexdigest()
    return Reply(
        outcome="reply",
        status_line=entry["status_line"],
        headers=tuple((name, value) for name, value in entry["headers"]),
        body=Body(body["len"], data, digest, bytes.fromhex(body.get("head_hex", ""))),
        volatile=frozenset(_part(name.removeprefix(prefix)) for name in volatile if name.startswith(prefix)),
        head_only=method == "HEAD",
        unframed=entry.get("framing") == "until close",
    )


def _request_bytes(entry: dict[str, Any]) -> bytes:
    """The bytes of a request body, rebuilt from its description where the file does not spell it out."""
    if "hex" in entry:
        return bytes.fromhex(entry["hex"])
    made: str = entry["made"]
    head = bytes.fromhex(entry["head_hex"])
    length: int = entry["len"]
    if made == 'object "big"':
        # A Text object whose value fills the rest: the recorded head ends inside the value's length.
        data = _big_text(head, length)
    elif match := re.fullmatch(r"byte i = \(?i\*(\d+)(?:\+(\d+)\))? mod 256", made):
        factor, offset = int(match[1]), int(match[2] or 0)
        data = bytes((i * factor + offset) % 256 for i in range(length))
    elif match := re.fullmatch(r'one header x-big of (\d+) times "a"', made):
        data = b"GET /util/device HTTP/1.1\r\nHost: x\r\nx-big: " + b"a" * int(match[1]) + b"\r\n\r\n"
    elif match := re.fullmatch(r'/o/ and (\d+) times "a"', made):
        data = b"GET /o/" + b"a" * int(match[1]) + b" HTTP/1.1\r\nHost: x\r\n\r\n"
    else:
        raise ValueError(f"no recipe for a body: {made}")
    if len(data) != length or hashlib.sha256(data).hexdigest() != entry["sha256"]:
        raise ValueError(f"the recipe {made!r} does not give the recorded bytes")
    return data


def _big_text(head: bytes, length: int) -> bytes:
    # ... protobuf field 1 (0a), varint length 3000, then the value: 3,000 times "x"
    return head + b"\xb8\x17" + b"x" * (length - len(head) - 2)


def _body(data: bytes) -> Body:
    return Body(len(data), data, hashlib.sha256(data).hexdigest())


def _replaced(data: bytes, values: Mapping[str, str]) -> bytes:
    for recorded, own in values.items():
        data = data.replace(recorded.encode(), own.encode())
    return data


def _replaced_text(text: str, values: Mapping[str, str]) -> str:
    for recorded, own in values.items():
        text = text.replace(recorded, own)
    return text
