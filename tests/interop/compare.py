"""Compares what came back with what the reference sent, part by part.

Parts have the names that the recording uses for volatile ones: ``status``, ``header:NAME``, ``body``, ``body.PATH`` (a
member of a JSON body), and further ``outcome`` (reply, closed, silent), ``order`` (header order), ``body{form}`` (the
same JSON spelled otherwise) and ``body.PATH{order}`` (the same members in another order).

Left free, and nothing else:
- what the recording lists as volatile, widened to the whole time, signature or cipher field around it;
- the text of an error's ``msg``;
- facts of the machine (``Machine``): where the root lies, the endpoints in the running Device object, stat and system
  figures.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .rawhttp import Observed
from .recorded import LOCAL_FOLDER, Header, Reply

ERROR_KEYS = ["code", "msg"]
HTTP_DATE = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")
OBJECT_DATE = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000")
"""Of the headers that tell times of objects."""
ERROR_HEAD = re.compile(rb'\{"code":"(\d+)","msg":"')
BYTE_RANGE = re.compile(r"body\[(\d+)\.\.(\d+)\]")
TIME_PREFIXES = (bytes.fromhex("002fbf"), bytes.fromhex("002fc0"), bytes.fromhex("002fc1"))
"""The first bytes of a time of these years: big-endian microseconds since 1601."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One part that is not as recorded."""

    part: str
    expected: str
    got: str

    def __str__(self) -> str:
        return f"{self.part}: expected {self.expected}, got {self.got}"


@dataclass(frozen=True, slots=True)
class Machine:
    """What depends on where a gateway runs: its root, the folder of local files, and the body of its Device object.

    ``device_desc``, ``device_desc_sign``: the parts of the recorded device that stay.
    """

    root: str
    device_desc: bytes
    device_desc_sign: bytes
    folder: str = LOCAL_FOLDER


def compare(recorded: Reply, got: Observed, machine: Machine, item_name: str = "") -> list[Difference]:
    """Every part of ``got`` that differs from ``recorded``; empty = equal."""
    if recorded.outcome != got.outcome:
        what = f"{got.outcome} {got.status_line} {_text(got.body, 120)}".strip()
        return [Difference("outcome", _outcome(recorded), what)]
    if recorded.outcome != "reply":
        return []
    found: list[Difference] = []
    if recorded.status_line != got.status_line:
        found.append(Difference("status", recorded.status_line, got.status_line))
    found += _headers(recorded, got)
    if not recorded.unframed:
        found += _order(got.headers)
    if not recorded.head_only:
        found += _body(recorded, got, machine, item_name)
    return found


def error_of(body: bytes) -> str | None:
    """The code of a well-formed error body (``{"code":"<decimal>","msg":"…"}``), else ``None``."""
    value = parse_json(body)
    if not isinstance(value, dict) or list(value) != ERROR_KEYS:
        return None
    code, msg = value["code"], value["msg"]
    return code if isinstance(code, str) and code.isdigit() and isinstance(msg, str) else None


def parse_json(body: bytes) -> Any:
    """The JSON value of a body that looks like JSON, else ``None``."""
    if body[:1] not in (b"{", b"["):
        return None
    try:
        return json.loads(body)
    except ValueError:
        return None


def _headers(recorded: Reply, got: Observed) -> Iterator[Difference]:
    for name, _ in got.headers:
        if name != name.lower():
            yield Difference(f"header:{name.lower()}", name.lower(), name)
    expected, actual = _grouped(recorded.headers), _grouped(got.headers)
    for name in sorted(expected.keys() | actual.keys()):
        wanted, given = expected.get(name), actual.get(name)
        if wanted is None or given is None or not _header_equal(name, wanted, given, recorded, got):
            yield Difference(f"header:{name}", _values(wanted), _values(given))


