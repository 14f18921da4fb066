"""Reading members of JSON objects that peers send: tolerant of numbers as text, strict in all else.

A missing mandatory member is ``NOT_FOUND``, a malformed one ``INVALID_FORMAT`` (docs/protocol/http-api.md §4.5).
"""

from __future__ import annotations

import json
from typing import Any

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId

Members = dict[str, Any]


def read_object(data: bytes | str, what: str) -> Members:
    """A JSON object out of text; ``INVALID_FORMAT`` when it is none."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise CyfsError(ErrorCode.INVALID_FORMAT, f"{what} is not JSON") from None
    if not isinstance(value, dict):
        raise CyfsError(ErrorCode.INVALID_FORMAT, f"{what} is no JSON object")
    return value


def write(value: object) -> str:
    """Members in alphabetical order, no blanks, as the reference writes them."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True)


def text(members: Members, name: str) -> str:
    value = members.get(name)
    if value is None:
        raise CyfsError(ErrorCode.NOT_FOUND, f"field not found: {name}")
    if not isinstance(value, str):
        raise bad(name, "must be a text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise bad(name, "is no text that UTF-8 can carry") from None
    return value


def optional_text(members: Members, name: str) -> str | None:
    return None if members.get(name) is None else text(members, name)


def number(members: Members, name: str, least: int, most: int) -> int:
    value = members.get(name)
    if value is None:
        raise CyfsError(ErrorCode.NOT_FOUND, f"field not found: {name}")
    if isinstance(value, str) and len(value) <= 20 and value.isascii() and value.lstrip("+-").isdigit():
        try:
            value = int(value)
        except ValueError:
            raise bad(name, "is no number") from None
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise bad(name, f"must be a whole number from {least} to {most}")
    return value


def optional_number(members: Members, name: str, least: int, most: int) -> int | None:
    return None if members.get(name) is None else number(members, name, least, most)


def object_id(members: Members, name: str) -> ObjectId:
    try:
        return ObjectId.from_text(text(members, name))
    except CyfsError as error:
        if error.code == ErrorCode.NOT_FOUND:
            raise
        raise bad(name, error.message) from None


def optional_id(members: Members, name: str) -> ObjectId | None:
    return None if members.get(name) is None else object_id(members, name)


def hex_bytes(members: Members, name: str) -> bytes:
    try:
        return bytes.fromhex(text(members, name))
    except ValueError:
        raise bad(name, "is not hex") from None


def inner(members: Members, name: str) -> Members:
    value = members.get(name)
    if value is None:
        raise CyfsError(ErrorCode.NOT_FOUND, f"field not found: {name}")
    if not isinstance(value, dict):
        raise bad(name, "must be an object")
    return value


def optional_inner(members: Members, name: str) -> Members | None:
    return None if members.get(name) is None else inner(members, name)


def bad(name: str, why: str) -> CyfsError:
    return CyfsError(ErrorCode.INVALID_FORMAT, f"field {name} {why}")
