"""The WebDAV handler on a tree in memory, asked as clients ask it."""

from __future__ import annotations

from unittest.mock import patch

from cyfs_edge.core.api.dav import DavApi
from cyfs_edge.host.worker import SystemRandom
from cyfs_edge.wire.dav import xml
from cyfs_edge.wire.dav.xml import Element
from cyfs_edge.wire.message import HttpRequest, HttpResponse
from tests.memory_server import MemoryReply, MemoryServer
from tests.unit.core.files.kit import Files

HOST = "memory"
LOCKINFO = (
    '<lockinfo xmlns="DAV:"><lockscope><{scope}/></lockscope><locktype><write/></locktype>'
    "<owner>somebody</owner></lockinfo>"
)


class Dav:
    def __init__(self, files: Files) -> None:
        self.files = files
        self.api = DavApi(files.tree, files.store.stat, files.clock, SystemRandom())
        self.server = MemoryServer(self._handle)

    async def _handle(self, request: HttpRequest) -> HttpResponse:
        return await self.api.handle(request, "/dav")

    async def ask(self, method: str, path: str, body: bytes | str | list[bytes] = b"", **headers: str) -> MemoryReply:
        """``path`` below the prefix, as sent; header names with ``_`` for ``-``, ``if_`` for If."""
        lines = [(name.rstrip("_").replace("_", "-"), value) for name, value in headers.items()]
        data = body.encode() if isinstance(body, str) else body
        return await self.server.request(method, f"/dav/{path}", lines, data)

    async def status(self, method: str, path: str, body: bytes | str | list[bytes] = b"", **headers: str) -> int:
        return (await self.ask(method, path, body, **headers)).status

    async def lock(self, path: str, scope: str = "exclusive", **headers: str) -> str:
        """Locks, and gives the token."""
        reply = await self.ask("LOCK", path, LOCKINFO.format(scope=scope), **headers)
        assert reply.status in (200, 201), reply
        token = reply.header("lock-token")
        assert token is not None
        return token

    async def props(self, path: str, *names: str, depth: str = "0") -> dict[str, dict[str, Element]]:
        """For each address the properties that were found, by local name."""
        asked = "".join(f"<{name}/>" for name in names)
        body = f'<propfind xmlns="DAV:"><prop>{asked}</prop></propfind>' if names else ""
        reply = await self.ask("PROPFIND", path, body, depth=depth)
        assert reply.status == 207, reply
        found: dict[str, dict[str, Element]] = {}
        for response in parse_xml_any(reply.body).children:
            href = text_of(response.child("href"))
            found[href] = {}
            for part in response.children:
                if part.name[1] == "propstat" and "200" in text_of(part.child("status")):
                    props = part.child("prop")
                    assert props is not None
                    found[href].update({prop.name[1]: prop for prop in props.children})
        return found


def parse_xml_any(data: bytes) -> Element:
    """Replies may be larger than requests."""
    with patch.object(xml, "XML_MAX", 1 << 30), patch.object(xml, "ELEMENTS_MAX", 1 << 30):
        return xml.parse_xml(data)


def text_of(element: Element | None) -> str:
    assert element is not None
    return "".join(item for item in element.content if isinstance(item, str))
