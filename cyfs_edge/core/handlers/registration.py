"""Who may register a handler, and what is kept of it over a restart (docs/protocol/websocket.md §4.2, §4.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from cyfs_edge.base.access import Permission
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.access import PathRules, require_category
from cyfs_edge.core.handlers.registry import Handler, HandlerRegistry, Routine
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.wire.filter import Filter
from cyfs_edge.wire.handler import Chain, HandlerKey, HandlerParam
from cyfs_edge.wire.req_path import ReqPath
from cyfs_edge.wire.source import Source, ZoneCategory

HANDLER_PATH = "/.cyfs/api/handler/"
"""Virtual path of the system dec that guards the chains around services (access-and-zone.md §5.4)."""

SavedHandlers = Sequence[tuple[HandlerKey, HandlerParam]]


class HandlerStore(Protocol):
    """Keeps handlers over a restart."""

    async def load(self) -> SavedHandlers: ...

    async def save(self, handlers: SavedHandlers) -> None:
        """Durable when it returns. Calls take effect in their order."""
        ...


class HandlerRegistration:
    """Adds and removes handlers on behalf of clients."""

    __slots__ = ("_kept", "_registry", "_rules")

    def __init__(self, registry: HandlerRegistry, rules: PathRules, kept: HandlerStore) -> None:
        self._registry = registry
        self._rules = rules
        self._kept = kept

    async def restore(self) -> None:
        """Takes up what was saved, without routines: until the clients come back the default actions apply.

        One whose filter or path is no good (any more) is left out.
        """
        for key, param in await self._kept.load():
            if key.dec is None:
                continue
            try:
                self._registry.add(replace(_handler(key, param, key.dec, None), restored=True))
            except CyfsError:
                continue

    async def add(self, source: Source, key: HandlerKey, param: HandlerParam, routine: Routine | None) -> None:
        """``INVALID_PARAM`` without path and filter, ``INVALID_FORMAT`` for bad ones, ``PERMISSION_DENIED``.

        The handler takes the place of an earlier one with the same key.
        """
        handler = _handler(key, param, source.dec, routine)
        if handler.path is None and (handler.filter is None or key.chain in (Chain.HANDLER, Chain.ACL)):
            wanted = "a req_path" if key.chain in (Chain.HANDLER, Chain.ACL) else "a req_path or a filter"
            raise CyfsError(ErrorCode.INVALID_PARAM, f"handler {key.id!r} of chain {key.chain.value} needs {wanted}")
        await self._check(source, handler)
        stale = [other.key for other in self._registry if other.restored and other.key.dec == key.dec]
        for other in stale:
            self._registry.remove(other)
        self._registry.add(handler)
        if stale or _is_kept(key):
            await self._save()

    async def remove(self, source: Source, key: HandlerKey) -> None:
        """``NOT_FOUND`` when there is none."""
        require_category(source, ZoneCategory.CURRENT_ZONE, "removal of a handler")
        if not self._registry.remove(key):
            raise CyfsError(ErrorCode.NOT_FOUND, "")
        if _is_kept(key):
            await self._save()

    async def _check(self, source: Source, handler: Handler) -> None:
        key = handler.key
        inside = source.category <= ZoneCategory.CURRENT_ZONE
        if inside and source.dec == SYSTEM_DEC_ID:
            return
        if key.chain in (Chain.HANDLER, Chain.ACL):
            assert handler.path is not None
            assert handler.path.dec is not None
            if not (inside and handler.path.dec == source.dec):
                await self._rules.check(source, handler.path.dec, handler.path.path, Permission.WRITE)
        else:
            path = f"{HANDLER_PATH}{key.chain.value}/{key.category.value}/"
            await self._rules.check(source, SYSTEM_DEC_ID, path, Permission.WRITE)

    async def _save(self) -> None:
        await self._kept.save([(handler.key, handler.param) for handler in self._registry if _is_kept(handler.key)])


def _is_kept(key: HandlerKey) -> bool:
    return key.chain is not Chain.HANDLER and key.dec is not None


def _handler(key: HandlerKey, param: HandlerParam, dec: ObjectId, routine: Routine | None) -> Handler:
    path = None if param.req_path is None else ReqPath.parse(param.req_path)
    if path is not None and path.dec is None:
        path = replace(path, dec=dec)
    return Handler(
        key, param, path, None if param.filter is None else Filter(param.filter, key.category.value), routine
    )
