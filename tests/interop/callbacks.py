"""The HTTP routine of recorded handlers: takes the gateway's calls, answers as recorded, and tells what came."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .compare import Difference
from .recorded import Callback

RECORDED_ADDRESS = "127.0.0.1:1080"
"""Where the routine of the recording listened."""


@dataclass(frozen=True, slots=True)
class Call:
    line: str
    headers: dict[str, str]
    body: bytes


class Routine:
    """Listens while the ``with`` block runs. ``expect`` says how to answer what comes next."""

    def __init__(self) -> None:
        self._answers: list[Callback] = []
        self._calls: list[Call] = []
        routine = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                routine._calls.append(Call(self.requestline, headers, body))
                answer = routine._answers.pop(0) if routine._answers else Callback("", (), b"", 500, b"")
                self.send_response(answer.status)
                self.send_header("content-length", str(len(answer.answer)))
                self.end_headers()
                self.wfile.write(answer.answer)

            def log_message(self, format: str, *args: object) -> None:
                """Nothing: the calls are looked at, not read."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> Routine:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    def expect(self, callbacks: Sequence[Callback]) -> None:
        self._answers = list(callbacks)
        self._calls = []

    def differences(self, callbacks: Sequence[Callback]) -> Iterator[Difference]:
        """How the calls since ``expect`` differ from the recorded ones."""
        if len(self._calls) != len(callbacks):
            yield Difference("callbacks", str(len(callbacks)), str(len(self._calls)))
        for index, (call, recorded) in enumerate(zip(self._calls, callbacks, strict=False)):
            where = f"callback[{index}]"
            if call.line != recorded.line:
                yield Difference(f"{where}.line", recorded.line, call.line)
            wanted = {**dict(recorded.headers), "content-length": str(len(call.body)), "host": self.address}
            if call.headers != wanted:
                yield Difference(f"{where}.headers", str(wanted), str(call.headers))
            if call.body != recorded.body:
                yield Difference(f"{where}.body", recorded.body.decode(), call.body.decode("utf-8", "replace"))
