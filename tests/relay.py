"""Stands before a gateway for tests: passes requests on, counts what is fetched, and misbehaves when told to."""

from __future__ import annotations

import http.client
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.gateway_process import Address

DROPPED = frozenset({"connection", "host", "content-length", "transfer-encoding", "date"})


@dataclass
class Relay:
    """``lies``: data comes with a wrong byte. ``stalls``: only half of each chunk comes, then nothing.

    ``chunks``, ``objects``: how often each was asked for; ``ranges``: the Range headers that came.
    """

    gateway: Address
    lies: bool = False
    stalls: bool = False
    chunks: Counter[str] = field(default_factory=Counter)
    objects: Counter[str] = field(default_factory=Counter)
    ranges: list[str] = field(default_factory=list)
    _server: ThreadingHTTPServer | None = None
    _stop: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Relay:
        relay = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                relay._pass_on(self)

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def _pass_on(self, handler: BaseHTTPRequestHandler) -> None:
        is_data = handler.path.startswith("/ndn")
        (self.chunks if is_data else self.objects)[handler.headers["cyfs-object-id"]] += 1
        if "range" in handler.headers:
            self.ranges.append(handler.headers["range"])
        connection = http.client.HTTPConnection(*self.gateway, timeout=30)
        try:
            connection.request("GET", handler.path, headers=_passed(handler.headers.items()))
            reply = connection.getresponse()
            body = reply.read()
        finally:
            connection.close()
        if self.lies and is_data and body:
            body = bytes([body[0] ^ 1]) + body[1:]
        self._answer(
            handler, reply.status, list(_passed(reply.getheaders()).items()), body, stall=self.stalls and is_data
        )

    def _answer(
        self,
        handler: BaseHTTPRequestHandler,
        status: int,
        headers: list[tuple[str, str]],
        body: bytes,
        *,
        stall: bool = False,
    ) -> None:
        handler.send_response(status)
        for name, value in headers:
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        try:
            handler.wfile.write(body[: len(body) // 2] if stall else body)
            handler.wfile.flush()
        except OSError:
            return  # the one who asked is gone
        if stall:
            self._stop.wait(60)
            handler.close_connection = True


def _passed(headers: Any) -> dict[str, str]:
    return {name: value for name, value in headers if name.lower() not in DROPPED}
