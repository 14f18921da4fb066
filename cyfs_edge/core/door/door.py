"""The owner door as a whole: what it is made of, where it is, and what its administrator is told (docs/door.md)."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from cyfs_edge.core.door.api import DoorApi
from cyfs_edge.core.door.password import OwnerPassword
from cyfs_edge.core.door.sessions import DoorSessions
from cyfs_edge.core.shares.service import ShareService
from cyfs_edge.wire.config import DoorConfig

HTTPS_PORT = 443
HTTP_PORT = 80


@dataclass(slots=True)
class OwnerDoor:
    """``url``: what links begin with. ``listening``: addresses that are open now, none before a gateway has begun.

    ``certificate``: what is told of it, ``None`` while there is none.
    """

    config: DoorConfig
    api: DoorApi
    password: OwnerPassword
    sessions: DoorSessions
    shares: ShareService
    certificate: Callable[[], dict[str, object] | None]
    url: str
    listening: list[str] = field(default_factory=list)

    async def show(self) -> dict[str, object]:
        return {
            "enabled": self.config.enabled,
            "url": self.url,
            "listening": self.listening,
            "plain": self.config.plain,
            "password_set": await self.password.is_set(),
            "tokens": len(await self.sessions.tokens()),
            "certificate": None if self.config.plain else self.certificate(),
        }


def link_base(config: DoorConfig, port: int, addresses: Callable[[], Sequence[str]]) -> str:
    """What links to this box begin with: its first given name, else the address that it listens on.

    ``addresses``: of the machine, the best first; one of them stands for a door that listens on all.
    """
    scheme, usual = ("http", HTTP_PORT) if config.plain else ("https", HTTPS_PORT)
    host = config.host
    if config.names:
        host = config.names[0]
    elif ipaddress.ip_address(host).is_unspecified:
        host = next(iter(addresses()), "localhost")
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    return f"{scheme}://{host}" if port == usual else f"{scheme}://{host}:{port}"


def known_names(config: DoorConfig, own: Collection[str]) -> frozenset[str]:
    """The host names that requests may come under."""
    return frozenset(name.lower() for name in (*config.names, *own))
