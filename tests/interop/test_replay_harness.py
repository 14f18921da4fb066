"""The replay harness itself: it accepts the recording played back, and finds every kind of deviation from it.

Without this a harness that compares nothing would look like a perfect gateway.
"""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from .compare import Machine, compare
from .compatibility import HEADING, TableError, problems, read_rows
from .rawhttp import Address, Observed
from .recorded import Header, Item, Recording, Reply, load
from .replay import Replay, device_parts, idle_rows, judge

ROOT = "/cyfs"


@pytest.fixture(scope="module")
def recording() -> Recording:
    return load()


def test_the_recording_is_read_whole(recording: Recording) -> None:
    """Every item that is one HTTP exchange is there, and every request is rebuilt to its recorded length and hash."""
    counted = {group: sum(item.group == group for item in recording.items) for group in recording.groups}
    assert counted.pop("ws") == 0, "the WebSocket listener needs another client"
    assert counted == {group: number for group, number in recording.groups.items() if group != "ws"}
    assert all(item.request.encode() for item in recording.items)


def test_playing_the_recording_back_is_equal_in_every_item(recording: Recording, tmp_path: Path) -> None:
    """A server that answers with the recorded bytes differs nowhere, in no group; every request arrives as recorded."""
    with playback(recording, recording.items) as (address, received):
        replay = Replay(recording, address, ROOT, tmp_path, wait=5, silence=0.05, callbacks=False)
        outcomes = list(replay.run(recording.items))
    assert [outcome for outcome in outcomes if outcome.differences] == []
    assert len(outcomes) == sum(len(item.replies) for item in recording.items)
    own_host, files = f"{address[0]}:{address[1]}", str(tmp_path)
    for item, data in zip(recording.items, received, strict=True):
        if files.encode() not in data:
            assert data == item.request.with_values({}, own_host).encode(), item.name


def test_captured_values_are_put_into_later_requests(recording: Recording, tmp_path: Path) -> None:
    """A sid that the gateway makes is used where the recording used its own."""
    own, recorded = "77", next(item for item in recording.items if item.name == "state.insert").uses["s1"]
    items = [item for item in recording.items if item.name in ("state.create_path", "state.insert", "state.get")]
    with playback(recording, items, {recorded: own}) as (address, received):
        outcomes = list(Replay(recording, address, ROOT, tmp_path).run(items))
    assert [outcome.name for outcome in outcomes if outcome.differences] == []
    assert f"cyfs-op-env-sid: {own}".encode() in received[1]
    assert recorded.encode() not in received[1] + received[2]


MUTATIONS: dict[str, Callable[[Observed], Observed]] = {
    "status": lambda got: replace(got, status_line="HTTP/1.1 299 Odd"),
    "header order": lambda got: replace(got, headers=got.headers[::-1]),
    "header dropped": lambda got: replace(got, headers=got.headers[1:]),
    "header added": lambda got: replace(got, headers=(*got.headers, ("x-more", "1"))),
    "header twice": lambda got: replace(got, headers=(*got.headers, got.headers[0])),
    "header upper case": lambda got: replace(
        got, headers=((got.headers[0][0].upper(), got.headers[0][1]), *got.headers[1:])
    ),
    "header value": lambda got: with_header(got, fixed_header(got.headers), "x"),
    "body cut": lambda got: with_body(got, got.body[:-1]),
    "body longer": lambda got: with_body(got, got.body + b"\0"),
    "first body byte": lambda got: with_body(got, bytes([got.body[0] ^ 1]) + got.body[1:]),
    "number for string": lambda got: with_body(
        got, got.body.replace(b'"code":"', b'"code":', 1).replace(b'","msg"', b',"msg"')
    ),
    "other code": lambda got: with_body(got, got.body.replace(b'"code":"', b'"code":"9', 1)),
    "spaces in JSON": lambda got: with_body(got, got.body.replace(b":", b": ", 1)),
    "key renamed": lambda got: with_body(got, got.body.replace(b'{"', b'{"x', 1)),
    "closed": lambda got: Observed("closed"),
    "silent": lambda got: Observed("silent"),
}
NEEDS_BODY = {"body cut", "body longer", "first body byte"}
NEEDS_JSON = {"number for string", "other code", "spaces in JSON", "key renamed"}
NEEDS_ERROR = {"number for string", "other code"}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_every_deviation_is_found_in_every_item(mutation: str, recording: Recording) -> None:
    """One thing changed in a recorded reply is reported, whatever the item."""
    machine = machine_of(recording)
    tried = 0
    missed = []
    for item in recording.items:
        for recorded in item.replies:
            if not applies(mutation, recorded):
                continue
            tried += 1
            if not compare(recorded, MUTATIONS[mutation](played(recorded)), machine, item.name):
                missed.append(item.name)
    assert tried > 100
    assert missed == []


def test_a_reply_where_the_reference_gave_none_is_found(recording: Recording) -> None:
    machine = machine_of(recording)
    without = [reply for item in recording.items for reply in item.replies if reply.outcome != "reply"]
    answer = Observed("reply", "HTTP/1.1 200 OK")
    assert len(without) > 20
    assert all(compare(reply, answer, machine) for reply in without)
    for a, b in (("closed", "silent"), ("silent", "closed")):
        assert all(compare(reply, Observed(b), machine) for reply in without if reply.outcome == a)


