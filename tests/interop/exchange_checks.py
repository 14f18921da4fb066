"""What a reply to a recorded request must be: checks made of status, headers and the form of the body."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .compare import error_of, parse_json
from .rawhttp import Observed

ID = r"[1-9A-HJ-NP-Za-km-z]{43,44}"


@dataclass(frozen=True, slots=True)
class Own:
    """What stands in for recorded values, and what replies must name."""

    device_id: str
    owner_id: str
    text_id: str
    text_raw: bytes
    chunk_id: str
    device_desc: bytes


Check = Callable[[Observed, Own], None]


def error(status: int, *codes: str) -> Check:
    """A coded error and nothing but framing headers."""

    def check(got: Observed, _: Own) -> None:
        assert got.status == status, got
        assert error_of(got.body) in codes, got
        assert got.header("content-type") == "application/json"
        assert_headers(got, {})

    return check


def assert_headers(got: Observed, expected: Mapping[str, str]) -> None:
    """Exactly these headers beside content-length, content-type, date and connection; values are patterns."""
    framing = {"content-length", "content-type", "date", "connection"}
    names = [name for name, _ in got.headers]
    assert names == [name.lower() for name in names]
    assert {name for name in names if name not in framing} == set(expected), got.headers
    for name, pattern in expected.items():
        assert re.fullmatch(pattern, got.header(name) or ""), (name, got.header(name), pattern)
    assert got.header("content-length") == str(len(got.body))
    assert got.header("transfer-encoding") is None
    assert got.header("content-encoding") is None


def reply(headers: Mapping[str, str], body: bytes | Callable[[bytes, Own], None] = b"", status: int = 200) -> Check:
    """A reply with these headers (patterns; ``{field}`` of ``Own``) and this body, or a check of the body."""

    def check(got: Observed, own: Own) -> None:
        assert got.status == status, got
        assert_headers(got, {name: _fill(pattern, own) for name, pattern in headers.items()})
        if isinstance(body, bytes):
            assert got.body == body
        else:
            body(got.body, own)

    return check


def either(*checks: Check) -> Check:
    """One of several answers that the protocol leaves open."""

    def check(got: Observed, own: Own) -> None:
        failures = []
        for one in checks:
            try:
                one(got, own)
            except AssertionError as failure:
                failures.append(str(failure))
            else:
                return
        raise AssertionError("\n".join(failures))

    return check


def json_form(form: Any) -> Callable[[bytes, Own], None]:
    """A JSON body of this form: types stand for values of that type, ``[x]`` for a list of any length, patterns for
    strings; member names are exact, a trailing ``?`` marks one that may be absent."""

    def check(body: bytes, own: Own) -> None:
        value = parse_json(body)
        assert value is not None, body
        assert json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode() == body, "spaces in JSON"
        _match(value, form, "body", own)

    return check


def _fill(pattern: str, own: Own) -> str:
    return re.sub(r"\{own\.(\w+)\}", lambda found: getattr(own, found[1]), pattern)


def _match(value: Any, form: Any, path: str, own: Own) -> None:
    if isinstance(form, dict):
        assert isinstance(value, dict), (path, value)
        wanted = {key.rstrip("?") for key in form}
        needed = {key for key in form if not key.endswith("?")}
        assert needed <= set(value) <= wanted, (path, sorted(value))
        for key, member in value.items():
            _match(member, form.get(key, form.get(f"{key}?")), f"{path}.{key}", own)
    elif isinstance(form, list):
        assert isinstance(value, list), (path, value)
        for index, member in enumerate(value):
            _match(member, form[0], f"{path}[{index}]", own)
    elif isinstance(form, str):
        assert isinstance(value, str), (path, value)
        assert re.fullmatch(_fill(form, own), value), (path, value, form)
    elif isinstance(form, tuple):
        assert isinstance(value, form), (path, value)
        assert not isinstance(value, bool) or bool in form, (path, value)
    else:
        assert type(value) is form, (path, value, form)


def exactly(value: Any) -> Callable[[bytes, Own], None]:
    def check(body: bytes, own: Own) -> None:
        assert parse_json(body) == json.loads(json.dumps(value).replace("OWN_DEVICE", own.device_id)), body

    return check