def _header_equal(name: str, wanted: Sequence[str], given: Sequence[str], recorded: Reply, got: Observed) -> bool:
    if name == "content-length":
        # The length belongs to the body, which is compared itself. Here it only has to be the true one.
        return len(given) == 1 and given[0].isdigit() and (recorded.head_only or int(given[0]) == len(got.body))
    if name == "date":
        return len(given) == 1 and HTTP_DATE.fullmatch(given[0]) is not None
    if f"header:{name}" not in recorded.volatile:
        return wanted == given
    # A volatile header keeps its shape: all before its last separator is fixed (a dec id, then a random number).
    return len(wanted) == len(given) and all(_shape(a) == _shape(b) for a, b in zip(wanted, given, strict=True))


def _shape(value: str) -> str:
    if re.fullmatch(r"[1-9A-HJ-NP-Za-km-z]{40,}", value):
        return "base58"
    if OBJECT_DATE.fullmatch(value):
        return "date"
    head, separator, tail = value.rpartition("%2F")
    return f"{head}{separator}{'number' if tail.isdigit() else tail}"


def _order(headers: Sequence[Header]) -> Iterator[Difference]:
    """The reference writes its headers in alphabetical order (all recorded replies do, and the WebSocket frames)."""
    names = [name.lower() for name, _ in headers]
    if names != sorted(names):
        yield Difference("order", ", ".join(sorted(names)), ", ".join(names))


def _body(recorded: Reply, got: Observed, machine: Machine, item_name: str) -> Iterator[Difference]:
    body = recorded.body
    if body.data is None:
        error = ERROR_HEAD.match(body.head)
        if error and error[1].decode() != error_of(got.body):
            yield Difference("body.code", error[1].decode(), _text(got.body))
        elif not error and not body.matches(got.body):
            yield Difference("body", f"{body.length} bytes, sha256 {body.sha256[:16]}…", f"{len(got.body)} bytes")
        return
    wanted, given = parse_json(body.data), parse_json(got.body)
    if wanted is None:
        yield from _binary(body.data, got.body, recorded.volatile, machine)
    elif given is None:
        yield Difference("body", _text(body.data), _text(got.body))
    else:
        found = list(_json(wanted, given, "body", recorded.volatile, machine, item_name))
        yield from found
        if not found and error_of(body.data) is None and _compact(given) != got.body.decode("utf-8", "replace"):
            yield Difference("body{form}", _compact(given), _text(got.body))


def _json(
    wanted: Any, given: Any, path: str, volatile: frozenset[str], machine: Machine, item: str
) -> Iterator[Difference]:
    if path == "body.msg" or _is_machine_figure(path, wanted, given, item):
        if not isinstance(given, type(wanted)) and not _optional_text(path, given):
            yield Difference(path, type(wanted).__name__, _compact(given))
    elif path == "body.info.cyfs_root":
        if given != machine.root:
            yield Difference(path, machine.root, _compact(given))
    elif isinstance(wanted, dict) and isinstance(given, dict):
        for key in [*wanted, *(key for key in given if key not in wanted)]:
            if key not in given or key not in wanted:
                yield Difference(f"{path}.{key}", _member(wanted, key), _member(given, key))
            else:
                yield from _json(wanted[key], given[key], f"{path}.{key}", volatile, machine, item)
        if wanted.keys() == given.keys() and list(wanted) != list(given):
            yield Difference(f"{path}{{order}}", ", ".join(wanted), ", ".join(given))
    elif isinstance(wanted, list) and isinstance(given, list):
        if len(wanted) != len(given):
            yield Difference(path, _compact(wanted), _compact(given))
        for index, (a, b) in enumerate(zip(wanted, given, strict=False)):
            yield from _json(a, b, f"{path}.{index}", volatile, machine, item)
    elif isinstance(wanted, str) and isinstance(given, str) and wanted.startswith(machine.device_desc.hex()):
        yield from _running_device(bytes.fromhex(wanted), _unhex(given), machine, path)
    elif isinstance(wanted, str) and wanted.startswith(LOCAL_FOLDER + "/"):
        if given not in (wanted, machine.folder + wanted.removeprefix(LOCAL_FOLDER)):
            yield Difference(path, wanted, _compact(given))
    elif path in volatile:
        if type(wanted) is not type(given) or (isinstance(wanted, str) and not _same_kind(wanted, given)):
            yield Difference(path, _compact(wanted), _compact(given))
    elif type(wanted) is not type(given) or wanted != given:
        yield Difference(path, _compact(wanted), _compact(given))