def test_volatile_parts_are_free_only_as_far_as_recorded(recording: Recording) -> None:
    """Times, signatures and random numbers may differ; what stands around them may not."""
    machine = machine_of(recording)
    items = {item.name: item for item in recording.items}

    zone = items["util.zone"].replies[0]
    body = bytearray(played(zone).body)
    body[43:51] = bytes.fromhex("002fc07777777777")
    assert compare(zone, with_body(played(zone), bytes(body)), machine) == []
    body[51] ^= 1
    assert [difference.part for difference in compare(zone, with_body(played(zone), bytes(body)), machine)] == ["body"]

    chunk = items["ndn.get_level_ndc"].replies[0]
    group = dict(chunk.headers)["cyfs-task-group"]
    assert compare(chunk, with_header(played(chunk), "cyfs-task-group", group[:-3] + "123"), machine) == []
    assert compare(chunk, with_header(played(chunk), "cyfs-task-group", "x" + group), machine)
    assert compare(chunk, with_header(played(chunk), "cyfs-task-group", group + "x"), machine)

    info = items["util.device_static_info"].replies[0]
    moved = Machine("/elsewhere", machine.device_desc, machine.device_desc_sign)
    assert [difference.part for difference in compare(info, played(info), moved)] == ["body.info.cyfs_root"]
    other = with_body(played(info), played(info).body.replace(machine.device_desc.hex().encode(), b"00"))
    assert [difference.part for difference in compare(info, other, machine)] == ["body.info.device"]


def table(tmp_path: Path, *rows: str) -> Path:
    path = tmp_path / "compatibility.md"
    path.write_text("\n".join(["text", "", HEADING, "|---|---|---|---|", *rows, "", "more text"]), encoding="utf-8")
    return path


def test_a_row_explains_exactly_the_difference_it_states(recording: Recording, tmp_path: Path) -> None:
    """An item may only differ in the stated way; a row whose item became equal is itself an error."""
    machine = machine_of(recording)
    item = next(item for item in recording.items if item.name == "non.get_missing_object")
    recorded = item.replies[0]
    error = with_body(played(recorded), b'{"code":"12","msg":"no"}')
    refused = replace(error, status_line="HTTP/1.1 403 Forbidden")
    (row,) = read_rows(table(tmp_path, "| `non.get_missing_object` | 404/4 | `403/12` | reason |"))

    def judged(got: Observed) -> list[str]:
        return problems(row, recorded, got, compare(recorded, got, machine))

    assert judged(refused) == []
    assert judged(played(recorded)) != []
    assert judged(error) != []
    assert judged(with_body(refused, b'{"code":"30","msg":"no"}')) != []
    assert judged(replace(refused, headers=(*refused.headers, ("x-more", "1")))) != []
    assert judged(Observed("closed")) != []
    (wrong,) = read_rows(table(tmp_path, "| non.* | 400/8 | 403/12 | reason |"))
    assert problems(wrong, recorded, refused, compare(recorded, refused, machine)) != []


def test_a_row_states_the_parts_that_differ(recording: Recording, tmp_path: Path) -> None:
    machine = machine_of(recording)
    item = next(item for item in recording.items if item.name == "util.version_info")
    recorded = item.replies[0]
    got = with_body(played(recorded), played(recorded).body.replace(b"1.1.0.0-nightly", b"0.1"))
    (row,) = read_rows(table(tmp_path, "| util.version_info | 200 | `200; body.info.version` | our own |"))
    assert problems(row, recorded, got, compare(recorded, got, machine)) == []
    also = with_body(got, got.body.replace(b'"nightly"', b'"stable"'))
    assert problems(row, recorded, also, compare(recorded, also, machine)) == [
        "body.info.channel differs and is not stated"
    ]
    (promise,) = read_rows(table(tmp_path, "| util.version_info | 200 | 200; body.info.version=9 | our own |"))
    assert problems(promise, recorded, got, compare(recorded, got, machine)) != []


@pytest.mark.parametrize("line", ["| x | 404 | 403/12 | |", "| x | 404 | refused | why |", "| x | 404 | 403/12 |"])
def test_a_broken_row_is_an_error(line: str, tmp_path: Path) -> None:
    with pytest.raises(TableError):
        read_rows(table(tmp_path, line))


def test_rows_without_an_item_and_items_with_two_rows_are_found(recording: Recording, tmp_path: Path) -> None:
    items = [item for item in recording.items if item.name == "util.ood_status"]
    with playback(recording, items) as (address, _):
        outcomes = list(Replay(recording, address, ROOT, tmp_path).run(items))
    rows = read_rows(
        table(
            tmp_path,
            "| util.o* | 500/6 | 200; body | a |",
            "| util.ood* | 500/6 | closed | b |",
            "| q | 404 | closed | c |",
        )
    )
    (verdict,) = judge(outcomes, rows)
    assert "2 rows cover it" in verdict.problems[0]
    assert [row.item for row in idle_rows(rows, outcomes)] == ["q"]


