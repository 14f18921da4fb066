"""What both official SDKs send, as they sent it: each request of our services gets the protocol's answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.gateway_process import GatewayProcess

from . import exchanges
from .exchange_checks import Own, error
from .exchanges import Exchange, expectation, put_in
from .exchanges_state import RECORDED_SIDS, same_form, sids_of
from .rawhttp import Connection, Observed
from .rawhttp import exchange as send
from .rawws import HTTP_COMMAND, Packet, WsConnection
from .recorded import Recording
from .replay import device_parts

REQUESTS, IDS = exchanges.load()
SDKS = ("0.6.0", "0.5.8")
HANDLER_CALL = 13
ADD_EVENT = "router_events.add zone_role_changed (ws)"
NOT_SERVED = ("sync.",)


def own_of(run: int, recording: Recording) -> Own:
    ids = IDS[run]
    return Own(
        device_id=recording.identity["device"],
        owner_id=recording.identity["people"],
        text_id=ids["text"],
        text_raw=bytes.fromhex(ids["text_raw"]),
        chunk_id=ids["chunk"],
        device_desc=device_parts(recording)[0],
    )


class Client:
    """Sends the requests of one run in their order; a WebSocket lives as long as the recorded one did."""

    def __init__(self, gateway: GatewayProcess, values: dict[str, str], system_dec: dict[str, str]) -> None:
        self._gateway = gateway
        self._values = values
        self._system_dec = system_dec
        self._sockets: dict[int, WsConnection] = {}
        self._host = f"{gateway.http[0]}:{gateway.http[1]}"

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._sockets.values():
            connection.socket.close()

    def perform(self, item: Exchange) -> Observed:
        if item.packet is None:
            values = {**self._values, **(self._system_dec if item.label == "crypto.sign_object" else {})}
            got = send(self._gateway.http, item.encode(values, self._host))
            if item.label in RECORDED_SIDS and got.status == 200:
                self._values.update(sids_of(RECORDED_SIDS[item.label], got))
            return got
        connection = self._sockets.get(item.connection)
        if connection is None:
            connection = self._sockets[item.connection] = WsConnection(self._gateway.ws)
        if item.packet.command == HTTP_COMMAND:
            return connection.ask(put_in(item.packet.content, self._values), item.packet.sequence)
        if item.packet.command == 0:
            return self._answer(item, connection)
        return self._told(connection, item.packet)

    def _told(self, connection: WsConnection, packet: Packet) -> Observed:
        connection.send(Packet(packet.sequence, packet.command, put_in(packet.content, self._values)))
        answer = connection.receive()
        assert (answer.sequence, answer.command) == (packet.sequence, 0), answer
        return Observed("packet", body=answer.content)

    def _answer(self, item: Exchange, connection: WsConnection) -> Observed:
        """Makes the gateway ask what it asked in the recording, answers as recorded; gives what becomes of that."""
        assert item.packet is not None
        assert item.asked is not None
        recorded = json.loads(put_in(item.asked.content, self._values))
        if item.asked.command == HANDLER_CALL:
            asker = Connection(self._gateway.http)
            asker.send(self._post(json.loads(recorded["param"])["request"]))
            exact = {"chain", "category", "id", "req_path", "device", "zone_category", "level", "object_raw"}
        else:
            asker = Connection(str(self._gateway.root / "run" / "gateway.sock"))
            # An administrator can send a test event only.
            self._told(connection, as_test_event(next(e for e in REQUESTS if e.label == ADD_EVENT)))
            recorded["category"], recorded["param"] = "test_event", '{"request":{}}'
            asker.send(b"POST /control/events/test_event HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            exact = {"category", "id"}
        with asker:
            call = connection.receive()
            assert call.command == item.asked.command
            told = json.loads(call.content)
            param, wanted = json.loads(told.pop("param")), json.loads(recorded.pop("param"))
            assert same_form(told, recorded, exact.__contains__), (told, recorded)
            if wanted.get("request"):
                # Beside what was recorded, this gateway tells whose rules the source has passed.
                param["request"]["common"]["source"].pop("verified", None)
            assert same_form(param, wanted, exact.__contains__), (param, wanted)
            connection.send(Packet(call.sequence, 0, put_in(item.packet.content, self._values)))
            return asker.read_reply()

    def _post(self, request: Any) -> bytes:
        """A post_object that makes the gateway tell the recorded request to the handler."""
        common, raw = request["common"], bytes.fromhex(request["object"]["object_raw"])
        own_dec = json.loads(put_in(b'"%s"' % IDS[0]["dec"].encode(), self._values))
        head = (
            f"POST /non/ HTTP/1.1\r\nHost: {self._host}\r\nContent-Length: {len(raw)}\r\ncyfs-dec-id: {own_dec}\r\n"
            f"cyfs-object-id: {request['object']['object_id']}\r\ncyfs-req-path: {common['req_path']}\r\n\r\n"
        )
        return head.encode() + raw


def as_test_event(add: Exchange) -> Packet:
    """The recorded registration, for another category."""
    assert add.packet is not None
    content = add.packet.content.replace(b"zone_role_changed", b"test_event")
    return Packet(add.packet.sequence + 1, add.packet.command, content)


@pytest.mark.interop
@pytest.mark.parametrize("run", [0, 1], ids=SDKS)
def test_recorded_requests(
    run: int, gateway: GatewayProcess, recording: Recording, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In order, own ids put in: status, header names, JSON names and the forms of numbers and strings."""
    own = own_of(run, recording)
    file = tmp_path / "f"
    file.write_bytes(b"a file to build an object of")
    values = {IDS[run]["device"]: own.device_id, IDS[run]["owner"]: own.owner_id, '"/data/f"': f'"{file}"'}
    # Signing is for the system dec: put in for the SDK's own dec, which is refused below.
    system = {IDS[run]["dec"]: recording.identity["system_dec"]}
    mine = [e for e in REQUESTS if e.run == run]
    wrong = []
    with Client(gateway, values, system) as client:
        for item in mine:
            try:
                expectation(item)(client.perform(item), own)
            except AssertionError as failure:
                wrong.append(f"{item.number} {item.label}: {failure}")
    with capsys.disabled():
        absent = sum(e.label.startswith(NOT_SERVED) for e in mine)
        equal = len(mine) - len(wrong)
        print(f"\nhttp-exchanges, SDK {SDKS[run]}: {equal}/{len(mine)} ({absent} of them not served yet)")
    assert not wrong, "\n".join(wrong)


@pytest.mark.interop
@pytest.mark.parametrize("run", [0, 1], ids=SDKS)
def test_an_ordinary_dec_may_not_sign(run: int, gateway: GatewayProcess, recording: Recording) -> None:
    """The recorded sign request under its own dec: PermissionDenied, in both spellings of the flags header."""
    (item,) = (e for e in REQUESTS if e.run == run and e.label == "crypto.sign_object")
    host = f"{gateway.http[0]}:{gateway.http[1]}"
    error(403, "12")(send(gateway.http, item.encode({}, host)), own_of(run, recording))


def test_every_recorded_request_is_judged() -> None:
    """No label is without an expectation, and nothing is left out by a slip."""
    assert [sum(e.run == run for e in REQUESTS) for run in (0, 1)] == [78, 34]
    for item in REQUESTS:
        assert callable(expectation(item))
