"""Files that the kernel sends, past the transport: in their turn, at the pace of the reader, or copied after all."""

from __future__ import annotations

import asyncio
import ctypes
import datetime
import os
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cyfs_edge.net.http_connection import HttpConnection
from cyfs_edge.net.sending import DIRECT_PIECE, FILE_PIECE
from cyfs_edge.wire.message import BodyFile, BodyStream, HttpRequest, HttpResponse
from tests.unit.net.http_client import Client, Served, quick, serving
from tests.unit.net.loops import both_loops, until

GET = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
SIZE = DIRECT_PIECE + FILE_PIECE
SLOW_READERS = 200


class Files:
    """Opens ``path`` for a reply, and knows how many are open."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.open = 0

    def body(self, start: int = 0, end: int = SIZE) -> BodyFile:
        fd = os.open(self.path, os.O_RDONLY)
        self.open += 1

        def close() -> None:
            self.open -= 1
            os.close(fd)

        return BodyFile(fd, start, end, close)

    async def handler(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], self.body())


def made(tmp_path: Path) -> tuple[Files, bytes]:
    data = os.urandom(SIZE)
    (tmp_path / "file").write_bytes(data)
    return Files(tmp_path / "file"), data


@both_loops
async def test_a_file_comes_whole_and_in_its_turn(tmp_path: Path) -> None:
    """Heads, files, bytes and ranges of one pipeline, none of which is read before all are asked for."""
    files, data = made(tmp_path)

    async def pieces() -> AsyncIterator[bytes | BodyFile]:
        yield files.body(1, FILE_PIECE * 3)
        yield b"between"
        yield files.body(5, SIZE)

    async def handler(request: HttpRequest) -> HttpResponse:
        if request.target == "/file":
            return HttpResponse(200, [], files.body())
        length = FILE_PIECE * 3 - 1 + 7 + SIZE - 5
        return HttpResponse(200, [], BodyStream(length, pieces()) if request.target == "/mixed" else b"small")

    mixed = data[1 : FILE_PIECE * 3] + b"between" + data[5:]
    targets = {"/small": b"small", "/file": data, "/mixed": mixed}
    order = ["/small", "/file", "/file", "/mixed", "/small", "/mixed", "/file"]
    async with serving(handler) as served, served.client() as client:
        for target in order:
            await client.send(GET.replace(b"/ ", target.encode() + b" "))
        for target in order:
            assert (await client.reply()).body == targets[target]
    await until(lambda: not files.open)  # threads may work with it until just now


@both_loops
async def test_slow_readers_hold_no_memory(tmp_path: Path) -> None:
    """Two hundred that ask for a file and read nothing: none of it waits in this process."""
    files, data = made(tmp_path)
    async with serving(files.handler) as served:
        before = resident()
        clients = [await asking(served) for _ in range(SLOW_READERS)]
        connections = served.server._connections
        await until(lambda: sum(1 for one in connections if one._outlet._blocked) == SLOW_READERS)
        assert sum(one._transport.get_write_buffer_size() for one in connections) == 0
        assert resident() - before < SLOW_READERS * FILE_PIECE
        async with served.client() as quick_one:
            assert (await quick_one.ask(GET)).body == data
        for one in clients:
            one.close()
        await until(lambda: not served.server.connections)
    await until(lambda: not files.open)  # threads may work with it until just now


async def asking(served: Served) -> socket.socket:
    """A client that has asked and reads nothing."""
    sock = socket.create_connection(("127.0.0.1", served.port))
    sock.sendall(GET)
    await asyncio.sleep(0)
    return sock


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@both_loops
async def test_who_takes_nothing_of_a_file_is_dropped(tmp_path: Path) -> None:
    files, _ = made(tmp_path)
    files.path.write_bytes(b"")
    os.truncate(files.path, 1 << 30)

    async def handler(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], files.body(end=1 << 30))

    async with serving(handler, quick(send_stall=0.1)) as served:
        sock = await asking(served)
        await until(lambda: files.open)
        await until(lambda: not served.server.connections)
        sock.close()
    await until(lambda: not files.open)  # threads may work with it until just now


@both_loops
async def test_a_file_that_ends_early_breaks_the_connection(tmp_path: Path) -> None:
    files, data = made(tmp_path)

    async def handler(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], files.body(end=SIZE + 1))

    async with serving(handler) as served, served.client() as client:
        await client.send(GET)
        await client.head()
        assert data.startswith(await client.closed())
    await until(lambda: not files.open)  # threads may work with it until just now


@both_loops
async def test_what_the_kernel_cannot_send_is_copied() -> None:
    """``/proc/self/mem`` can be read and not be sent."""
    data = ctypes.create_string_buffer(os.urandom(FILE_PIECE * 2 + 1), FILE_PIECE * 2 + 1)
    start = ctypes.addressof(data)
    fd = os.open("/proc/self/mem", os.O_RDONLY)

    async def handler(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], BodyFile(fd, start, start + len(data), lambda: os.close(fd)))

    async with serving(handler) as served, served.client() as client:
        assert (await client.ask(GET)).body == data.raw


@both_loops
async def test_over_tls_files_are_copied(tmp_path: Path) -> None:
    files, data = made(tmp_path)
    server_side, client_side = tls(tmp_path)
    async with serving(files.handler) as served:
        listener = await asyncio.get_running_loop().create_server(
            lambda: HttpConnection(served.server, "http-local"), "127.0.0.1", 0, ssl=server_side
        )
        reader, writer = await asyncio.open_connection(*listener.sockets[0].getsockname(), ssl=client_side)
        client = Client(reader, writer)
        for _ in range(2):
            assert (await client.ask(GET)).body == data
        writer.close()
        await until(lambda: not served.server.connections)
        listener.close()
    await until(lambda: not files.open)  # threads may work with it until just now


def tls(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Contexts of a server with a certificate of its own and of a client that asks for none."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime(2026, 1, 1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=36500))
        .sign(key, hashes.SHA256())
    )
    path = folder / "tls.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    return server, client
