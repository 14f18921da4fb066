"""Handler round trips: an object is posted, the gateway asks a program for the answer, over WebSocket or HTTP.

``python -m bench.handlers ws HOST PORT`` and ``python -m bench.handlers http`` are those programs: they do as little as
a DecApp can. The first connects to the gateway and registers itself, the second prints its port.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator

import uvloop

from bench import load, samples
from bench.gateway import Gateway
from bench.rows import Calibration, Row, rate
from cyfs_edge.net.ws_client import WsClient
from cyfs_edge.wire.ws_packet import WsCommand, WsPacket

WS_PATH, HTTP_PATH = "/bench/ws", "/bench/http"
ANSWER = b'{"action":"Response","response":{"value":{}}}'
_REPLY = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(ANSWER), ANSWER)


def _param(path: str, routine: str) -> dict[str, object]:
    return {"index": 0, "default_action": "Reject", "req_path": path, "routine": routine}


async def answer_over_ws(host: str, port: int) -> None:
    async def answer(packet: WsPacket) -> bytes:
        return ANSWER

    client = await WsClient.connect(host, port, answer)
    reading = asyncio.create_task(client.run())
    key = {"chain": "handler", "category": "post_object", "id": "bench ws", "dec_id": samples.DEC}
    adding = json.dumps({**key, "param": _param(WS_PATH, "1")}).encode()
    print((await client.ask(WsCommand.HANDLER_ADD, adding)).decode(), flush=True)
    await reading


class _Callback(asyncio.Protocol):
    """Answers each request, whatever it is, when it is complete."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.WriteTransport = transport  # type: ignore[assignment]
        self._seen = b""

    def data_received(self, data: bytes) -> None:
        self._seen += data
        head, end, body = self._seen.partition(b"\r\n\r\n")
        if end and len(body) >= int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]):
            self._seen = b""
            self._transport.write(_REPLY)


async def answer_over_http() -> None:
    server = await asyncio.get_running_loop().create_server(_Callback, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextlib.contextmanager
def _program(*args: str) -> Iterator[str]:
    """Runs one of the programs; gives the first line that it prints."""
    process = subprocess.Popen([sys.executable, "-m", "bench.handlers", *args], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


async def rows(node: Gateway, base: Calibration, seconds: float) -> list[Row]:
    found: list[Row] = []
    posted = samples.objects(1, node.owner)[0]
    with _program("ws", node.ws[0], str(node.ws[1])) as added, _program("http") as port:
        if json.loads(added) != {"err": "0"}:
            raise RuntimeError(f"the handler was not registered: {added}")
        adding = samples.add_handler("bench http", _param(HTTP_PATH, f"http://127.0.0.1:{port}/"))
        await load.run(node.address, iter([adding]), 1, 60)
        for kind, path in (("WebSocket routine", WS_PATH), ("HTTP callback", HTTP_PATH)):
            for connections in base.echo:
                asking = samples.cycle([samples.post_object(posted, path)])
                result = await load.run(node.address, asking, connections, seconds)
                name = f"handler round trip, {kind}, {connections} connections"
                found.append(rate(name, result, base.echo[connections], "echo"))
    return found


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(answer_over_ws(sys.argv[2], int(sys.argv[3])) if sys.argv[1] == "ws" else answer_over_http())
