"""TLS at the door: only good handshakes make connections, and nobody holds up the others with bad ones."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cyfs_edge.host.certificate import Certificate, own_certificate
from cyfs_edge.net.http_server import HttpServer
from cyfs_edge.net.listen import listen_tcp
from cyfs_edge.net.tls_listener import TlsListener, TlsSettings, server_context
from cyfs_edge.wire.message import HttpRequest, HttpResponse
from tests.unit.net.http_client import QUICK, Client
from tests.unit.net.loops import both_loops, until


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return own_certificate(tmp_path_factory.mktemp("tls"), lambda: ["127.0.0.1"], datetime.now(UTC))


async def echo(request: HttpRequest) -> HttpResponse:
    assert request.peer.uid is None
    if (request.body.length or 0) > 1 << 20:
        return HttpResponse(401)
    return HttpResponse(200, [("x-listener", request.peer.listener)], await request.body.read(1 << 20))


@dataclass
class TlsServed:
    server: HttpServer
    listener: TlsListener
    port: int
    cert: Path

    def context(self) -> ssl.SSLContext:
        """Trusts this one certificate and no other."""
        return ssl.create_default_context(cafile=str(self.cert))

    @asynccontextmanager
    async def client(self, context: ssl.SSLContext | None = None) -> AsyncIterator[Client]:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=context or self.context(), server_hostname="localhost"
        )
        try:
            yield Client(reader, writer)
        finally:
            writer.transport.abort()

    @asynccontextmanager
    async def plain(self) -> AsyncIterator[Client]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield Client(reader, writer)
        finally:
            writer.transport.abort()


@asynccontextmanager
async def serving(certificate: Certificate, *, handshakes: int = 64, timeout: float = 10.0) -> AsyncIterator[TlsServed]:
    context = server_context(str(certificate.cert), str(certificate.key))
    server = HttpServer(echo, limits=QUICK)
    sock = listen_tcp("127.0.0.1", 0)
    await server.start(sock, listener="door", tls=TlsSettings(context, handshakes, timeout))
    (listener,) = server._listeners
    assert isinstance(listener, TlsListener)
    try:
        yield TlsServed(server, listener, sock.getsockname()[1], certificate.cert)
    finally:
        await server.close(0)
        sock.close()
        assert server.connections == 0
        assert listener.handshakes == 0


@both_loops
async def test_requests_over_tls(certificate: Certificate) -> None:
    data = os.urandom(900_000)
    async with serving(certificate) as served, served.client() as client:
        for _ in range(2):
            reply = await client.ask(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(data) + data)
            assert reply.status == 200
            assert reply.header("x-listener") == "door"
            assert reply.body == data
        tls = client.writer.get_extra_info("ssl_object")
        assert tls.version() == "TLSv1.3"


@both_loops
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
async def test_old_versions_and_weak_ciphers_are_refused(certificate: Certificate) -> None:
    async with serving(certificate) as served:
        modern = served.context()
        modern.maximum_version = ssl.TLSVersion.TLSv1_2
        async with served.client(modern) as client:
            assert (await client.ask(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")).status == 200
            name = client.writer.get_extra_info("cipher")[0]
            assert name.startswith("ECDHE-")
            assert "GCM" in name or "CHACHA20" in name
        old = served.context()
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        old.set_ciphers("DEFAULT:@SECLEVEL=0")
        weak = served.context()
        weak.maximum_version = ssl.TLSVersion.TLSv1_2
        weak.set_ciphers("ECDHE-ECDSA-AES128-SHA")
        for context in (old, weak):
            with pytest.raises((ssl.SSLError, ConnectionError)):
                async with served.client(context):
                    pass


@both_loops
async def test_plain_http_is_told_to_use_https(certificate: Certificate) -> None:
    async with serving(certificate) as served, served.plain() as client:
        await client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        reply = await client.reply()
        assert reply.status == 400
        assert b"https://" in reply.body
        assert await client.closed() == b""


@both_loops
async def test_what_is_neither_gets_nothing(certificate: Certificate) -> None:
    async with serving(certificate) as served:
        for data in (b"\x00\x01\x02", b"\x80" * 100, b"\x16" * 100):
            async with served.plain() as client:
                await client.send(data)
                # An alert of TLS may come, but nothing of ours.
                assert b"HTTP" not in await client.closed()
        async with served.client() as client:
            assert (await client.ask(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")).status == 200


@both_loops
async def test_a_handshake_that_takes_too_long_is_dropped(certificate: Certificate) -> None:
    async with serving(certificate, timeout=0.05) as served:
        for first in (b"", b"\x16\x03\x01\x02\x00"):
            async with served.plain() as client:
                if first:
                    await client.send(first)
                assert await client.closed() == b""
        await until(lambda: served.listener.handshakes == 0)
        assert served.server.connections == 0


@both_loops
async def test_slow_handshakes_make_room_for_others(certificate: Certificate) -> None:
    """The number of them is bounded, and the one that has waited longest goes."""
    async with serving(certificate, handshakes=4) as served:
        slow = []
        for _ in range(20):
            slow.append(await asyncio.open_connection("127.0.0.1", served.port))
        await until(lambda: served.listener.handshakes == 4)
        # The sixteen that came first are gone.
        for reader, _ in slow[:16]:
            assert await reader.read() == b""
        async with served.client() as client:
            assert (await client.ask(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")).status == 200
        for _, writer in slow:
            writer.transport.abort()


@both_loops
async def test_a_client_that_vanishes_in_its_handshake_leaves_nothing(certificate: Certificate) -> None:
    async with serving(certificate) as served:
        for first in (b"", b"\x16\x03\x01\x02\x00"):
            async with served.plain() as client:
                if first:
                    await client.send(first)
                await until(lambda: served.listener.handshakes == 1)
                client.abort()
            await until(lambda: served.listener.handshakes == 0)


@both_loops
async def test_many_at_once_hold_no_more_than_the_handshakes_that_are_allowed(certificate: Certificate) -> None:
    """All of them are in the queue of the socket before the first one is accepted."""
    sock = listen_tcp("127.0.0.1", 0)
    many = [socket.create_connection(sock.getsockname()) for _ in range(60)]
    before = len(os.listdir("/proc/self/fd"))
    context = server_context(str(certificate.cert), str(certificate.key))
    listener = TlsListener(sock, asyncio.Protocol, TlsSettings(context, handshakes=4))
    most = opened = 0
    for _ in range(200):
        await asyncio.sleep(0)
        most = max(most, listener.handshakes)
        opened = max(opened, len(os.listdir("/proc/self/fd")) - before)
    assert 4 <= most <= 5, "the newest comes before the oldest goes"
    assert opened <= 10, "a descriptor each, and what the loop has"
    listener.close()
    await listener.wait_closed()
    for one in (*many, sock):
        one.close()


@both_loops
async def test_closing_ends_handshakes_and_connections(certificate: Certificate) -> None:
    async with serving(certificate) as served, served.client() as client, served.plain() as slow:
        await client.ask(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await slow.send(b"\x16\x03\x01")
        await until(lambda: served.listener.handshakes == 1)
        await served.server.close(5)
        assert await client.closed() == b""
        assert await slow.closed() == b""
        with socket.socket() as later:
            later.settimeout(0.05)
            later.connect(("127.0.0.1", served.port))
            with pytest.raises(TimeoutError):
                later.recv(1)


@both_loops
async def test_a_reply_before_the_end_of_a_large_body_arrives(certificate: Certificate) -> None:
    """As a WebDAV client sends it, that has to be told to authenticate first."""
    async with serving(certificate) as served, served.client() as client:
        length = 4 << 20
        await client.send(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % length + bytes(100_000))
        reply = await client.reply()
        assert reply.status == 401
        assert reply.header("connection") == "close"


@both_loops
async def test_an_end_of_tls_in_the_middle_of_a_request(certificate: Certificate) -> None:
    async with serving(certificate) as served, served.client() as client:
        await client.send(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
        await until(lambda: served.server.connections == 1)
        client.writer.close()
        await until(lambda: served.server.connections == 0)
