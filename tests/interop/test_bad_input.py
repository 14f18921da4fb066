"""Junk, lies and abuse against a real gateway: a coded error or an orderly close, never a hang, a crash or a traceback.

A gateway of its own: what is stored here must not be seen by the other suites.
"""

from __future__ import annotations

import gzip
import random
import socket
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from cyfs_edge.base.ids import ChunkId
from tests.gateway_process import GatewayProcess

from .compare import error_of
from .rawhttp import Address, Connection, Observed, exchange, request
from .rawws import ERROR_COMMAND, HANDSHAKE, HTTP_COMMAND, Packet, WsConnection, frame
from .recorded import Recording

pytestmark = pytest.mark.interop

SEED = 20221118
PROTOCOL_5XX = {500, 501, 504}
"""The statuses above 499 that the protocol's own codes have."""

PUT = {"cyfs-non-action": "put-object", "cyfs-api-level": "router", "cyfs-flags": "0"}
PUT_DATA = {"cyfs-ndn-action": "put-data", "cyfs-api-level": "ndn", "cyfs-flags": "0"}


@pytest.fixture
def base(recording: Recording) -> dict[str, str]:
    return {"cyfs-dec-id": recording.identity["dec"]}


@pytest.fixture(autouse=True)
def _alive_afterwards(gateway: GatewayProcess, recording: Recording) -> Iterator[None]:
    """After every test the same process still answers a plain request, and its log holds no traceback."""
    yield
    got = request(gateway.http, "GET", "/util/device")
    assert got.status == 200
    assert got.header("cyfs-device-id") == recording.identity["device"]
    assert gateway.alive
    assert "Traceback" not in gateway.log_text()


def assert_coded(got: Observed, *statuses: int) -> str:
    """A whole reply with the protocol's error JSON; gives the code."""
    assert got.outcome == "reply", got
    assert not statuses or got.status in statuses, got
    assert 400 <= got.status < 500 or got.status in PROTOCOL_5XX, got
    code = error_of(got.body)
    assert code is not None, got
    assert got.header("content-type") == "application/json"
    assert got.header("content-length") == str(len(got.body))
    return code


def assert_refused(got: Observed) -> None:
    """For bytes that are no request: a coded 4xx, or the connection closed without a word."""
    if got.outcome != "closed":
        assert_coded(got)
        assert got.status < 500, got


@pytest.fixture(scope="module")
def text(recording: Recording) -> tuple[str, bytes]:
    """The id and bytes of a recorded Text object."""
    item = next(item for item in recording.items if item.name == "non.put_new")
    return dict(item.request.headers)["cyfs-object-id"], item.request.body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE"])
@pytest.mark.parametrize(
    "path", ["/nothing", "/util/nothing", "/non/extra", "/ndn/extra/more", "/crypto", "/%00", "/a" * 500]
)
def test_unknown_paths(method: str, path: str, gateway: GatewayProcess) -> None:
    got = request(gateway.http, method, path, body=b"")
    if method in ("CONNECT", "TRACE"):
        assert_refused(got)
    else:
        assert_coded(got, 404, 400)


@pytest.mark.parametrize(
    "path", ["/util/device", "/util/noc_info", "/crypto/sign", "/util/resolve_ood", "/util/version_info"]
)
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_known_paths_with_a_wrong_method(method: str, path: str, gateway: GatewayProcess) -> None:
    assert assert_coded(request(gateway.http, method, path, body=b""), 404) == "4"


def test_unknown_gets(gateway: GatewayProcess) -> None:
    for path in (
        "/util/x",
        "/non/x",
        "/crypto/x",
        "/sync/status",
        "/nothing",
        "/nothing/x",
        "//util//device",
        "/o/zz",
        "/r/a",
    ):
        assert_coded(request(gateway.http, "GET", path))


