"""Path meta of a state: who may do what below a path, links, settings (docs/protocol/http-api.md §12)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cyfs_edge.base.ids import ObjectId
from cyfs_edge.wire import json_values as values
from cyfs_edge.wire.json_values import Members
from cyfs_edge.wire.rmeta import (
    META_ACTION,
    PARSERS,
    AccessItem,
    ConfigItem,
    GroupAccess,
    LinkItem,
    MetaItem,
    MetaKind,
    MetaVerb,
    ObjectItem,
    Specified,
    action_text,
    item_json,
)
from cyfs_edge.wire.source import ZoneCategory

if TYPE_CHECKING:
    from cyfs_edge.sdk.op_env import StatePlace

_PLURAL = {
    MetaKind.ACCESS: "accesses",
    MetaKind.LINK: "links",
    MetaKind.OBJECT: "object-metas",
    MetaKind.CONFIG: "path-configs",
}


class Meta:
    """Adding tells whether something changed, removing what was there, clearing how many there were."""

    __slots__ = ("_place",)

    def __init__(self, place: StatePlace) -> None:
        self._place = place

    async def add_access(self, path: str, access: GroupAccess) -> bool:
        """Rights on everything below ``path``: an access string, or a :class:`Specified` for some."""
        return await self._add(MetaKind.ACCESS, AccessItem(path, access))

    async def remove_access(self, path: str, access: GroupAccess) -> MetaItem | None:
        return await self._remove(MetaKind.ACCESS, AccessItem(path, access))

    async def clear_access(self) -> int:
        return await self._clear(MetaKind.ACCESS)

    async def add_link(self, source: str, target: str) -> bool:
        return await self._add(MetaKind.LINK, LinkItem(source, target))

    async def remove_link(self, source: str) -> MetaItem | None:
        return await self._remove(MetaKind.LINK, LinkItem(source, "/"))

    async def clear_link(self) -> int:
        return await self._clear(MetaKind.LINK)

    async def add_object_meta(self, selector: str, access: int | Specified, depth: int | None = None) -> bool:
        """Rights on the dec's objects that ``selector``, a filter expression, is true for."""
        return await self._add(MetaKind.OBJECT, ObjectItem(selector, access, depth))

    async def remove_object_meta(
        self, selector: str, access: int | Specified, depth: int | None = None
    ) -> MetaItem | None:
        return await self._remove(MetaKind.OBJECT, ObjectItem(selector, access, depth))

    async def clear_object_meta(self) -> int:
        return await self._clear(MetaKind.OBJECT)

    async def add_path_config(self, path: str, storage_state: int | None = None, depth: int | None = None) -> bool:
        return await self._add(MetaKind.CONFIG, ConfigItem(path, storage_state, depth))

    async def remove_path_config(self, path: str) -> MetaItem | None:
        return await self._remove(MetaKind.CONFIG, ConfigItem(path))

    async def clear_path_config(self) -> int:
        return await self._clear(MetaKind.CONFIG)

    async def _add(self, kind: MetaKind, item: MetaItem) -> bool:
        return bool((await self._call("PUT", kind, MetaVerb.ADD, _item_body(kind, item))).get("updated"))

    async def _remove(self, kind: MetaKind, item: MetaItem) -> MetaItem | None:
        found = values.optional_inner(await self._call("DELETE", kind, MetaVerb.REMOVE, _item_body(kind, item)), "item")
        return None if found is None else PARSERS[kind](found)

    async def _clear(self, kind: MetaKind) -> int:
        found = await self._call("DELETE", kind, MetaVerb.CLEAR, {})
        return values.number(found, "count", 0, 0xFFFF_FFFF)

    async def _call(self, method: str, kind: MetaKind, verb: MetaVerb, body: Members) -> Members:
        name = _PLURAL[kind] if verb is MetaVerb.CLEAR else kind.value
        return await self._place.caller.call_json(
            method,
            f"/{self._place.category}/meta/{name}",
            self._place.headers(**{META_ACTION: action_text(verb, kind)}),
            {"common": self._place.common(), **body},
        )


def _item_body(kind: MetaKind, item: MetaItem) -> Members:
    """A link stands in the body itself, all else in ``item``."""
    return dict(item_json(item)) if kind is MetaKind.LINK else {"item": item_json(item)}


def friends(access: int, dec: ObjectId | None = None) -> Specified:
    """Rights (0-7) of the owner's friends, and of nearer ones; from ``dec`` only, if given."""
    return Specified(access, category=ZoneCategory.FRIEND_ZONE, dec=dec)
