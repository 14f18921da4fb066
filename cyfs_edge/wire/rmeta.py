"""Path meta: its items and its calls over HTTP (docs/protocol/access-and-zone.md §4, http-api.md §12)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.wire.access_json import access_from_json, number
from cyfs_edge.wire.fields import bad_header
from cyfs_edge.wire.source import Source, ZoneCategory

META_ACTION = "cyfs-meta-aciton"
"""Spelt so on the wire."""
TARGET_DEC = "cyfs-target-dec-id"
PATH_MAX = 2048
"""Longest path of an item, in bytes."""
SELECTOR_MAX = 4096
"""Longest selector of an object-meta item, in bytes."""

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Specified:
    """Rights for those who match every selector that is given; ``access`` is one group, 0-7."""

    access: int
    zone: ObjectId | None = None
    category: ZoneCategory | None = None
    dec: ObjectId | None = None

    @property
    def selector(self) -> tuple[ZoneCategory | None, ObjectId | None, ObjectId | None]:
        return self.category, self.zone, self.dec

    def matches(self, source: Source) -> bool:
        """A category includes every smaller one; zone and dec must be equal."""
        return (
            (self.category is None or source.category <= self.category)
            and (self.zone is None or source.zone == self.zone)
            and (self.dec is None or source.dec == self.dec)
        )


class AskHandler(Enum):
    """An ACL handler decides."""

    HANDLER = "Handler"


GroupAccess = int | Specified | AskHandler
"""``int``: the access string of a Default item."""


@dataclass(frozen=True, slots=True)
class AccessItem:
    path: str
    access: GroupAccess


@dataclass(frozen=True, slots=True)
class LinkItem:
    source: str
    target: str


@dataclass(frozen=True, slots=True)
class ConfigItem:
    """``storage_state``: 0 concrete, 1 virtual. ``depth``: how many levels below ``path`` it is meant for."""

    path: str
    storage_state: int | None = None
    depth: int | None = None


@dataclass(frozen=True, slots=True)
class ObjectItem:
    """Rights on the objects of a dec that ``selector``, a filter expression, is true for."""

    selector: str
    access: int | Specified
    depth: int | None = None


MetaItem = AccessItem | LinkItem | ConfigItem | ObjectItem


class MetaVerb(Enum):
    ADD = "add"
    REMOVE = "remove"
    CLEAR = "clear"


class MetaKind(Enum):
    """The four lists; the value is the word in action texts."""

    ACCESS = "access"
    LINK = "link"
    OBJECT = "object-meta"
    CONFIG = "path-config"


_PATHS = {
    MetaKind.ACCESS: ("access", "accesses"),
    MetaKind.LINK: ("link", "links"),
    MetaKind.OBJECT: ("object-meta", "object-metas"),
    MetaKind.CONFIG: ("path-config", "path-configs"),
}


def call_method(verb: MetaVerb) -> str:
    return "PUT" if verb is MetaVerb.ADD else "DELETE"


def call_path(category: str, verb: MetaVerb, kind: MetaKind) -> str:
    one, many = _PATHS[kind]
    return f"/{category}/meta/{many if verb is MetaVerb.CLEAR else one}"


def action_text(verb: MetaVerb, kind: MetaKind) -> str:
    return f"global-state-{verb.value}-{kind.value}"


_ACTIONS = frozenset(action_text(verb, kind) for verb in MetaVerb for kind in MetaKind)


def check_action(text: str | None, verb: MetaVerb, kind: MetaKind) -> None:
    """Unknown text is ``INVALID_FORMAT``; an action that does not fit method and path ``INVALID_DATA``."""
    if text is None or text == action_text(verb, kind):
        return
    if text not in _ACTIONS:
        raise bad_header(META_ACTION, text, "unknown action")
    raise CyfsError(ErrorCode.INVALID_DATA, f"{META_ACTION} {text!r} does not fit this method and path")


def normal_path(value: object) -> str:
    """Trimmed, forced to begin and end with ``/``."""
    if not isinstance(value, str):
        raise _bad("a path must be a text")
    path = value.strip()
    if not path.startswith("/"):
        path = "/" + path
    if not path.endswith("/"):
        path += "/"
    if _size(path) > PATH_MAX:
        raise CyfsError(ErrorCode.INVALID_PARAM, f"a path of more than {PATH_MAX} bytes")
    return path


def parse_request(kind: MetaKind, verb: MetaVerb, body: object) -> MetaItem:
    """The item of an add or remove call; the removal of a link names its source only (§12)."""
    if not isinstance(body, dict) or not isinstance(body.get("common"), dict):
        raise _bad("the body must be a JSON object with 'common'")
    if kind is MetaKind.LINK:
        return LinkItem(normal_path(_field(body, "source")), "/") if verb is MetaVerb.REMOVE else parse_link(body)
    item = _field(body, "item")
    if not isinstance(item, dict):
        raise _bad("'item' must be a JSON object")
    return PARSERS[kind](item)


def parse_access_item(value: Json) -> AccessItem:
    return AccessItem(normal_path(_field(value, "path")), parse_group_access(_field(value, "access")))


def parse_link(value: Json) -> LinkItem:
    return LinkItem(normal_path(_field(value, "source")), normal_path(_field(value, "target")))


def parse_config(value: Json) -> ConfigItem:
    state, depth = value.get("storage_state"), value.get("depth")
    return ConfigItem(
        normal_path(_field(value, "path")),
        None if state is None else number(state, "storage_state", 1),
        None if depth is None else number(depth, "depth", 255),
    )


def parse_object_item(value: Json) -> ObjectItem:
    selector, depth = _field(value, "selector"), value.get("depth")
    if not isinstance(selector, str) or _size(selector) > SELECTOR_MAX:
        raise _bad(f"a selector must be a text of at most {SELECTOR_MAX} bytes")
    access = parse_group_access(_field(value, "access"))
    if isinstance(access, AskHandler):
        raise CyfsError(ErrorCode.NOT_SUPPORT, "object meta cannot ask a handler")
    return ObjectItem(selector, access, None if depth is None else number(depth, "depth", 255))


def parse_group_access(value: object) -> GroupAccess:
    """``{"Default": number}``, ``{"Specified": {…}}`` or ``"Handler"``."""
    if value == AskHandler.HANDLER.value:
        return AskHandler.HANDLER
    if isinstance(value, dict) and len(value) == 1:
        if "Default" in value:
            return access_from_json(value["Default"])
        if isinstance(value.get("Specified"), dict):
            return _parse_specified(value["Specified"])
    raise _bad(f"access must be Default, Specified or Handler, not {str(value)[:80]}")


def _parse_specified(value: Json) -> Specified:
    category = value.get("zone_category")
    found = None
    if category is not None:
        found = next((one for one in ZoneCategory if one.text == category), None)
        if found is None:
            raise _bad(f"unknown zone category {str(category)[:80]!r}")
    item = Specified(
        number(_field(value, "access"), "the access of Specified", 7),
        _id(value, "zone"),
        found,
        _id(value, "dec"),
    )
    if item.selector == (None, None, None):
        raise CyfsError(ErrorCode.INVALID_PARAM, "Specified needs a zone, a zone category or a dec")
    return item


def access_item_json(item: AccessItem) -> dict[str, object]:
    return {"path": item.path, "access": group_access_json(item.access)}


def link_json(item: LinkItem) -> dict[str, object]:
    return {"source": item.source, "target": item.target}


def config_json(item: ConfigItem) -> dict[str, object]:
    return {"path": item.path, "storage_state": item.storage_state, "depth": item.depth}


def object_item_json(item: ObjectItem) -> dict[str, object]:
    return {"selector": item.selector, "access": group_access_json(item.access), "depth": item.depth}


def group_access_json(access: GroupAccess) -> object:
    if isinstance(access, AskHandler):
        return access.value
    if isinstance(access, int):
        return {"Default": access}
    return {
        "Specified": {
            "zone": None if access.zone is None else str(access.zone),
            "zone_category": None if access.category is None else access.category.text,
            "dec": None if access.dec is None else str(access.dec),
            "access": access.access,
        }
    }


def item_json(item: MetaItem) -> dict[str, object]:
    if isinstance(item, AccessItem):
        return access_item_json(item)
    if isinstance(item, LinkItem):
        return link_json(item)
    if isinstance(item, ConfigItem):
        return config_json(item)
    return object_item_json(item)


def request_json(item: MetaItem) -> dict[str, object]:
    """The body of an add or remove call, without ``common``, as clients write it: what is not set is left out."""
    if isinstance(item, LinkItem):
        return link_json(item)
    return {"item": _without_none(item_json(item))}


def _without_none(value: object) -> object:
    if isinstance(value, dict):
        return {name: _without_none(one) for name, one in value.items() if one is not None}
    return value


PARSERS: dict[MetaKind, Callable[[Json], MetaItem]] = {
    MetaKind.ACCESS: parse_access_item,
    MetaKind.LINK: parse_link,
    MetaKind.OBJECT: parse_object_item,
    MetaKind.CONFIG: parse_config,
}


def _size(text: str) -> int:
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        raise _bad("paths and selectors must be Unicode text") from None


def _field(value: Json, name: str) -> Any:
    if name not in value:
        raise _bad(f"missing field {name!r}")
    return value[name]


def _id(value: Json, name: str) -> ObjectId | None:
    text = value.get(name)
    if text is None:
        return None
    if not isinstance(text, str):
        raise _bad(f"{name!r} must be an id")
    return ObjectId.from_text(text)


def _bad(why: str) -> CyfsError:
    return CyfsError(ErrorCode.INVALID_FORMAT, why)
