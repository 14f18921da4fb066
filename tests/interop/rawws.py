"""A plain WebSocket client: packets out in one binary message each, messages in with the sizes of their frames."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from .rawhttp import Address, Connection, Observed

HTTP_COMMAND = 21
ERROR_COMMAND = 65535
HEADER = 10
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet of the protocol (docs/protocol/websocket.md §2)."""

    sequence: int
    command: int
    content: bytes

    def encode(self) -> bytes:
        numbers = self.sequence.to_bytes(2, "big") + self.command.to_bytes(2, "big")
        return b"\x88\x01" + numbers + len(self.content).to_bytes(4, "big") + self.content

    @staticmethod
    def decode(data: bytes) -> Packet:
        assert data[:2] == b"\x88\x01", data[:HEADER]
        assert int.from_bytes(data[6:10], "big") == len(data) - HEADER
        return Packet(int.from_bytes(data[2:4], "big"), int.from_bytes(data[4:6], "big"), data[HEADER:])


class WsConnection:
    """One WebSocket. ``frame_sizes``: the payload sizes of all frames received so far.

    ``handshake``: the reply that opened it.
    """

    def __init__(self, address: Address, wait: float = 10.0) -> None:
        self.http = Connection(address, wait)
        self.http.send(HANDSHAKE)
        reply = self.http.read_reply(wait)
        assert reply.status == 101, reply
        self.handshake = reply
        self.socket = self.http.socket
        self.socket.settimeout(wait)
        self.frame_sizes: list[int] = []

    def __enter__(self) -> WsConnection:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, packet: Packet) -> None:
        self.socket.sendall(frame(packet.encode()))

    def receive(self) -> Packet:
        """The next packet; control frames in between are skipped. Raises ``TimeoutError``, ``EOFError``."""
        message = b""
        while True:
            first, size = read_exactly(self.socket, 2)
            if size > 125:
                size = int.from_bytes(read_exactly(self.socket, 2 if size == 126 else 8), "big")
            payload = read_exactly(self.socket, size)
            if first & 0x0F >= 8:
                continue
            self.frame_sizes.append(size)
            message += payload
            if first & 0x80:
                return Packet.decode(message)

    def ask(self, request: bytes, sequence: int = 1) -> Observed:
        """One HTTP request and the HTTP reply to it."""
        self.send(Packet(sequence, HTTP_COMMAND, request))
        packet = self.receive()
        assert packet.sequence == sequence
        return http_reply(packet)


def http_reply(packet: Packet) -> Observed:
    """The HTTP reply in an answer packet; the answer to no request (command 65535) counts as broken."""
    if packet.command != 0:
        return Observed("broken", body=packet.content)
    head, _, body = packet.content.partition(b"\r\n\r\n")
    status_line, *lines = head.decode("latin-1").split("\r\n")
    headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))
    return Observed("reply", status_line, headers, body, head)


def frame(payload: bytes, opcode: int = 2, fin: int = 0x80) -> bytes:
    """One client frame, masked with zeros."""
    length = len(payload)
    if length < 126:
        size = bytes([0x80 | length])
    else:
        size = b"\xfe" + length.to_bytes(2, "big") if length < 65536 else b"\xff" + length.to_bytes(8, "big")
    return bytes([fin | opcode]) + size + bytes(4) + payload


def read_exactly(source: socket.socket, length: int) -> bytes:
    """``length`` bytes; ``EOFError`` if the peer ends before."""
    pieces = []
    while length:
        piece = source.recv(min(length, 1 << 20))
        if not piece:
            raise EOFError("the connection ended")
        pieces.append(piece)
        length -= len(piece)
    return b"".join(pieces)
