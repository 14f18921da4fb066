"""HTTP over WebSocket: recorded requests get the recorded replies there too; many at a time, large ones in pieces."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cyfs_edge.base.ids import ChunkId
from tests.gateway_process import GatewayProcess, running

from . import compatibility
from .rawws import HTTP_COMMAND, Packet, WsConnection, http_reply
from .recorded import Recording
from .replay import WsReplay, judge, prepare_root, summary, write_local_files

pytestmark = pytest.mark.interop

GROUPS = ("util", "non", "ndn", "crypto")
"""Groups whose items are well-formed HTTP requests; malformed ones have no meaning in a packet."""


@pytest.fixture(scope="module")
def fresh_gateway(tmp_path_factory: pytest.TempPathFactory, recording: Recording) -> Iterator[GatewayProcess]:
    root = tmp_path_factory.mktemp("ws") / "root"
    prepare_root(root, recording)
    with running(root) as process:
        yield process


def test_recorded_replies_over_websocket(
    fresh_gateway: GatewayProcess,
    recording: Recording,
    tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each packet with a recorded request is answered as the HTTP listener answers it."""
    files = tmp_path_factory.mktemp("vec")
    write_local_files(files)
    replay = WsReplay(recording, fresh_gateway.ws, str(fresh_gateway.root), files)
    # A packet has its own length: that a chunked body is refused belongs to the HTTP listener.
    items = [item for item in recording.of(GROUPS) if ("transfer-encoding", "chunked") not in item.request.headers]
    verdicts = judge(list(replay.run(items)), compatibility.read_rows())
    with capsys.disabled():
        print(f"\nhttp-replies over WebSocket: {summary(verdicts, GROUPS)}")
    wrong = [f"{verdict.outcome.name}: {'; '.join(verdict.problems)}" for verdict in verdicts if verdict.problems]
    assert not wrong, "\n" + "\n".join(wrong)


def test_many_packets_at_a_time(gateway: GatewayProcess) -> None:
    """Every packet gets its own answer, whatever the order, although more are sent than are worked on at once."""
    with WsConnection(gateway.ws) as connection:
        names = {sequence: f"/nothing/{sequence}" for sequence in range(1, 301)}
        for sequence, path in names.items():
            request = f"PUT {path} HTTP/1.1\r\nHOST:127.0.0.1\r\ncontent-length: 0\r\n\r\n"
            connection.send(Packet(sequence, HTTP_COMMAND, request.encode()))
        answers = [connection.receive() for _ in names]
    assert sorted(answer.sequence for answer in answers) == sorted(names)
    for answer in answers:
        reply = http_reply(answer)
        assert reply.status == 404
        assert names[answer.sequence] + '"' in reply.body.decode()


def test_large_replies_come_in_frames_below_1_mib(gateway: GatewayProcess, recording: Recording) -> None:
    """The official client on node refuses a larger frame (websocket.md §1)."""
    data = bytes(range(256)) * 20_000
    head = (
        "{method} /ndn/ HTTP/1.1\r\nHOST:127.0.0.1\r\ncyfs-dec-id: {dec}\r\ncyfs-ndn-action: {action}\r\n"
        "cyfs-object-id: {chunk}\r\ncontent-length: {length}\r\n\r\n"
    )
    values = {"dec": recording.identity["dec"], "chunk": str(ChunkId.of_data(data))}
    with WsConnection(gateway.ws) as connection:
        put = head.format(method="PUT", action="put-data", length=len(data), **values).encode() + data
        assert connection.ask(put).status == 200
        got = connection.ask(head.format(method="GET", action="get-data", length=0, **values).encode(), 2)
        assert got.body == data
        assert len(connection.frame_sizes) > 5
        assert max(connection.frame_sizes) < 1 << 20
