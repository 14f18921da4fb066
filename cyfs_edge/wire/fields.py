"""Header and query fields: names and text forms (docs/protocol/http-api.md §4).

A missing mandatory field is ``NOT_FOUND``; a malformed one ``INVALID_FORMAT``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache
from urllib.parse import parse_qsl, unquote_to_bytes

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.base.times import unix_micros
from cyfs_edge.wire.message import Headers

DEC_ID = "cyfs-dec-id"
TARGET = "cyfs-target"
SOURCE = "cyfs-source"
FLAGS = "cyfs-flags"
API_LEVEL = "cyfs-api-level"
NON_ACTION = "cyfs-non-action"
NDN_ACTION = "cyfs-ndn-action"
REQ_PATH = "cyfs-req-path"
INNER_PATH = "cyfs-inner-path"
OBJECT_ID = "cyfs-object-id"
OWNER_ID = "cyfs-owner-id"
DEVICE_ID = "cyfs-device-id"
RESULT = "cyfs-result"
ATTRIBUTES = "cyfs-attributes"
UPDATE_TIME = "cyfs-object-update-time"
EXPIRES_TIME = "cyfs-object-expires-time"
ACCESS = "cyfs-access"
REFERER_OBJECT = "cyfs-referer-object"
DATA_RANGE = "cyfs-data-range"
CONTEXT = "cyfs-context"
TASK_GROUP = "cyfs-task-group"
ZONE_ID = "cyfs-zone-id"
OOD_DEVICE_ID = "cyfs-ood-device-id"
SIGN_TYPE = "cyfs-sign-type"
VERIFY_TYPE = "cyfs-verify-type"
SIGN_OBJ_ID = "cyfs-sign-obj-id"
SIGN_OBJ = "cyfs-sign-obj"
VERIFY_SIGNS = "cyfs-verify-signs"
CRYPTO_FLAGS = "cyfs-crypto-flags"
SIGN_FLAGS = "cyfs-sign-flags"
"""The 0.5.8 name of ``cyfs-crypto-flags`` (§15)."""
SIGN_RET = "cyfs-sign-ret"
ENCRYPT_TYPE = "cyfs-encrypt-type"
DECRYPT_TYPE = "cyfs-decrypt-type"
DECRYPT_RET = "cyfs-decrypt-ret"
AES_KEY = "cyfs-aes-key"
BROWSER_EXTENSION = "cyfs-browser-extension"
DOWNLOAD = "download"
"""In the query of an address, our own: data is to be saved, under this name if there is one (http-front.md §7)."""

OCTET_STREAM = ("content-type", "application/octet-stream")
JSON_TYPE = ("content-type", "application/json")

_UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_SECOND = 253_402_300_799
"""The end of the year 9999: dates beyond have no text."""
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")


def bad_header(name: str, value: str, why: str) -> CyfsError:
    return CyfsError(ErrorCode.INVALID_FORMAT, f"bad header {name}: {value!r}: {why}")


def required(headers: Headers, name: str) -> str:
    value = headers.get(name)
    if value is None:
        raise CyfsError(ErrorCode.NOT_FOUND, f"header {name} is missing")
    return value


def optional_id(headers: Headers, name: str) -> ObjectId | None:
    value = headers.get(name)
    return None if value is None else parse_id(name, value)


def required_id(headers: Headers, name: str) -> ObjectId:
    return parse_id(name, required(headers, name))


def parse_id(name: str, value: str) -> ObjectId:
    """Ids in headers are 43–44 characters of base58 or 49–50 of base36."""
    try:
        return ObjectId.from_text(value)
    except CyfsError as error:
        raise bad_header(name, value, error.message) from None


def optional_u32(headers: Headers, name: str) -> int | None:
    value = headers.get(name)
    return None if value is None else parse_u32(name, value)


def parse_u32(name: str, value: str) -> int:
    """Decimal, an optional plus sign, at most 2^32-1."""
    digits = value.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        raise bad_header(name, value, "not a decimal number")
    if len(digits) > 20 or (number := int(digits)) > 0xFFFF_FFFF:
        raise bad_header(name, value, "number too large")
    return number


def flags(headers: Headers) -> int:
    return optional_u32(headers, FLAGS) or 0


def optional_text(headers: Headers, name: str) -> str | None:
    """A percent-encoded UTF-8 string header (§4.1); raw UTF-8 bytes are accepted as well."""
    value = headers.get(name)
    return None if value is None else decode_text(name, value)


def decode_text(name: str, value: str) -> str:
    """``value`` holds one character per byte (latin-1), as a server hands it over."""
    try:
        return unquote_to_bytes(value.encode("latin-1", "strict")).decode("utf-8")
    except UnicodeError:
        raise bad_header(name, value, "not UTF-8") from None


def encode_text(text: str) -> str:
    """Percent-encodes every byte but ASCII letters and digits, as the reference does."""
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in text.encode("utf-8"))


def parse_query(query: str) -> list[tuple[str, str]]:
    """Pairs in order; a doubled ``?`` of one client is stripped (§11.3)."""
    return parse_qsl(query.lstrip("?"), keep_blank_values=True, max_num_fields=256)


def last(pairs: Iterable[tuple[str, str]], key: str) -> str | None:
    found = None
    for name, value in pairs:
        if name == key:
            found = value
    return found


def http_date(bucky: int) -> str:
    """RFC 2822 text of a bucky time, as ``last-modified`` and ``expires`` carry it."""
    return _date_text(unix_micros(bucky) // 1_000_000)


@lru_cache(maxsize=1024)
def _date_text(unix_seconds: int) -> str:
    return format_datetime(_UNIX_EPOCH + timedelta(seconds=min(unix_seconds, _LAST_SECOND)))


def time_headers(update_time: int | None, expires_time: int | None) -> list[tuple[str, str]]:
    """Object times in both forms; ``None`` leaves a pair out."""
    lines: list[tuple[str, str]] = []
    if update_time is not None:
        lines += [(UPDATE_TIME, str(update_time)), ("last-modified", http_date(update_time))]
    if expires_time is not None:
        lines += [(EXPIRES_TIME, str(expires_time)), ("expires", http_date(expires_time))]
    return lines


def json_body(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
