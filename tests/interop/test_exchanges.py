"""What both official SDKs send, as they sent it: each request of our services gets the protocol's answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gateway_process import GatewayProcess

from . import exchanges
from .exchanges import SERVICES, Exchange, Own, expectation
from .rawhttp import exchange as send
from .rawws import HTTP_COMMAND, WsConnection
from .recorded import Recording
from .replay import device_parts

REQUESTS, IDS = exchanges.load()
SDKS = ("0.6.0", "0.5.8")


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
    host = f"{gateway.http[0]}:{gateway.http[1]}"
    mine = [e for e in REQUESTS if e.run == run and is_ours(e)]
    later = [e for e in REQUESTS if e.run == run and not is_ours(e)]
    wrong = []
    for item in mine:
        if item.packet is not None:
            with WsConnection(gateway.ws) as connection:
                got = connection.ask(item.packet.content, item.packet.sequence)
        else:
            put_in = {**values, **(system if item.label == "crypto.sign_object" else {})}
            got = send(gateway.http, item.encode(put_in, host))
        try:
            expectation(item)(got, own)
        except AssertionError as failure:
            wrong.append(f"{item.number} {item.label}: {failure}")
    with capsys.disabled():
        equal = len(mine) - len(wrong)
        print(f"\nhttp-exchanges, SDK {SDKS[run]}: {equal}/{len(mine)} ({len(later)} not sent: later issue)")
    assert not wrong, "\n".join(wrong)


@pytest.mark.interop
@pytest.mark.parametrize("run", [0, 1], ids=SDKS)
def test_an_ordinary_dec_may_not_sign(run: int, gateway: GatewayProcess, recording: Recording) -> None:
    """The recorded sign request under its own dec: PermissionDenied, in both spellings of the flags header."""
    (item,) = (e for e in REQUESTS if e.run == run and e.label == "crypto.sign_object")
    host = f"{gateway.http[0]}:{gateway.http[1]}"
    exchanges.error(403, "12")(send(gateway.http, item.encode({}, host)), own_of(run, recording))


def test_every_recorded_request_is_judged_or_counted() -> None:
    """No label of this gateway's services is without an expectation, and nothing is left out by a slip."""
    assert len(REQUESTS) == 112
    for item in REQUESTS:
        if is_ours(item):
            assert callable(expectation(item))
    assert sum(is_ours(e) for e in REQUESTS if e.run == 0) == 38
    assert sum(is_ours(e) for e in REQUESTS if e.run == 1) == 25


def is_ours(item: Exchange) -> bool:
    return item.service in SERVICES and (item.packet is None or item.packet.command == HTTP_COMMAND)