MISSING: Mapping[str, tuple[str, str, dict[str, str]]] = {
    "get without an id": ("GET", "/non/", {}),
    "put without an id": ("PUT", "/non/", {}),
    "delete without an id": ("DELETE", "/non/", {}),
    "data put without an id": ("PUT", "/ndn/", {}),
    "data delete without an id": ("DELETE", "/ndn/", {}),
    "data get without an id": ("GET", "/ndn/", {"cyfs-ndn-action": "get-data"}),
    "sign without flags": ("POST", "/crypto/sign", {}),
    "verify without a type": ("POST", "/crypto/verify", {}),
    "encrypt without a type": ("POST", "/crypto/encrypt", {}),
    "resolve without an id": ("GET", "/util/resolve_ood", {}),
}


@pytest.mark.parametrize("case", MISSING)
def test_missing_headers(case: str, gateway: GatewayProcess, base: dict[str, str]) -> None:
    method, path, headers = MISSING[case]
    got = request(gateway.http, method, path, {**base, **headers}, b"x" if method in ("PUT", "POST") else None)
    assert_coded(got)


BAD_VALUES: Mapping[str, tuple[str, ...]] = {
    "cyfs-dec-id": ("", "x", "z" * 43, "0" * 43, "1" * 44, "9" * 50, "a" * 1000, "!", "编码"),
    "cyfs-object-id": ("", "x", "z" * 43, "0" * 43, "I" * 44, "9" * 49, "a" * 1000, "../../etc/passwd"),
    "cyfs-target": ("", "x", "0" * 44, "z" * 44),
    "cyfs-source": ("", "x", "z" * 43),
    "cyfs-flags": ("", "-1", "1.5", "0x10", "abc", "99999999999", "1e3", "１"),
    "cyfs-api-level": ("", "ndn", "NOC", "xyz", "\x01"),
    "cyfs-non-action": ("", "eat-object", "GET-OBJECT", "put-object"),
    "cyfs-req-path": ("%ff%fe", "%c3%28"),
    "cyfs-inner-path": ("%ff",),
}


@pytest.mark.parametrize("header", BAD_VALUES)
def test_malformed_header_values(
    header: str, gateway: GatewayProcess, base: dict[str, str], text: tuple[str, bytes]
) -> None:
    """Each is a coded 4xx or, for a value in control characters, refused as no HTTP."""
    good = {**base, "cyfs-non-action": "get-object", "cyfs-object-id": text[0]}
    for value in BAD_VALUES[header]:
        got = request(gateway.http, "GET", "/non/", {**good, header: value})
        assert_refused(got)


def test_bad_ranges(gateway: GatewayProcess, base: dict[str, str]) -> None:
    data = b"range me" * 10
    chunk = put_chunk(gateway.http, data, base)
    headers = {**base, "cyfs-ndn-action": "get-data", "cyfs-object-id": chunk}
    hostile = [
        "bytes=5-2",
        "bytes=-",
        "bytes=--1",
        "bytes=a-b",
        "lines=1-2",
        "bytes=80-",
        "bytes=-0",
        "bytes=99999999999999999999-",
    ]
    hostile += ["bytes=" + ",".join(["1000-2000"] * 500), "bytes=0-" + "9" * 400]
    for value in hostile:
        got = request(gateway.http, "GET", "/ndn/", {**headers, "range": value})
        if got.status not in (206, 400):
            assert assert_coded(got, 416) == "43", value
    overlapping = request(gateway.http, "GET", "/ndn/", {**headers, "range": "bytes=" + ",".join(["0-"] * 1000)})
    assert len(overlapping.body) < 1_000_000, "a small request must not make a reply that is a thousand times its data"


def put_chunk(address: Address, data: bytes, base: dict[str, str]) -> str:
    """Stores a chunk and gives its id."""
    chunk = str(ChunkId.of_data(data))
    got = request(address, "PUT", "/ndn/", {**base, **PUT_DATA, "cyfs-object-id": chunk}, data)
    assert got.status == 200, got
    return chunk


