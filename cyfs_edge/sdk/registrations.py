"""What is registered with the stack over a WebSocket, and registered again after each reconnect
(docs/protocol/websocket.md §2.2, §5).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Generic, TypeVar

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.sdk.ws_link import RETRY_FIRST, WsLink, WsSession
from cyfs_edge.wire import json_values as values
from cyfs_edge.wire.handler import parse_error
from cyfs_edge.wire.ws_packet import WsCommand, WsPacket

log = logging.getLogger(__name__)

K = TypeVar("K")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Entry(Generic[R]):
    """``content``: the registration as it is sent. ``removal``: what ends it."""

    routine: R
    content: bytes
    removal: bytes


class Registrations(Generic[K, R]):
    """One connection of its own, opened with the first registration: the stack calls back on the one it came by."""

    __slots__ = ("_add", "_entries", "_link", "_remove", "_removed")

    def __init__(
        self, host: str, port: int, add: WsCommand, remove: WsCommand, *, retry_first: float = RETRY_FIRST
    ) -> None:
        self._add = add
        self._remove = remove
        self._entries: dict[K, Entry[R]] = {}
        self._removed: dict[K, bytes] = {}
        self._link = WsLink(host, port, self._answer, self._register_again, retry_first=retry_first)

    async def close(self) -> None:
        """The stack forgets the routines with the connection."""
        await self._link.close()

    async def _register(self, key: K, entry: Entry[R]) -> None:
        """Returns when the stack has taken it; raises the stack's refusal."""
        before = self._entries.get(key)
        self._entries[key] = entry
        self._removed.pop(key, None)
        try:
            _check(await self._link.ask(self._add, entry.content))
        except BaseException:
            if before is None:
                self._entries.pop(key, None)
            else:
                self._entries[key] = before
            raise

    async def _unregister(self, key: K, removal: bytes) -> bool:
        """Whether the stack had it."""
        self._entries.pop(key, None)
        self._removed[key] = removal
        try:
            _check(await self._link.ask(self._remove, removal))
        except CyfsError as error:
            if error.code == ErrorCode.NOT_FOUND:
                return False
            raise
        finally:
            self._removed.pop(key, None)
        return True

    async def _register_again(self, session: WsSession) -> None:
        for removal in list(self._removed.values()):
            await session.ask(self._remove, removal)
        for key, entry in list(self._entries.items()):
            try:
                _check(await session.ask(self._add, entry.content))
            except CyfsError as error:
                if not session.open:
                    raise
                log.warning("the stack refuses %s: %s", key, error)

    async def _answer(self, packet: WsPacket) -> bytes:
        raise NotImplementedError


def _check(answer: bytes) -> None:
    members = values.read_object(answer, "the answer to a registration")
    if values.number(members, "err", 0, 0xFFFF):
        raise parse_error({"code": members["err"], "msg": members.get("msg")})
