"""What is registered with the stack over a WebSocket, and registered again after each reconnect
(docs/protocol/websocket.md §2.2, §5).
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Generic, TypeVar

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.net.ws_client import WsClient
from cyfs_edge.sdk.ws_link import RETRY_FIRST, WsLink
from cyfs_edge.wire import json_values as values
from cyfs_edge.wire.handler import check_result
from cyfs_edge.wire.json_values import Members
from cyfs_edge.wire.ws_packet import WsCommand, WsPacket

log = logging.getLogger(__name__)

K = TypeVar("K")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Entry(Generic[R]):
    """``content``: the registration as it is sent."""

    routine: R
    content: bytes


class Registrations(ABC, Generic[K, R]):
    """One connection of its own, opened with the first registration: the stack calls back on the one it came by."""

    __slots__ = ("_add", "_entries", "_link", "_remove", "_removed", "_taken")

    def __init__(
        self, host: str, port: int, add: WsCommand, remove: WsCommand, *, retry_first: float = RETRY_FIRST
    ) -> None:
        self._add = add
        self._remove = remove
        self._entries: dict[K, Entry[R]] = {}
        self._taken: set[K] = set()
        """What the stack has agreed to, and is told again on the next connection."""
        self._removed: dict[K, bytes] = {}
        self._link = WsLink(host, port, self._answer, self._register_again, retry_first=retry_first)

    async def close(self) -> None:
        """The stack forgets the routines with the connection."""
        await self._link.close()

    async def _register(self, key: K, routine: R, registration: Members) -> None:
        """Returns when the stack has taken it; raises the stack's refusal."""
        before = self._entries.get(key)
        entry = self._entries[key] = Entry(routine, values.write(registration).encode())
        self._removed.pop(key, None)
        try:
            check_result(await self._link.ask(self._add, entry.content))
            self._taken.add(key)
        except BaseException:
            if before is None:
                self._entries.pop(key, None)
            else:
                self._entries[key] = before
            raise

    async def _unregister(self, key: K, name: Members) -> bool:
        """Whether the stack had it."""
        self._entries.pop(key, None)
        self._taken.discard(key)
        removal = self._removed[key] = values.write(name).encode()
        try:
            check_result(await self._link.ask(self._remove, removal))
        except CyfsError as error:
            if error.code == ErrorCode.NOT_FOUND:
                return False
            raise
        finally:
            self._removed.pop(key, None)
        return True

    async def _register_again(self, client: WsClient) -> None:
        for removal in list(self._removed.values()):
            await client.ask(self._remove, removal)
        for key in list(self._taken):
            entry = self._entries.get(key)
            if entry is None:
                continue  # removed meanwhile
            try:
                check_result(await client.ask(self._add, entry.content))
            except CyfsError as error:
                if not client.open:
                    raise
                log.warning("the stack refuses %s: %s", key, error)

    @abstractmethod
    async def _answer(self, packet: WsPacket) -> bytes:
        """The content of the answer to a call of the stack."""