def test_hash_and_length_mismatches_store_nothing(gateway: GatewayProcess, base: dict[str, str]) -> None:
    data = b"what the id is of"
    headers = {**base, **PUT_DATA, "cyfs-object-id": str(ChunkId.of_data(data))}
    for wrong, code in ((b"what the id is no", "22"), (data[:-1], "28"), (data + b"x", "28"), (b"", "28")):
        assert assert_coded(request(gateway.http, "PUT", "/ndn/", headers, wrong)) == code
    asked = {**headers, "cyfs-ndn-action": "get-data", "cyfs-api-level": "ndc"}
    assert assert_coded(request(gateway.http, "GET", "/ndn/", asked), 404) == "4"


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
def test_compressed_bodies_are_refused(
    coding: str, gateway: GatewayProcess, base: dict[str, str], text: tuple[str, bytes]
) -> None:
    """Nothing is unpacked: a small body cannot become a large one."""
    bomb = gzip.compress(bytes(1_000_000))
    headers = {**base, **PUT, "cyfs-object-id": text[0], "content-encoding": coding}
    assert_coded(request(gateway.http, "PUT", "/non/", headers, bomb), 415, 400)
    chunk = {**base, **PUT_DATA, "cyfs-object-id": str(ChunkId.of_data(bomb)), "content-encoding": coding}
    assert_coded(request(gateway.http, "PUT", "/ndn/", chunk, bomb), 415, 400)


