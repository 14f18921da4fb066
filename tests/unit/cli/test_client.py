"""The client of a running gateway: HTTP over a UNIX socket, against a real server."""

from __future__ import annotations

import contextlib
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.cli.client import GatewayNotRunning, UnixClient, call_json, checked, query, read_body

BIG = bytes(range(256)) * 20_000


class Handler(BaseHTTPRequestHandler):
    """Answers by path; keeps the connection unless the path says otherwise."""

    protocol_version = "HTTP/1.1"

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *parts: object) -> None:
        pass

    def do_GET(self) -> None:
        getattr(self, "answer_" + self.path[1:].partition("?")[0].replace("/", "_"))()

    do_POST = do_PUT = do_GET

    def reply(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer_echo(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.reply(200, body, X_Method=self.command, X_Dec=self.headers.get("cyfs-dec-id", "-"))

    def answer_big(self) -> None:
        self.reply(200, BIG)

    def answer_who(self) -> None:
        self.reply(200, str(id(self)).encode())

    def answer_once(self) -> None:
        self.reply(200, b"bye")
        # Without saying so, as a server does whose patience with an idle connection has ended.
        self.close_connection = True

    def answer_short(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "1000")
        self.end_headers()
        self.wfile.write(b"only this")
        self.close_connection = True

    def answer_error(self) -> None:
        self.reply(404, b'{"code":"4","msg":"not here"}')

    def answer_error_empty(self) -> None:
        self.reply(403, b"")

    def answer_error_junk(self) -> None:
        self.reply(500, b"<html>")

    def answer_error_unknown(self) -> None:
        self.reply(500, b'{"code":9999,"msg":""}')

    def answer_list(self) -> None:
        self.reply(200, b"[]")

    def answer_no_http(self) -> None:
        self.wfile.write(b"hello there\r\n\r\n")
        self.close_connection = True

    def answer_silent(self) -> None:
        self.close_connection = True


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@contextlib.contextmanager
def serving(path: Path) -> Iterator[Path]:
    server = Server(str(path), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield path
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def client(tmp_path: Path) -> Iterator[UnixClient]:
    with serving(tmp_path / "s") as path:
        made = UnixClient(path)
        yield made
        made.close()


def test_no_socket_and_a_dead_socket_mean_no_gateway(tmp_path: Path) -> None:
    with pytest.raises(GatewayNotRunning):
        UnixClient(tmp_path / "absent")
    with pytest.raises(GatewayNotRunning):
        UnixClient(tmp_path / "file" / "below")
    with serving(tmp_path / "s"):
        pass
    assert (tmp_path / "s").exists()
    with pytest.raises(GatewayNotRunning):
        UnixClient(tmp_path / "s")


def test_method_headers_and_body_arrive(client: UnixClient) -> None:
    answer = client.request("PUT", "/echo", {"cyfs-dec-id": "x"}, b"data")
    assert (answer.status, answer.headers.get("x-method"), answer.headers.get("x-dec")) == (200, "PUT", "x")
    assert read_body(answer, 100) == b"data"
    assert read_body(client.request("GET", "/echo"), 100) == b""


def test_a_large_answer_comes_in_pieces(client: UnixClient) -> None:
    pieces = list(client.request("GET", "/big").pieces())
    assert len(pieces) > 1
    assert b"".join(pieces) == BIG


def test_one_connection_serves_many_requests(client: UnixClient) -> None:
    handlers = {read_body(client.request("GET", "/who"), 100) for _ in range(3)}
    assert len(handlers) == 1


def test_an_answer_that_was_not_read_does_not_disturb_the_next(client: UnixClient) -> None:
    client.request("GET", "/big")
    assert read_body(client.request("PUT", "/echo", {}, b"next"), 100) == b"next"


def test_a_connection_that_the_gateway_closed_is_opened_again(client: UnixClient) -> None:
    assert read_body(client.request("GET", "/once"), 100) == b"bye"
    assert read_body(client.request("PUT", "/echo", {}, b"again"), 100) == b"again"


def test_a_gateway_that_hangs_up_is_an_error(client: UnixClient) -> None:
    with pytest.raises(OSError, match="closed connection"):
        client.request("GET", "/silent")


def test_an_answer_that_breaks_off_is_an_error(client: UnixClient) -> None:
    with pytest.raises(CyfsError) as caught:
        read_body(client.request("GET", "/short"), 10_000)
    assert caught.value.code == ErrorCode.CONNECTION_ABORTED


def test_what_is_not_http_is_an_error(client: UnixClient) -> None:
    with pytest.raises(CyfsError) as caught:
        client.request("GET", "/no_http")
    assert caught.value.code == ErrorCode.HTTP_ERROR


def test_a_body_beyond_the_limit_is_refused_and_the_client_goes_on(client: UnixClient) -> None:
    with pytest.raises(CyfsError, match="larger than 1000 bytes"):
        read_body(client.request("GET", "/big"), 1000)
    assert read_body(client.request("PUT", "/echo", {}, b"next"), 100) == b"next"


@pytest.mark.parametrize(
    ("path", "code", "message"),
    [
        ("/error", ErrorCode.NOT_FOUND, "not here"),
        ("/error_empty", ErrorCode.REJECT, "the gateway answered with status 403"),
        ("/error_junk", ErrorCode.UNKNOWN, "the gateway answered with status 500"),
        ("/error_unknown", ErrorCode.UNKNOWN, "the gateway answered with status 500"),
    ],
)
def test_errors_are_those_of_the_gateway(client: UnixClient, path: str, code: ErrorCode, message: str) -> None:
    with pytest.raises(CyfsError) as caught:
        checked(client.request("GET", path))
    assert (caught.value.code, caught.value.message) == (code, message)
    assert caught.value.context["status"] == client.request("GET", path).status


def test_administration_calls_are_json_objects_both_ways(client: UnixClient) -> None:
    assert call_json(client, "POST", "/echo", {"a": 1}) == {"a": 1}
    assert call_json(client, "POST", "/echo") == {}
    with pytest.raises(CyfsError, match="not a JSON object") as caught:
        call_json(client, "GET", "/list")
    assert caught.value.code == ErrorCode.JSON_ERROR


def test_a_socket_may_lie_deeper_than_an_address_is_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("x" * 100) / ("y" * 100)
    deep.mkdir(parents=True)
    with monkeypatch.context() as here:
        here.chdir(deep)
        with serving(Path("gateway.sock")):
            client = UnixClient(deep / "gateway.sock")
            assert read_body(client.request("PUT", "/echo", {}, b"deep"), 100) == b"deep"
            client.close()


def test_query_leaves_out_what_is_none_and_escapes_the_rest() -> None:
    assert query("/x") == "/x"
    assert query("/x", a=None, b="ä&=", c=3) == "/x?b=%C3%A4%26%3D&c=3"
