"""``cyfs-edge events watch``: a listener of router events (docs/protocol/websocket.md §7)."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.cli.client import call_json
from cyfs_edge.cli.context import Context
from cyfs_edge.cli.exits import CliError, Exit
from cyfs_edge.cli.output import json_text, printable
from cyfs_edge.net.ws_client import WsClient
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.wire.handler import check_result
from cyfs_edge.wire.router_event import (
    EventAnswer,
    EventCategory,
    EventKey,
    event_answer_json,
    event_registration_json,
)
from cyfs_edge.wire.ws_packet import WsCommand, WsPacket

FIRST = -(1 << 31)
"""The index of a listener that is told before every other, so that none can keep an event from it."""


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
    asyncio.run(_watch(context, (host.strip("[]"), int(port)), categories))
    return Exit.OK


async def _watch(context: Context, address: tuple[str, int], categories: list[EventCategory]) -> None:
    left = context.args.limit
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    """The limit is reached, or nobody takes what is printed."""

    async def show(packet: WsPacket) -> bytes:
        nonlocal left
        if not ended.done():
            try:
                _print(context, packet)
            except OSError as error:
                ended.set_exception(error)
            left = None if left is None else left - 1
            if left == 0 and not ended.done():
                ended.set_result(None)
        return event_answer_json(EventAnswer(handled=False, call_next=True))

    client = await WsClient.connect(*address, show)
    reading = asyncio.create_task(client.run())
    try:
        name = f"cyfs-edge events watch {secrets.token_hex(8)}"
        for category in categories:
            listener = event_registration_json(EventKey(category, name, SYSTEM_DEC_ID), FIRST)
            check_result(await client.ask(WsCommand.EVENT_ADD, json.dumps(listener).encode()))
        context.out.note(f"Watching {', '.join(one.value for one in categories)}. Ctrl-C ends it.")
        await asyncio.wait({reading, ended}, return_when=asyncio.FIRST_COMPLETED)
        if not ended.done():
            raise CyfsError(ErrorCode.CONNECTION_ABORTED, "the gateway has stopped")
        ended.result()
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


def _print(context: Context, packet: WsPacket) -> None:
    event = json.loads(packet.content)
    request = json.loads(event["param"])["request"]
    if context.out.as_json:
        sys.stdout.write(json_text({"event": event["category"], "request": request}) + "\n")
    context.out.line(printable(f"{event['category']}  {json_text(request)}"))
    sys.stdout.flush()