def machine_of(recording: Recording) -> Machine:
    return Machine(ROOT, *device_parts(recording))


def played(recorded: Reply) -> Observed:
    """The reply as it was received. Bodies that the file does not spell out are stood in for by their length."""
    if recorded.outcome != "reply":
        return Observed(recorded.outcome)
    return Observed("reply", recorded.status_line, recorded.headers, recorded.body.data or b"")


def with_body(got: Observed, body: bytes) -> Observed:
    return with_header(replace(got, body=body), "content-length", str(len(body)))


def with_header(got: Observed, name: str, value: str) -> Observed:
    return replace(got, headers=tuple((key, value if key == name else old) for key, old in got.headers))


def applies(mutation: str, recorded: Reply) -> bool:
    if recorded.outcome != "reply" or (mutation != "status" and not recorded.headers):
        return mutation in ("closed", "silent") and recorded.outcome == "reply"
    if mutation == "header order":
        return len(recorded.headers) > 1 and not recorded.unframed
    if mutation == "header value":
        return bool(fixed_header(recorded.headers))
    if mutation in NEEDS_BODY:
        # A msg is free text and ends before the closing brace: cutting or adding a byte breaks the JSON all the same.
        return bool(recorded.body.data) and (mutation != "first body byte" or not free_from_the_start(recorded))
    if mutation in NEEDS_JSON:
        text = recorded.body.data or b""
        if mutation in NEEDS_ERROR:
            return text.startswith(b'{"code":"')
        return text.startswith(b'{"') and (mutation != "spaces in JSON" or not text.startswith(b'{"code"'))
    return True


def fixed_header(headers: Sequence[Header]) -> str:
    """The name of a header whose value may not differ; empty if there is none."""
    return next((name for name, _ in headers if name not in ("content-length", "date")), "")


def free_from_the_start(recorded: Reply) -> bool:
    """Cipher text: only its length is fixed."""
    return any(name.startswith("body[0..") for name in recorded.volatile)


@contextmanager
def playback(
    recording: Recording, items: Sequence[Item], own: Mapping[str, str] | None = None
) -> Iterator[tuple[Address, list[bytes]]]:
    """A server that reads one request per connection and answers with the recorded bytes, ``own`` values put in.

    Gives its address and the list that takes the requests as they arrive.
    """
    received: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0), backlog=8)
    player = Player(made_bodies(recording), own or {}, received)
    thread = threading.Thread(target=player.serve, args=(listener, items), daemon=True)
    thread.start()
    try:
        yield listener.getsockname(), received
    finally:
        thread.join(10)
        listener.close()


def made_bodies(recording: Recording) -> dict[str, bytes]:
    """Bodies that the file knows by hash only, by that hash: those that other items put."""
    requests = {item.name: item.request.body for item in recording.items}
    bodies = (requests["non.put_big"], requests["ndn.put_5000"] + requests["ndn.put_6000"])
    return {hashlib.sha256(body).hexdigest(): body for body in bodies}


@dataclass(slots=True)
class Player:
    """Serves recorded replies. ``made``: bodies by hash. ``own``: recorded text -> text given instead."""

    made: Mapping[str, bytes]
    own: Mapping[str, str]
    received: list[bytes]

    def serve(self, listener: socket.socket, items: Sequence[Item]) -> None:
        for item in items:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(5)
                self.received.append(read_request(connection, item))
                for index, recorded in enumerate(item.replies):
                    if index and item.request.again:
                        read_request(connection, item)
                    if recorded.outcome == "silent":
                        while connection.recv(65536):
                            pass
                    elif recorded.outcome == "reply":
                        connection.sendall(self.reply_bytes(recorded))

    def reply_bytes(self, recorded: Reply) -> bytes:
        body = recorded.body.data
        if body is None and recorded.status >= 400:
            body = recorded.body.head.ljust(recorded.body.length - 2, b"a") + b'"}'
        elif body is None:
            body = self.made[recorded.body.sha256]
        for old, new in self.own.items():
            body = body.replace(old.encode(), new.encode())
        lines = []
        for name, value in recorded.headers:
            true_length = name == "content-length" and not recorded.head_only
            lines.append(f"{name}: {len(body) if true_length else value}")
        return "\r\n".join([recorded.status_line, *lines, "", ""]).encode() + body


def read_request(connection: socket.socket, item: Item) -> bytes:
    """The bytes of a recorded request: the head up to the blank line, then as much as it carries in this item."""
    data = b""
    while b"\r\n\r\n" not in data and (item.request.raw is None or len(data) < len(item.request.raw)):
        data += connection.recv(65536)
    head, _, rest = data.partition(b"\r\n\r\n")
    if item.request.raw is not None:
        wanted = len(item.request.raw) - len(head) - 4
    else:
        lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length:")]
        wanted = lengths[0] if lengths else len(item.request.body)
    while len(rest) < wanted:
        rest += connection.recv(65536)
        data = head + b"\r\n\r\n" + rest
    return data
