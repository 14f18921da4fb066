"""``cyfs-edge events watch``: a listener of router events (docs/protocol/websocket.md §7)."""

from __future__ import annotations

import json
import secrets
import socket
import sys
from collections.abc import Iterator

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Ping,
    RejectConnection,
    Request,
)

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.cli.client import call_json
from cyfs_edge.cli.context import Context
from cyfs_edge.cli.exits import CliError, Exit
from cyfs_edge.cli.output import json_text, printable
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.wire.router_event import EventCategory
from cyfs_edge.wire.ws_packet import WsCommand, WsPacket, decode_packet

FIRST = -(1 << 31)
"""The index of a listener that is told before every other, so that none can keep an event from it."""
_CONNECT_S = 5.0


def watch(context: Context) -> int:
    """Prints each event as it comes, and leaves it to the other listeners; ``--limit`` ends it."""
    args = context.args
    client = context.connect_gateway()
    if client is None:
        raise CliError(
            ErrorCode.NOT_FOUND,
            f"No gateway is running on {context.root.path}.",
            Exit.NOT_FOUND,
            f"Start it: cyfs-edge run --root {context.root.path}",
        )
    try:
        address = call_json(client, "GET", "/control/status").get("ws")
    finally:
        client.close()
    host, _, port = str(address).rpartition(":")
    categories = list(EventCategory) if args.event is None else [EventCategory(args.event)]
    connection = WsClient(host.strip("[]"), int(port))
    try:
        _watch(context, connection, categories, args.limit)
    finally:
        connection.close()
    return Exit.OK


def _watch(context: Context, connection: WsClient, categories: list[EventCategory], left: int | None) -> None:
    out = context.out
    waiting = _listen(connection, categories)
    for packet in connection.packets():
        if packet.cmd == WsCommand.EVENT_EMIT:
            connection.send(WsPacket(packet.seq, WsCommand.ANSWER, b'{"handled":false,"call_next":true}'))
            event = json.loads(packet.content)
            request = json.loads(event["param"])["request"]
            if out.as_json:
                sys.stdout.write(json_text({"event": event["category"], "request": request}) + "\n")
            out.line(printable(f"{event['category']}  {json_text(request)}"))
            sys.stdout.flush()
            left = None if left is None else left - 1
            if left == 0:
                return
        elif packet.seq in waiting:
            _check_answer(packet)
            waiting.discard(packet.seq)
            if not waiting:
                out.note(f"Watching {', '.join(one.value for one in categories)}. Ctrl-C ends it.")
    raise CyfsError(ErrorCode.CONNECTION_ABORTED, "the gateway has stopped")


def _listen(connection: WsClient, categories: list[EventCategory]) -> set[int]:
    """Asks for the events. Gives the numbers of the requests, whose answers come among the first events."""
    name = f"cyfs-edge events watch {secrets.token_hex(8)}"
    for seq, category in enumerate(categories, 1):
        listener = {
            "category": category.value,
            "id": name,
            "dec_id": str(SYSTEM_DEC_ID),
            "routine": "",
            "index": str(FIRST),
        }
        connection.send(WsPacket(seq, WsCommand.EVENT_ADD, json.dumps(listener).encode()))
    return set(range(1, len(categories) + 1))


def _check_answer(packet: WsPacket) -> None:
    answer = json.loads(packet.content)
    code = int(answer.get("err") or answer.get("code") or 0)
    if code:
        raise CyfsError(code, str(answer.get("msg") or "the gateway refuses a listener"))


class WsClient:
    """A WebSocket of the gateway, one packet a message."""

    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.create_connection((host, port), _CONNECT_S)
        self._ws = WSConnection(ConnectionType.CLIENT)
        self._message = bytearray()
        try:
            self._socket.sendall(self._ws.send(Request(host=f"{host}:{port}", target="/")))
            self._accept()
        except BaseException:
            self._socket.close()
            raise
        # Events may be days apart.
        self._socket.settimeout(None)

    def send(self, packet: WsPacket) -> None:
        self._socket.sendall(self._ws.send(BytesMessage(packet.encode())))

    def packets(self) -> Iterator[WsPacket]:
        """Until the gateway closes the connection."""
        while True:
            for event in self._ws.events():
                if isinstance(event, BytesMessage):
                    self._message += event.data
                    if event.message_finished:
                        packet = decode_packet(self._message)
                        self._message = bytearray()
                        yield packet
                elif isinstance(event, Ping):
                    self._socket.sendall(self._ws.send(event.response()))
                elif isinstance(event, CloseConnection):
                    return
            data = self._socket.recv(65536)
            if not data:
                return
            self._ws.receive_data(data)

    def close(self) -> None:
        self._socket.close()

    def _accept(self) -> None:
        while True:
            data = self._socket.recv(65536)
            if data:
                self._ws.receive_data(data)
            for event in self._ws.events():
                if isinstance(event, AcceptConnection):
                    return
                if isinstance(event, RejectConnection):
                    raise CyfsError(ErrorCode.CONNECT_FAILED, f"the gateway answers status {event.status_code}")
            if not data:
                raise CyfsError(ErrorCode.CONNECT_FAILED, "the gateway closed the connection")
