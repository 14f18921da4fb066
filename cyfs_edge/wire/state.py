"""State calls as HTTP carries them: root-state and local-cache (docs/protocol/http-api.md §11)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar
from urllib.parse import unquote

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.objects.object_map import DiffSetItem, MapContentType
from cyfs_edge.wire import fields
from cyfs_edge.wire.message import Headers
from cyfs_edge.wire.source import Source

ROOT_STATE_ACTION = "cyfs-root-state-aciton"
"""Spelt so by all clients."""
OP_ENV_ACTION = "cyfs-op-env-action"
OP_ENV_SID = "cyfs-op-env-sid"
OP_ENV_PATH = "cyfs-op-env-path"
OP_ENV_KEY = "cyfs-op-env-key"
OP_ENV_VALUE = "cyfs-op-env-value"
TARGET_DEC_ID = "cyfs-target-dec-id"
ROOT = "cyfs-root"
REVISION = "cyfs-revision"

PAGE_SIZE_DEFAULT = 1024
E = TypeVar("E", bound=Enum)
_U64_MAX = (1 << 64) - 1
_TYPES = {kind.text: kind for kind in MapContentType}


class StateAction(Enum):
    GET_CURRENT_ROOT = "get-current-root"
    CREATE_OP_ENV = "create-op-env"


class OpEnvAction(Enum):
    LOAD = "load"
    LOAD_BY_PATH = "load-by-path"
    CREATE_NEW = "create-new"
    LOCK = "lock"
    GET_CURRENT_ROOT = "get-current-root"
    COMMIT = "commit"
    ABORT = "abort"
    METADATA = "metadata"
    GET_BY_KEY = "get-by-key"
    INSERT_WITH_KEY = "insert-with-key"
    SET_WITH_KEY = "set-with-key"
    REMOVE_WITH_KEY = "remove-with-key"
    CONTAINS = "contains"
    INSERT = "insert"
    REMOVE = "remove"
    NEXT = "next"
    RESET = "reset"
    LIST = "list"


class RootType(Enum):
    GLOBAL = "global"
    DEC = "dec"


class OpEnvType(Enum):
    PATH = "path"
    SINGLE = "single"
    ISOLATE_PATH = "isolate-path"


class CommitType(Enum):
    COMMIT = "commit"
    UPDATE = "update"


class FieldDefault(Enum):
    """Owner and dec of a new map when they are no id: those of the state, or none."""

    DEFAULT = "default"
    NONE = "none"


MapField = ObjectId | FieldDefault


@dataclass(frozen=True, slots=True)
class StateCommon:
    source: Source
    target: ObjectId | None = None
    target_dec: ObjectId | None = None

    @property
    def dec(self) -> ObjectId:
        """The dec whose state the call is about."""
        return self.target_dec or self.source.dec


@dataclass(frozen=True, slots=True)
class StateAccess:
    """What an op-env is to be confined to."""

    path: str
    permissions: int


def parse_common(headers: Headers, source: Source) -> StateCommon:
    """The headers decide; ``common`` of the body only has to be there."""
    return StateCommon(source, fields.optional_id(headers, fields.TARGET), fields.optional_id(headers, TARGET_DEC_ID))


def check_action(headers: Headers, name: str, known: type[Enum], wanted: Enum) -> None:
    """``NOT_FOUND`` without the header, ``INVALID_FORMAT`` for an unknown action, ``INVALID_DATA`` for another one."""
    text = fields.required(headers, name)
    try:
        action = known(text)
    except ValueError:
        raise fields.bad_header(name, text, "unknown action") from None
    if action is not wanted:
        raise CyfsError(ErrorCode.INVALID_DATA, f"the action {text!r} is not for this path")


def parse_sid(headers: Headers) -> int:
    text = fields.required(headers, OP_ENV_SID)
    digits = text.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 20 or int(digits) > _U64_MAX:
        raise fields.bad_header(OP_ENV_SID, text, "not a session id")
    return int(digits)


@dataclass(frozen=True, slots=True)
class Body:
    """The JSON object of a request. Everything that is not as it should be is ``INVALID_FORMAT``, ``null`` included."""

    values: dict[str, Any]

    @classmethod
    def of(cls, value: object) -> Body:
        """With ``common``, and ``flags`` in it."""
        body = cls(_as_dict("body", value))
        common = Body(_as_dict("common", body._get("common")))
        common.number("flags", 0xFFFF_FFFF)
        for name in ("dec_id", "target_dec_id", "target"):
            common.optional_id(name)
        return body

    def has(self, name: str) -> bool:
        return name in self.values

    def text(self, name: str) -> str:
        return _as_text(name, self._get(name))

    def optional_text(self, name: str) -> str | None:
        return self.text(name) if name in self.values else None

    def id(self, name: str) -> ObjectId:
        try:
            return ObjectId.from_text(self.text(name))
        except CyfsError as error:
            raise _bad(name, error.message) from None

    def optional_id(self, name: str) -> ObjectId | None:
        return self.id(name) if name in self.values else None

    def number(self, name: str, most: int = _U64_MAX) -> int:
        """A JSON number, or its decimal digits as text."""
        value = self._get(name)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20:
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
            raise _bad(name, f"not a number up to {most}")
        return value

    def flag(self, name: str) -> bool:
        value = self._get(name)
        if not isinstance(value, bool):
            raise _bad(name, "not true or false")
        return value

    def texts(self, name: str) -> list[str]:
        value = self._get(name)
        if not isinstance(value, list):
            raise _bad(name, "not a list")
        return [_as_text(name, one) for one in value]

    def content_type(self, name: str) -> MapContentType:
        found = _TYPES.get(self.text(name))
        if found is None:
            raise _bad(name, "unknown content type")
        return found

    def root_type(self) -> RootType:
        return _member("root_type", RootType, self.text("root_type"))

    def op_env_type(self) -> OpEnvType:
        return _member("op_env_type", OpEnvType, self.text("op_env_type"))

    def commit_type(self) -> CommitType:
        return _member("op_type", CommitType, self.optional_text("op_type") or CommitType.COMMIT.value)

    def map_field(self, name: str) -> MapField:
        """``default``, ``none`` or an id; missing is ``default``."""
        text = self.optional_text(name)
        if text is None:
            return FieldDefault.DEFAULT
        try:
            return FieldDefault(text.removeprefix("$"))
        except ValueError:
            return self.id(name)

    def access(self) -> StateAccess | None:
        if "access" not in self.values:
            return None
        access = Body(_as_dict("access", self.values["access"]))
        return StateAccess(access.text("path"), access.number("access", 7))

    def _get(self, name: str) -> Any:
        if name not in self.values:
            raise _bad(name, "missing")
        return self.values[name]


def _member(name: str, kind: type[E], text: str) -> E:
    try:
        return kind(text)
    except ValueError:
        raise _bad(name, f"unknown: {text!r}") from None


def _as_dict(name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _bad(name, "not a JSON object")
    return value


def _as_text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise _bad(name, "not a string")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _bad(name, "not Unicode text") from None
    return value


def _bad(name: str, why: str) -> CyfsError:
    return CyfsError(ErrorCode.INVALID_FORMAT, f"bad field {name!r}: {why}")


def items_json(kind: MapContentType, items: list[tuple[Any, Any]]) -> list[dict[str, object]]:
    """Entries of a map or set."""
    text = kind.text
    if kind is MapContentType.MAP:
        return [{"content_type": text, "key": key, "value": str(value)} for key, value in items]
    return [{"content_type": text, **_members(kind, key, value)} for key, value in items]


def _members(kind: MapContentType, key: Any, value: Any) -> dict[str, str]:
    if kind is MapContentType.SET:
        return {"value": str(key)}
    if isinstance(key, DiffSetItem):
        return _present(prev=key.prev, altered=key.altered)
    return {"key": key, **_present(prev=value.prev, altered=value.altered, diff=value.diff)}


def _present(**ids: ObjectId | None) -> dict[str, str]:
    return {name: str(value) for name, value in ids.items() if value is not None}


@dataclass(frozen=True, slots=True)
class AccessorRequest:
    """``path``: the inner path with what other query pairs add to it. ``page``: index and size, of ``list`` only."""

    path: str
    page: tuple[int, int] | None


def parse_accessor(path: str, pairs: list[tuple[str, str]]) -> AccessorRequest:
    """``path``: the raw path behind the category, beginning with ``/``; ``pairs``: of the query."""
    named = {"action": "get", "page_index": "0", "page_size": str(PAGE_SIZE_DEFAULT)}
    others: list[str] = []
    for name, value in pairs:
        if name in named:
            named[name] = value
        else:
            others.append(f"{name}={value}")
    inner = unquote(path) + ("?" + "&".join(others) if others else "")
    if named["action"] != "list":
        return AccessorRequest(inner, None)
    return AccessorRequest(inner, (_page("page_index", named), _page("page_size", named)))


def _page(name: str, named: dict[str, str]) -> int:
    try:
        return fields.parse_u32(name, named[name])
    except CyfsError as error:
        raise CyfsError(ErrorCode.INVALID_PARAM, error.message) from None