def test_damaged_objects(gateway: GatewayProcess, base: dict[str, str], recording: Recording) -> None:
    """Recorded objects cut, extended, changed at seeded places: stored as what they are then, or refused."""
    rng = random.Random(SEED)
    objects = [
        (dict(item.request.headers)["cyfs-object-id"], item.request.body)
        for item in recording.items
        if item.name in ("non.put_new", "non.put_file", "non.put_dir", "non.put_app", "crypto.put_signed")
    ]
    objects += [(recording.identity[name], recording.files[f"{name}.desc"]) for name in ("device", "people")]
    cases = []
    for object_id, raw in objects:
        cases += [(object_id, raw[: rng.randrange(len(raw))]) for _ in range(10)]
        for _ in range(25):
            changed = bytearray(raw)
            for _ in range(rng.choice((1, 1, 2, 8))):
                changed[rng.randrange(len(changed))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
            cases.append((object_id, bytes(changed)))
        cases += [(object_id, raw[:40] + b"\xff" * 200), (object_id, rng.randbytes(len(raw)))]

    def put(case: tuple[str, bytes]) -> Observed:
        return request(gateway.http, "PUT", "/non/", {**base, **PUT, "cyfs-object-id": case[0]}, case[1])

    with ThreadPoolExecutor(8) as pool:
        for case, got in zip(cases, pool.map(put, cases), strict=True):
            if got.status == 200:
                assert got.header("cyfs-result") is not None, case
            else:
                assert_coded(got)


@pytest.mark.parametrize("path", ["/crypto/sign", "/crypto/verify", "/crypto/encrypt", "/crypto/decrypt"])
def test_junk_for_crypto(path: str, gateway: GatewayProcess, recording: Recording) -> None:
    rng = random.Random(SEED)
    headers = {
        "cyfs-dec-id": recording.identity["system_dec"],
        "cyfs-object-id": recording.identity["device"],
        "cyfs-crypto-flags": "28",
        "cyfs-sign-type": "both",
        "cyfs-verify-type": "owner",
        "cyfs-encrypt-type": "encrypt_data",
        "cyfs-decrypt-type": "decrypt_data",
    }
    for size in (0, 1, 3, 40, 127, 128, 129, 5000):
        got = request(gateway.http, "POST", path, headers, rng.randbytes(size))
        if path == "/crypto/encrypt" and 0 < size <= 117:
            assert got.status == 200
        elif path == "/crypto/decrypt" and size == 128 and got.status == 200:
            # OpenSSL 3.2 and later answer broken padding with random data (implicit rejection), earlier ones refuse.
            assert got.header("cyfs-decrypt-ret") == "decrypted"
        else:
            assert_coded(got)


NESTED = b"[" * 100_000
BAD_JSON = (
    b"",
    b"{",
    b"null",
    b"[]",
    b"1",
    b'"x"',
    b"\xff\xfe",
    b"{}",
    b'{"common":1}',
    b"NaN",
    NESTED,
    NESTED.replace(b"[", b'{"a":'),
)


@pytest.mark.parametrize("path", ["/util/build_file", "/util/build_dir_from_object_map"])
def test_bad_json_bodies(path: str, gateway: GatewayProcess, base: dict[str, str]) -> None:
    for body in BAD_JSON:
        got = request(gateway.http, "POST", path, base, body)
        assert assert_coded(got) in ("2", "4", "8", "21", "22"), (body[:40], got)


def test_bad_json_for_system_info_and_in_headers(gateway: GatewayProcess, base: dict[str, str]) -> None:
    for body in BAD_JSON:
        got = request(gateway.http, "POST", "/util/system_info", base, body)
        assert got.status == 200 or assert_coded(got), (body[:40], got)
    headers = {**base, "cyfs-object-id": base["cyfs-dec-id"], "cyfs-sign-type": "both", "cyfs-verify-type": "sign"}
    for value in (
        "{",
        "[" * 5000,
        '{"desc_signs":[-1]}',
        '{"desc_signs":["x"]}',
        '{"desc_signs":[99999999999999999999]}',
    ):
        assert_coded(request(gateway.http, "POST", "/crypto/verify", {**headers, "cyfs-verify-signs": value}, b"x"))


@pytest.mark.parametrize("length", [1 << 31, 1 << 40, (1 << 63) - 1])
def test_an_oversized_body_is_refused_before_it_is_sent(
    length: int, gateway: GatewayProcess, base: dict[str, str], text: tuple[str, bytes]
) -> None:
    """A length beyond the limit is answered at once; nothing is allocated for it."""
    headers = {**base, **PUT, "cyfs-object-id": text[0], "content-length": str(length)}
    for method, path in (("PUT", "/non/"), ("POST", "/util/build_file"), ("POST", "/crypto/verify")):
        more = {"cyfs-sign-type": "both", "cyfs-verify-type": "owner"} if path == "/crypto/verify" else {}
        assert_coded(request(gateway.http, method, path, {**headers, **more}), 413)


HEADS: Mapping[str, bytes] = {
    "no version": b"GET /util/device\r\n\r\n",
    "version 9": b"GET /util/device HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n",
    "no host": b"GET /util/device HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /util/device HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: localhost\r\n\r\n",
    "no colon": b"GET /util/device HTTP/1.1\r\nHost: 127.0.0.1\r\nno colon\r\n\r\n",
    "blank before colon": b"GET /util/device HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n",
    "folded line": b"GET /util/device HTTP/1.1\r\nHost: 127.0.0.1\r\na: 1\r\n 2\r\n\r\n",
    "control character": b"GET /util/device HTTP/1.1\r\nHost: 127.0.0.1\r\na: 1\x00\r\n\r\n",
    "bare CR": b"GET /util/device HTTP/1.1\r\nHost: 127.0.0.1\r\na: 1\rb: 2\r\n\r\n",
    "no UTF-8": b"GET /util/device HTTP/1.1\r\nHost: 127.0.0.1\r\na: \xe9\xff\r\n\r\n",
    "unknown method": b"EAT /util/device HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "blank in the target": b"GET /util device HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "empty name": b"GET /util/device HTTP/1.1\r\nHost: 127.0.0.1\r\n: x\r\n\r\n",
    "length of letters": b"PUT /non/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: abc\r\n\r\n",
    "negative length": b"PUT /non/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -5\r\n\r\n",
    "length with sign": b"PUT /non/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: +5\r\n\r\nhello",
    "length in 30 digits": b"PUT /non/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\n",
    "two lengths": b"PUT /non/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde",
    "length and chunked": b"PUT /non/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "unknown coding": b"PUT /non/ HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "long head": b"GET /util/device HTTP/1.1\r\nHost: 127.0.0.1\r\na: " + b"x" * 70_000 + b"\r\n\r\n",
    "many lines": b"GET /util/device HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"a: b\r\n" * 200 + b"\r\n",
    "long target": b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "endless line": b"x" * 200_000,
}


@pytest.mark.parametrize("case", HEADS)
def test_malformed_heads(case: str, gateway: GatewayProcess) -> None:
    """Answered once with a coded 4xx (501 for a transfer coding), then the connection ends: the rest is not read."""
    with Connection(gateway.http) as connection:
        connection.send(HEADS[case] + b"GET /util/device HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        got = connection.read_reply()
        if got.outcome != "closed":
            assert_coded(got)
            assert got.status < 500 or got.status == 501, got
            assert connection.closed_by_peer()


@pytest.mark.parametrize(
    "chunks", [b"zz\r\nabc\r\n", b"-1\r\n", b"ffffffffffffffffff\r\n", b"3\r\nabcd\r\n0\r\n\r\n", b"3;" + b"x" * 20_000]
)
def test_malformed_chunks(
    chunks: bytes, gateway: GatewayProcess, base: dict[str, str], text: tuple[str, bytes]
) -> None:
    headers = {**base, **PUT, "cyfs-object-id": text[0], "transfer-encoding": "chunked", "host": "127.0.0.1"}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    assert_refused(exchange(gateway.http, f"PUT /non/ HTTP/1.1\r\n{head}\r\n".encode() + chunks))


def test_a_body_that_ends_early_stores_nothing(
    gateway: GatewayProcess, base: dict[str, str], recording: Recording
) -> None:
    """Half a body and the client is gone, before or after closing its side only."""
    item = next(item for item in recording.items if item.name == "non.put_big")
    object_id = dict(item.request.headers)["cyfs-object-id"]
    headers = {
        **base,
        **PUT,
        "cyfs-object-id": object_id,
        "content-length": str(len(item.request.body)),
        "host": "127.0.0.1",
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    data = f"PUT /non/ HTTP/1.1\r\n{head}\r\n".encode() + item.request.body[:1000]
    with Connection(gateway.http) as connection:
        connection.send(data)
        connection.half_close()
        got = connection.read_reply()
        assert got.outcome == "closed" or assert_coded(got)
    with Connection(gateway.http) as connection:
        connection.send(data)
    asked = {**base, "cyfs-non-action": "get-object", "cyfs-object-id": object_id}
    assert assert_coded(request(gateway.http, "GET", "/non/", asked), 404) == "4"


def test_bytes_after_the_body_are_the_next_request(gateway: GatewayProcess, recording: Recording) -> None:
    """A body longer than announced cannot smuggle: the rest is read as a request of its own, and refused."""
    base = {"cyfs-dec-id": recording.identity["system_dec"]}
    head = "".join(
        f"{name}: {value}\r\n" for name, value in {**base, "host": "127.0.0.1", "content-length": "2"}.items()
    )
    with Connection(gateway.http) as connection:
        connection.send(f"POST /util/system_info HTTP/1.1\r\n{head}\r\n".encode() + b"{}" + b"junk junk\r\n\r\n")
        assert connection.read_reply().status == 200
        assert_refused(connection.read_reply())
        assert connection.closed_by_peer()


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:1318", "127.0.0.1.evil.example", "localhost.evil", "10.1.2.3", ""]
)
def test_a_foreign_host_is_refused(host: str, gateway: GatewayProcess) -> None:
    """Against DNS rebinding: a page of another name must not reach the gateway through a name of its own."""
    assert assert_coded(request(gateway.http, "GET", "/util/device", {"host": host}), 403, 400)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.1:99", "LOCALHOST:1318", "[::1]", "a.localhost"])
def test_a_loopback_host_is_served_whatever_its_port(host: str, gateway: GatewayProcess) -> None:
    assert request(gateway.http, "GET", "/util/device", {"host": host}).status == 200


def test_junk_on_many_connections(gateway: GatewayProcess) -> None:
    """Three hundred connections of seeded junk, cut at odd places: each is answered with a coded 4xx or closed."""
    rng = random.Random(SEED)
    plain = b"PUT /non/ HTTP/1.1\r\nHost: 127.0.0.1\r\ncyfs-object-id: x\r\nContent-Length: 3\r\n\r\nabc"
    junk = []
    for _ in range(300):
        if rng.random() < 0.5:
            data = rng.randbytes(rng.randrange(1, 2000))
        else:
            changed = bytearray(plain)
            for _ in range(rng.randrange(1, 6)):
                changed[rng.randrange(len(changed))] = rng.randrange(256)
            data = bytes(changed)
        junk.append(data)

    def send(data: bytes) -> Observed:
        with Connection(gateway.http) as connection:
            connection.send(data)
            connection.half_close()
            return connection.read_reply()

    with ThreadPoolExecutor(16) as pool:
        for data, got in zip(junk, pool.map(send, junk), strict=True):
            assert got.outcome in ("reply", "closed"), (data, got)
            if got.outcome == "reply":
                assert_coded(got)


def test_slow_and_silent_clients_hold_up_nobody(
    gateway: GatewayProcess, base: dict[str, str], text: tuple[str, bytes]
) -> None:
    """A hundred connections that send half a head, half a body or nothing; others are served meanwhile."""
    headers = {**base, **PUT, "cyfs-object-id": text[0], "content-length": "5000", "host": "127.0.0.1"}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    starts = (b"", b"GET /util/dev", b"GET / HTTP/1.1\r\nHost: 127", f"PUT /non/ HTTP/1.1\r\n{head}\r\nabc".encode())
    slow = [Connection(gateway.http) for _ in range(100)]
    try:
        for index, connection in enumerate(slow):
            connection.send(starts[index % len(starts)])
        for _ in range(20):
            assert request(gateway.http, "GET", "/util/device").status == 200
    finally:
        for connection in slow:
            connection.socket.close()


def test_clients_that_vanish_while_a_reply_is_sent(gateway: GatewayProcess, base: dict[str, str]) -> None:
    """A reset in the middle of a large reply is the client's affair only."""
    chunk = put_chunk(gateway.http, bytes(4 << 20), base)
    headers = {**base, "cyfs-ndn-action": "get-data", "cyfs-object-id": chunk, "host": "127.0.0.1"}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    for _ in range(20):
        with Connection(gateway.http) as connection:
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.send(f"GET /ndn/ HTTP/1.1\r\n{head}\r\n".encode())
            connection.socket.recv(1000)


@pytest.mark.parametrize(
    "data",
    [
        b"GET /util/device HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        HANDSHAKE.replace(b"13", b"8"),
        HANDSHAKE.replace(b"Host: 127.0.0.1", b"Host: evil.example"),
        HANDSHAKE.replace(b"Upgrade: websocket", b"Origin: http://evil.example\r\nUpgrade: websocket"),
        b"junk\r\n\r\n",
        b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03" + bytes(200),
    ],
)
def test_what_is_no_websocket_is_refused(data: bytes, gateway: GatewayProcess) -> None:
    with Connection(gateway.ws) as connection:
        connection.send(data)
        connection.half_close()
        got = connection.read_reply()
        assert got.outcome == "closed" or 400 <= got.status < 500, got


@pytest.mark.parametrize(
    "data",
    [
        b"\x82\x05hello",  # not masked
        b"\xf2\x80" + bytes(4),  # reserved bits
        b"\x83\x80" + bytes(4),  # unknown opcode
        b"\x82\xff\x7f" + b"\xff" * 7 + bytes(4),  # 2^63 bytes announced
        b"\x89\xfe\x00\xff" + bytes(4) + bytes(255),  # a ping of more than 125 bytes
        frame(b"x", opcode=0),  # continuation of nothing
        frame(b"\xff\xfe", opcode=1),  # text that is no UTF-8
        random.Random(SEED).randbytes(2000),
    ],
)
def test_broken_frames_end_the_connection(data: bytes, gateway: GatewayProcess) -> None:
    with WsConnection(gateway.ws) as connection:
        connection.http.send(data)
        connection.http.half_close()
        drained = b""
        while piece := connection.socket.recv(4096):
            drained += piece
        assert len(drained) < 1000


def test_packets_that_are_none_are_answered_or_dropped(gateway: GatewayProcess) -> None:
    """Bad magic, wrong length and short packets are dropped; junk in HTTP and unknown commands get an error packet."""
    whole = Packet(1, HTTP_COMMAND, b"xx").encode()
    with WsConnection(gateway.ws) as connection:
        for dropped in (b"", b"short", b"\x55" + whole[1:], whole[:-1], whole + b"y"):
            connection.socket.sendall(frame(dropped))
        for sequence, command, code in ((7, HTTP_COMMAND, "22"), (8, 9999, "27")):
            connection.send(Packet(sequence, command, b"junk"))
            answer = connection.receive()
            assert (answer.sequence, answer.command, error_of(answer.content)) == (sequence, ERROR_COMMAND, code)
