"""Path meta of a state: who may do what below a path, links, settings (docs/protocol/http-api.md §12)."""

from __future__ import annotations

from cyfs_edge.base.ids import ObjectId
from cyfs_edge.sdk.caller import StatePlace
from cyfs_edge.wire import json_values as values
from cyfs_edge.wire import rmeta
from cyfs_edge.wire.json_values import Members
from cyfs_edge.wire.rmeta import (
    AccessItem,
    ConfigItem,
    GroupAccess,
    LinkItem,
    MetaItem,
    MetaKind,
    MetaVerb,
    ObjectItem,
    Specified,
    normal_path,
)
from cyfs_edge.wire.source import ZoneCategory


class Meta:
    """Adding tells whether something changed, removing what was there, clearing how many there were."""

    __slots__ = ("_place",)

    def __init__(self, place: StatePlace) -> None:
        self._place = place

    async def add_access(self, path: str, access: GroupAccess) -> bool:
        """Rights on everything below ``path``: an access string, or a :class:`Specified` for some."""
        return await self._add(MetaKind.ACCESS, AccessItem(normal_path(path), access))

    async def remove_access(self, path: str, access: GroupAccess) -> MetaItem | None:
        return await self._remove(MetaKind.ACCESS, AccessItem(normal_path(path), access))

    async def clear_access(self) -> int:
        return await self._clear(MetaKind.ACCESS)

    async def add_link(self, source: str, target: str) -> bool:
        return await self._add(MetaKind.LINK, LinkItem(source, target))

    async def remove_link(self, source: str) -> MetaItem | None:
        found = await self._call(MetaKind.LINK, MetaVerb.REMOVE, {"source": source})
        return _item(MetaKind.LINK, found)

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
        """``storage_state``: 0 concrete, 1 virtual."""
        return await self._add(MetaKind.CONFIG, ConfigItem(normal_path(path), storage_state, depth))

    async def remove_path_config(self, path: str) -> MetaItem | None:
        return await self._remove(MetaKind.CONFIG, ConfigItem(normal_path(path)))

    async def clear_path_config(self) -> int:
        return await self._clear(MetaKind.CONFIG)

    async def _add(self, kind: MetaKind, item: MetaItem) -> bool:
        return bool((await self._call(kind, MetaVerb.ADD, rmeta.request_json(item))).get("updated"))

    async def _remove(self, kind: MetaKind, item: MetaItem) -> MetaItem | None:
        return _item(kind, await self._call(kind, MetaVerb.REMOVE, rmeta.request_json(item)))

    async def _clear(self, kind: MetaKind) -> int:
        return values.number(await self._call(kind, MetaVerb.CLEAR, {}), "count", 0, 0xFFFF_FFFF)

    async def _call(self, kind: MetaKind, verb: MetaVerb, body: Members) -> Members:
        return await self._place.caller.call_json(
            rmeta.call_method(verb),
            rmeta.call_path(self._place.category, verb, kind),
            self._place.headers(**{rmeta.META_ACTION: rmeta.action_text(verb, kind)}),
            {"common": self._place.common(), **body},
        )


def _item(kind: MetaKind, reply: Members) -> MetaItem | None:
    found = values.optional_inner(reply, "item")
    return None if found is None else rmeta.PARSERS[kind](found)


def friends(access: int, dec: ObjectId | None = None) -> Specified:
    """Rights (:class:`Permission` bits) of the owner's friends, and of nearer ones; from ``dec`` only, if given."""
    return Specified(access, category=ZoneCategory.FRIEND_ZONE, dec=dec)