def _same_kind(wanted: str, given: str) -> bool:
    """A volatile text stays a number, or keeps its length (hex), give or take one (base58 of as many bytes)."""
    return given.isdigit() if wanted.isdigit() else abs(len(wanted) - len(given)) <= 1


SYSTEM_OPTIONAL = ("body.info.device_sn", "body.info.mac_address")


def _is_machine_figure(path: str, wanted: Any, given: Any, item: str) -> bool:
    if path in ("body.stat.count", "body.stat.storage_size"):
        return True
    if item.startswith("util.system_info") and path.startswith("body.info."):
        # After the update the three values of its request are known.
        known = ("body.info.name", "body.info.cpu_usage", "body.info.total_memory")
        return not (item == "util.system_info_after" and path in known)
    return False


def _optional_text(path: str, given: Any) -> bool:
    return path in SYSTEM_OPTIONAL and (given is None or isinstance(given, str))


def _binary(wanted: bytes, given: bytes, volatile: frozenset[str], machine: Machine) -> Iterator[Difference]:
    if wanted.startswith(machine.device_desc):
        yield from _running_device(wanted, given, machine, "body")
        return
    free = _free_bytes(wanted, volatile)
    differing = [i for i in range(min(len(wanted), len(given))) if wanted[i] != given[i] and i not in free]
    if len(wanted) != len(given) or differing:
        where = f"at {differing[0]}" if differing else "length"
        yield Difference("body", f"{len(wanted)} bytes {_text(wanted)}", f"{len(given)} bytes, {where}: {_text(given)}")


def _free_bytes(wanted: bytes, volatile: frozenset[str]) -> set[int]:
    free: set[int] = set()
    for name in volatile:
        if match := BYTE_RANGE.fullmatch(name):
            first, last = int(match[1]), int(match[2])
            free.update(range(first, last + 1))
            starts = (i for i in range(max(first - 7, 0), first + 1) if wanted[i : i + 3] in TIME_PREFIXES)
            for start in starts:
                free.update(range(start, start + 8))
    return free


def _running_device(wanted: bytes, given: bytes, machine: Machine, path: str) -> Iterator[Difference]:
    """A running gateway puts its own endpoints into its Device and signs the body again; desc and its signature stay.

    After the desc: no previous version, update time, version and format, the length of the content and the content
    (below 128 bytes), the desc signature, one body signature.
    """
    rest = given.removeprefix(machine.device_desc)
    end = 12 + rest[11] if len(rest) > 11 else 0
    signs = rest[end:]
    framed = rest[:1] == b"\0" and rest[9:11] == b"\0\1" and signs[:140] == machine.device_desc_sign
    if len(rest) == len(given) or not framed or len(signs) != 280 or signs[140:142] != b"\1\0":
        yield Difference(path, f"the device {_text(wanted)}", _text(given))


def _grouped(headers: Sequence[Header]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, value in headers:
        grouped.setdefault(name.lower(), []).append(value)
    return grouped


def _values(values: Sequence[str] | None) -> str:
    return "absent" if values is None else " | ".join(values)


def _member(value: dict[str, Any], key: str) -> str:
    return _compact(value[key]) if key in value else "absent"


def _outcome(recorded: Reply) -> str:
    return recorded.status_line if recorded.outcome == "reply" else recorded.outcome


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _unhex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def _text(data: bytes, limit: int = 200) -> str:
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError:
        text = data.hex()
    return text if len(text) <= limit else f"{text[:limit]}… ({len(data)} bytes)"
