"""Front addresses: views, segments and query parameters (docs/protocol/http-front.md §1-§3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import unquote_to_bytes, urlencode

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.wire import fields

RESERVED = frozenset(
    (
        *("handler", "non", "ndn", "crypto", "util", "sync", "trans", "root-state", "local-cache", "system", "root"),
        *("o", "r", "l", "a"),
    )
)
NAME_MAX = 40
"""A longer item of a first segment must be an object id."""
SEGMENTS_MAX = 256
_ID_LENGTHS = range(42, 46)


class View(Enum):
    OBJECT = "o"
    ROOT_STATE = "r"
    LOCAL_CACHE = "l"
    APP = "a"


@dataclass(frozen=True, slots=True)
class FrontPath:
    """``host_dec``: the dec of ``o.{dec}`` and the like. ``segments``: decoded, none empty, at least one."""

    view: View
    host_dec: ObjectId | None
    segments: tuple[str, ...]


def parse_path(path: str) -> FrontPath:
    """Which view a path asks for (§1); ``app`` pages of an own origin come in as ``/a/{dec}/…``."""
    first, _, rest = path[1:].partition("/")
    if path[1:3] in ("o/", "r/", "l/", "a/"):
        segments = split_segments(rest)
        if not segments:
            raise CyfsError(ErrorCode.NOT_FOUND, f"no service for GET {path}")
        return FrontPath(View(first), None, segments)
    name = _decode(first)
    if name[:2] in ("o.", "r.", "l.", "a."):
        dec = SYSTEM_DEC_ID if name[2:] == "system" else _host_dec(name)
        segments = split_segments(rest)
        if not segments:
            raise CyfsError(ErrorCode.INVALID_PARAM, f"the address {path} names nothing behind the dec")
        return FrontPath(View(name[0]), dec, segments)
    if name in RESERVED:
        raise CyfsError(ErrorCode.INVALID_PARAM, f"/{name} is no page: check method and path of the call")
    return FrontPath(View.OBJECT, None, split_segments(path[1:]))


def is_page(path: str) -> bool:
    """Whether an address tells by itself that it is one of a page; a single name may be anything."""
    first = path[1:].partition("/")[0]
    return path[1:3] in ("o/", "r/", "l/", "a/") or first[:2] in ("o.", "r.", "l.", "a.") or as_id(first) is not None


def split_segments(rest: str) -> tuple[str, ...]:
    """Decoded as a whole, then split; empty segments are dropped."""
    segments = tuple(segment for segment in _decode(rest).split("/") if segment)
    if len(segments) > SEGMENTS_MAX:
        raise CyfsError(ErrorCode.INVALID_PARAM, f"an address of {len(segments)} segments, at most {SEGMENTS_MAX}")
    return segments


def as_id(segment: str) -> ObjectId | None:
    """The object id that a segment is, if it is one."""
    if len(segment) not in _ID_LENGTHS:
        return None
    try:
        return ObjectId.from_text(segment)
    except CyfsError:
        return None


def parse_items(segment: str) -> list[ObjectId | str]:
    """The comma list of a first segment: ids, and shorter texts as names."""
    return [ObjectId.from_text(item) if len(item) > NAME_MAX else item for item in segment.split(",") if item]


class FrontMode(Enum):
    OBJECT = "object"
    DATA = "data"
    DEFAULT = "default"


class FrontFormat(Enum):
    RAW = "raw"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class FrontQuery:
    """The common parameters (§2). ``others``: unknown pairs, in their order; ``pairs``: all of them."""

    mode: FrontMode = FrontMode.DEFAULT
    format: FrontFormat = FrontFormat.RAW
    flags: int = 0
    range: str | None = None
    context: str | None = None
    group: str | None = None
    req_path: str | None = None
    list: bool = False
    page_index: int | None = None
    page_size: int | None = None
    download: str | None = None
    others: tuple[tuple[str, str], ...] = ()
    pairs: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def with_others(self, inner_path: str) -> str:
        """``inner_path`` with the unknown pairs behind it, as access rules get to see it."""
        return f"{inner_path}?{urlencode(self.others)}" if self.others else inner_path


_KNOWN = frozenset(
    (
        *("mode", "format", "flags", "range", "referer", "context", "group", "req_path", "dec_id", "action"),
        *("page_index", "page_size", fields.DOWNLOAD),
    )
)


def parse_query(pairs: list[tuple[str, str]]) -> FrontQuery:
    """Unknown modes and formats stand for the default; a number that is none is ``INVALID_PARAM``."""
    given = dict(pairs)
    mode = given.get("mode")
    return FrontQuery(
        FrontMode(mode) if mode in ("object", "data") else FrontMode.DEFAULT,
        FrontFormat.JSON if given.get("format") == "json" else FrontFormat.RAW,
        _number(given, "flags") or 0,
        given.get("range"),
        given.get("context"),
        given.get("group"),
        given.get("req_path"),
        given.get("action") == "list",
        _number(given, "page_index"),
        _number(given, "page_size"),
        given.get(fields.DOWNLOAD),
        tuple(pair for pair in pairs if pair[0] not in _KNOWN),
        tuple(pairs),
    )


def _number(given: dict[str, str], name: str) -> int | None:
    text = given.get(name)
    if text is None:
        return None
    digits = text.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 20 or int(digits) > 0xFFFF_FFFF:
        raise CyfsError(ErrorCode.INVALID_PARAM, f"query parameter {name} must be a number of 32 bits: {text[:80]!r}")
    return int(digits)


def _host_dec(name: str) -> ObjectId:
    try:
        return ObjectId.from_text(name[2:])
    except CyfsError as error:
        raise CyfsError(ErrorCode.INVALID_FORMAT, f"{name[:80]!r} names no dec: {error.message}") from None


def _decode(text: str) -> str:
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeError:
        raise CyfsError(ErrorCode.INVALID_FORMAT, "the address is not UTF-8") from None
