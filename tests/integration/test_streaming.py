"""Large data through a real gateway: a file of 4 GB comes out and chunks go in while memory stays flat."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import samples
from bench.gateway import Gateway, gateway
from cyfs_edge.base.ids import ChunkId
from cyfs_edge.objects.file import make_file

CHUNK = 4 << 20
FLAT = 16 << 20
"""Growth that is allowed: the buffers of a few chunks under way, not the data."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Gateway]:
    with gateway(tmp_path) as running:
        yield running


def exchange(connection: socket.socket, request: bytes) -> tuple[int, Iterator[bytes]]:
    """Sends a request; status and the body in pieces."""
    connection.sendall(request)
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, rest = data.partition(b"\r\n\r\n")
    length = next(int(line[16:]) for line in head.split(b"\r\n") if line.startswith(b"content-length: "))

    def body() -> Iterator[bytes]:
        left, piece = length, rest
        while left:
            if not piece:
                piece = connection.recv(1 << 20)
                assert piece, f"{left} bytes missing"
            left -= len(piece)
            yield piece
            piece = b""

    return int(head[9:12]), body()


def test_a_4_gb_file_comes_out(node: Gateway) -> None:
    """One chunk listed 1,024 times makes a file of 4 GiB without filling the disk; it is sent from the store's file."""
    data = os.urandom(CHUNK)
    count = 1024
    digest = hashlib.sha256()
    for _ in range(count):
        digest.update(data)
    file = make_file(
        node.owner, CHUNK * count, digest.digest(), [ChunkId.of_data(data)] * count, update_time=samples.NOW
    )
    with socket.create_connection(node.address) as connection:
        for request in (samples.put_chunk(data), samples.put_object(file)):
            status, body = exchange(connection, request)
            assert (status, b"".join(body)) == (200, b"")
        before = node.resident()
        status, body = exchange(connection, samples.get_chunk(file.object_id))
        assert status == 200
        got, length, peak = hashlib.sha256(), 0, 0
        for piece in body:
            got.update(piece)
            if length // (256 << 20) != (length + len(piece)) // (256 << 20):
                peak = max(peak, node.resident())
            length += len(piece)
    assert (length, got.digest()) == (CHUNK * count, digest.digest())
    assert peak - before < FLAT


def test_chunks_go_in(node: Gateway) -> None:
    """256 MiB in distinct chunks (4 GiB with CYFS_EDGE_LONG_TESTS): what was sent does not stay in memory."""
    count = 1024 if os.environ.get("CYFS_EDGE_LONG_TESTS") else 64
    chunks = samples.random_chunks(CHUNK)
    with socket.create_connection(node.address) as connection:
        sizes = []
        for number in range(count):
            status, body = exchange(connection, samples.put_chunk(next(chunks)))
            assert (status, b"".join(body)) == (200, b"")
            if number % 16 == 15:
                sizes.append(node.resident())
    assert sizes[-1] - sizes[0] < FLAT
