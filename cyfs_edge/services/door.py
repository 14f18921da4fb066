"""Opens the owner door: its sockets, its certificate, and what goes on behind it (docs/door.md). Wiring only."""

from __future__ import annotations

import logging
import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from cyfs_edge.base.errors import CyfsError
from cyfs_edge.core.door.api import LOGIN
from cyfs_edge.core.door.door import HTTPS_PORT, known_names, link_base
from cyfs_edge.host.addresses import own_addresses, own_names
from cyfs_edge.host.certificate import Certificate, door_certificate
from cyfs_edge.net.handed_sockets import handed_sockets
from cyfs_edge.net.http_limits import HttpLimits
from cyfs_edge.net.http_server import HttpServer
from cyfs_edge.net.listen import listen_tcp
from cyfs_edge.stack import Stack
from cyfs_edge.wire.config import Config
from cyfs_edge.wire.door import LISTENER, check_host, host_name, with_safe_headers
from cyfs_edge.wire.errors import error_to_response
from cyfs_edge.wire.message import HttpHandler, HttpRequest, HttpResponse

SOCKET_NAME, PLAIN_SOCKET_NAME = "door", "door-plain"
_log = logging.getLogger("cyfs.door")


class DoorSockets:
    """Bound before the store is opened: a busy port is told at once, and nothing has to be undone.

    Sockets from systemd go before the configured address: its units say where the door is.
    """

    def __init__(self, config: Config) -> None:
        handed = handed_sockets(os.environ) if config.door.enabled else {}
        self.main = handed.pop(SOCKET_NAME, [])
        self.plain = handed.pop(PLAIN_SOCKET_NAME, [])
        for sock in (one for socks in handed.values() for one in socks):
            sock.close()
        self.handed = bool(self.main or self.plain)
        if config.door.enabled and not self.handed:
            door = config.door
            self.main = [listen_tcp(door.host, door.port, allow_non_loopback=True, option="port in [door]")]

    def close(self) -> None:
        for sock in (*self.main, *self.plain):
            sock.close()


async def open_door(node: Stack, sockets: DoorSockets, limits: HttpLimits) -> tuple[list[HttpServer], list[str]]:
    """The running servers, and what there is to say about them. Without sockets there is no door."""
    config = node.config.door
    if not (sockets.main or sockets.plain):
        return [], []
    site = node.door.api.site
    site.names = known_names(config, own_names())
    site.scheme = "http" if config.plain else "https"
    door = HttpServer(_logging_log_ins(node.door.api.handle), limits=limits)
    servers = [door]
    told: list[str] = []
    if config.plain:
        for sock in (*sockets.main, *sockets.plain):
            await door.start(sock, listener=LISTENER)
        _log.warning("the owner door speaks HTTP without TLS: whoever is in its network can read passwords and files")
        port = _port((sockets.main or sockets.plain)[0])
    else:
        from cyfs_edge.net.tls_listener import TlsSettings, server_context

        certificate = door_certificate(Path(node.config.root), config, datetime.now(UTC))
        context = server_context(str(certificate.cert), str(certificate.key))
        site.hsts = not certificate.self_signed
        for sock in sockets.main:
            await door.start(sock, listener=LISTENER, tls=TlsSettings(context))
        port = _port(sockets.main[0]) if sockets.main else HTTPS_PORT
        if sockets.plain:
            leads = HttpServer(_leading_to(port, node, certificate), limits=limits)
            servers.append(leads)
            for sock in sockets.plain:
                await leads.start(sock, listener=LISTENER)
        told.append(f"certificate sha256 {certificate.fingerprint}")
    node.door.url = link_base(config, port, own_addresses)
    node.door.listening = [_address(sock) for sock in (*sockets.main, *sockets.plain)]
    node.addresses["door"] = node.door.listening[0]
    told.insert(0, f"owner door {node.door.url}")
    if not await node.door.password.is_set():
        told.append("no password is set: `cyfs-edge door password` sets one")
    return servers, told


async def keep_shares(node: Stack) -> None:
    """Ends shares when they expire, for as long as the gateway runs."""
    await node.door.shares.keep_swept(lambda error: _log.warning("an expired share was not ended: %s", error.message))


def _logging_log_ins(handler: HttpHandler) -> HttpHandler:
    """Tells the log who got in, and who tried: what is refused for coming too early is not worth a line each."""

    async def handle(request: HttpRequest) -> HttpResponse:
        response = await handler(request)
        if request.method == "POST" and request.target == LOGIN:
            if response.status == 200:
                _log.info("the owner has logged in from %s", request.peer.address)
            elif response.status == 401:
                _log.warning("a log-in from %s failed: wrong password", request.peer.address)
        return response

    return handle


def _leading_to(port: int, node: Stack, certificate: Certificate) -> HttpHandler:
    """The handler of the plain port: says where the door is, and leads there."""

    async def handle(request: HttpRequest) -> HttpResponse:
        try:
            check_host(request.headers, node.door.api.site.names)
        except CyfsError as error:
            return with_safe_headers(error_to_response(error))
        suffix = "" if port == HTTPS_PORT else f":{port}"
        location = f"https://{host_name(request.headers)}{suffix}{quote(request.target, safe='/?&=%~')}"
        text = (
            f"This box speaks HTTPS: {location}\n"
            "It shows a certificate of its own. Before you accept it, compare its SHA-256 fingerprint:\n"
            f"{certificate.fingerprint}\n"
        )
        status = 308 if request.method in ("GET", "HEAD") else 403
        lines = [("content-type", "text/plain; charset=utf-8")]
        if status == 308:
            lines.append(("location", location))
        return with_safe_headers(HttpResponse(status, lines, text.encode()))

    return handle


def _port(sock: socket.socket) -> int:
    port: int = sock.getsockname()[1]
    return port


def _address(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
