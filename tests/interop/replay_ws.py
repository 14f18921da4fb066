"""Replays the frames of the group ``ws``: packets both ways over WebSockets, with HTTP requests that run at the time.

What an item gave becomes one reply, which is compared like any other: an answer to cmd 21 is the HTTP reply in it, any
other answer has status 200, an error packet 500, and the content as body. Where the server asks (handler calls), its
packet is part of the item's outcome as ``event``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .compare import Difference, compare
from .rawhttp import Address, Connection, Observed
from .rawws import ERROR_COMMAND, HEADER, HTTP_COMMAND, Packet, WsConnection, frame, http_reply
from .recorded import VECTORS, Body, Item, Recording, Reply, Request, read_item
from .replay import Outcome, Replay
from .replay_strict import STRICT, replay_strict

REMOVE_COMMAND = 12
UNKNOWN_COMMAND = 77
PROBE = 60_000
"""The number of requests that only find out whether anything else was sent before their answer."""


@dataclass(frozen=True, slots=True)
class Frame:
    """``text``: sent as a text message. ``data``: the whole packet."""

    from_server: bool
    data: bytes
    text: bool

    @property
    def packet(self) -> Packet:
        """Without a look at the magic and the length: some frames lie."""
        numbers = self.data[:HEADER]
        return Packet(int.from_bytes(numbers[2:4], "big"), int.from_bytes(numbers[4:6], "big"), self.data[HEADER:])


@dataclass(frozen=True, slots=True)
class WsItem:
    """``item``: what is compared in the end. ``http``: it is the reply to a request beside the frames."""

    item: Item
    connection: str | None
    frames: tuple[Frame, ...]
    http: bool
    handshake: bool
    raw: bool


def load_ws(path: Path = VECTORS / "http-replies.json") -> list[WsItem]:
    """The items of the group, in order."""
    entries = json.loads(path.read_text(encoding="utf-8"))["items"]
    return [_ws_item(entry) for entry in entries if entry["group"] == "ws"]


def _ws_item(entry: dict[str, Any]) -> WsItem:
    frames = tuple(
        Frame(f["dir"].startswith("server"), bytes.fromhex(f["hex"]), f.get("text_message", False))
        for f in entry.get("frames", ())
    )
    beside = entry.get("http")
    if beside is not None:
        volatile = [name.removeprefix("http.") for name in entry["volatile"]]
        item = read_item({**entry, "request": beside["request"], "reply": beside["reply"], "volatile": volatile})
    elif "request" in entry:
        item = read_item(entry)
    else:
        item = Item(entry["name"], "ws", "ws", entry["n"], Request(), (_recorded(frames, entry),), {}, {})
    return WsItem(
        item,
        entry.get("conn"),
        frames,
        beside is not None or entry["transport"] == "http",
        entry["name"].endswith(".handshake"),
        entry["transport"] == "tcp",
    )


def _recorded(frames: Sequence[Frame], entry: dict[str, Any]) -> Reply:
    if "no_answer" in entry:
        return Reply({"closed": "closed", "nothing within the wait": "silent"}[entry["no_answer"]])
    seen = _observed(frames[1].packet, frames[0].packet.command)
    return Reply(
        "reply",
        seen.status_line,
        seen.headers,
        Body(len(seen.body), seen.body, ""),
        frozenset({"header:date", "body.msg"}),
    )


def _observed(packet: Packet, asked: int) -> Observed:
    if asked == HTTP_COMMAND and packet.command != ERROR_COMMAND:
        return http_reply(packet)
    status = "WS 500 error" if packet.command == ERROR_COMMAND else "WS 200 answer"
    kind = (("content-type", "application/json"),)
    return Observed("reply", status, kind, packet.content)


class FrameReplay:
    """One run of the group against a gateway that listens at ``http`` and ``ws``."""

    def __init__(self, recording: Recording, http: Address, ws: Address, root: str, files: Path) -> None:
        self._replay = Replay(recording, http, root, files)
        self._http = http
        self._ws = ws
        self._connections: dict[str, WsConnection] = {}

    def run(self, items: Sequence[WsItem]) -> Iterator[Outcome]:
        last = {one.connection: index for index, one in enumerate(items)}
        with ThreadPoolExecutor(1) as pool:
            for index, one in enumerate(items):
                yield self._one(one, pool)
                if index and items[index - 1].item.name == f"{one.item.name}.add":
                    self._remove(items[index - 1])
                if one.connection is not None and last[one.connection] == index:
                    self._connections.pop(one.connection).socket.close()

    def _one(self, one: WsItem, pool: ThreadPoolExecutor) -> Outcome:
        if one.raw:
            return self._compared(one, self._raw(one.item))
        if one.connection is None:
            (outcome,) = self._replay.run([one.item])
            return outcome
        if one.handshake:
            self._connections[one.connection] = connection = WsConnection(self._ws)
            return self._compared(one, connection.handshake)
        connection = self._connections[one.connection]
        if one.http:
            running = pool.submit(lambda: list(self._replay.run([one.item])))
            return self._called(one, connection, running)
        sent = one.frames[0]
        connection.socket.sendall(frame(sent.data, opcode=1 if sent.text else 2))
        return self._compared(one, self._answer(one, connection))

    def _remove(self, added: WsItem) -> None:
        """The removal that followed each handler of a chain, which is not in the recording."""
        assert added.connection is not None
        sent = added.frames[0].packet
        key = {name: json.loads(sent.content)[name] for name in ("chain", "category", "id", "dec_id")}
        connection = self._connections[added.connection]
        connection.send(Packet(sent.sequence + 1, REMOVE_COMMAND, json.dumps(key).encode()))
        assert connection.receive().content == b'{"err":"0"}'

    def _raw(self, item: Item) -> Observed:
        with Connection(self._ws) as connection:
            connection.send(item.request.encode())
            return connection.read_reply()

    def _answer(self, one: WsItem, connection: WsConnection) -> Observed:
        if one.item.replies[0].outcome == "silent":
            return self._probe(connection)
        try:
            packet = connection.receive()
        except EOFError:
            return Observed("closed")
        sent = one.frames[0].packet
        assert packet.sequence == sent.sequence, (one.item.name, packet)
        return _observed(packet, sent.command)

    def _probe(self, connection: WsConnection) -> Observed:
        """``silent`` if the next thing that comes is the answer to a request made now."""
        connection.send(Packet(PROBE, UNKNOWN_COMMAND, b"{}"))
        packet = connection.receive()
        return Observed("silent") if packet.sequence == PROBE else _observed(packet, packet.command)

    def _called(self, one: WsItem, connection: WsConnection, running: Future[list[Outcome]]) -> Outcome:
        """An HTTP request with the handler call that it leads to, or leads to none."""
        found: list[Difference] = []
        if one.frames:
            call = connection.receive()
            found += _event_differences(one.frames[0].packet, call)
            answer = one.frames[1].packet
            connection.send(Packet(call.sequence, answer.command, answer.content))
        (outcome,) = running.result()
        if not one.frames and self._probe(connection).outcome != "silent":
            found.append(Difference("event", "none", "a packet"))
        return replace(outcome, differences=(*outcome.differences, *found))

    def _compared(self, one: WsItem, got: Observed) -> Outcome:
        recorded = one.item.replies[0]
        found = compare(recorded, got, self._replay.machine, one.item.name)
        return Outcome(one.item.name, one.item, recorded, got, tuple(found))


def _event_differences(wanted: Packet, given: Packet) -> Iterator[Difference]:
    """The call of a handler: the same members; texts of errors, signatures and cipher text are free."""
    if wanted.command != given.command:
        yield Difference("event.cmd", str(wanted.command), str(given.command))
        return
    recorded, got = (_event(packet.content) for packet in (wanted, given))
    if recorded != got:
        yield Difference("event", json.dumps(recorded), json.dumps(got))
    if recorded == got and "response" not in recorded["param"] and wanted.content != given.content:
        yield Difference("event{form}", wanted.content.decode(), given.content.decode("utf-8", "replace"))


def _event(content: bytes) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(content)
    event["param"] = json.loads(event["param"])
    reply = event["param"].get("response", {})
    reply.get("error", {}).pop("msg", None)
    if event["category"] in ("sign_object", "encrypt_data") and "value" in reply:
        value = reply["value"].get("object", reply["value"])
        for name in {"object_raw", "data"} & value.keys():
            value[name] = len(value[name])
    return event


def replay_all(
    recording: Recording, http: Address, ws: Address, root: str, files: Path, groups: Sequence[str]
) -> list[Outcome]:
    """Every item of the groups, in the order of the recording."""
    outcomes = list(Replay(recording, http, root, files).run(recording.of(tuple(set(groups) - {STRICT}))))
    if STRICT in groups:
        outcomes += replay_strict(recording, files)
    if "ws" in groups:
        outcomes += FrameReplay(recording, http, ws, root, files).run(load_ws())
    return outcomes
