"""The command beside a running gateway: it asks the gateway, or has the store to itself, and never both."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cyfs_edge.cli.client import UnixClient, call_json
from cyfs_edge.objects.builder import BodyParts, build_object
from cyfs_edge.objects.file import CHUNK_SIZE
from cyfs_edge.store.lock import StoreLock
from tests import gateway_process
from tests.command import COMMAND, ENVIRONMENT, cli, done


def failed(code: int, *arguments: object) -> str:
    """The message of a command that must fail with this exit code."""
    result = cli(*arguments, "--json")
    assert result.returncode == code, result.stderr.decode()
    assert result.stdout == b""
    message: str = json.loads(result.stderr)["error"]["msg"]
    return message


def listed_ids(document: Any) -> list[str]:
    """Of ``object list``. The node makes its Zone object anew when it starts, so sizes and times may differ."""
    return [row["object_id"] for row in document["objects"]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "root"
    done("init", "--root", path, "--key", "secp256k1")
    return path


@pytest.fixture
def gateway(root: Path) -> Iterator[gateway_process.GatewayProcess]:
    with gateway_process.running(root) as process:
        yield process


def test_run_can_make_the_identity_first(tmp_path: Path) -> None:
    extra = ("--init", "--key", "secp256k1", "--name", "New Comer")
    with gateway_process.running(tmp_path / "root", extra=extra) as gateway:
        shown = done("identity", "show", "--root", gateway.root)
        assert shown["owner_name"] == "New Comer"
        assert f"device={shown['device_id']}" in gateway.ready_line
        assert "/util/version_info" in gateway.log_text()
    with gateway_process.running(tmp_path / "root", extra=extra) as gateway:
        assert f"device={shown['device_id']}" in gateway.ready_line


def test_status_and_doctor_ask_the_gateway(gateway: gateway_process.GatewayProcess) -> None:
    status = done("status", "--root", gateway.root)
    assert status["running"] is True
    assert status["pid"] == gateway.pid
    assert status["http"] == f"127.0.0.1:{gateway.http[1]}"
    text = cli("status", "--root", gateway.root).stdout.decode()
    assert f"process {gateway.pid}" in text
    checks = {row["check"]: row for row in done("doctor", "--root", gateway.root)["checks"]}
    assert str(gateway.pid) in checks["gateway"]["text"]
    assert checks["store"]["state"] == "ok"


def test_objects_and_files_through_the_gateway_and_without_it_are_the_same(root: Path, tmp_path: Path) -> None:
    objects = [build_object(40_000, desc_content=b"%d" % number, body=BodyParts(b"")) for number in range(50)]
    lines = "\n".join(obj.raw.hex() for obj in objects).encode()
    (tmp_path / "file").write_bytes(os.urandom(2 * CHUNK_SIZE + 17))
    with gateway_process.running(root):
        rows = done("object", "put", "--hex", "-", "--root", root, stdin=lines)["objects"]
        assert [row["result"] for row in rows] == ["Accept"] * 50
        put = done("file", "put", tmp_path / "file", "--root", root)["files"][0]
        assert put["new_chunks"] == 3
        done("file", "get", put["id"], "-o", tmp_path / "with", "--root", root)
        assert cli("object", "get", objects[0].object_id, "--root", root).stdout == objects[0].raw
        listed = listed_ids(done("object", "list", "--root", root))
        files = done("file", "ls", "--root", root)
        scrubbed = done("scrub", "--root", root)
    done("file", "get", put["id"], "-o", tmp_path / "without", "--root", root)
    assert (tmp_path / "with").read_bytes() == (tmp_path / "without").read_bytes() == (tmp_path / "file").read_bytes()
    assert listed_ids(done("object", "list", "--root", root)) == listed
    assert done("file", "ls", "--root", root) == files
    assert done("scrub", "--root", root) == scrubbed
    assert done("file", "put", tmp_path / "file", "--root", root)["files"][0]["new_chunks"] == 0


def test_a_store_that_is_locked_without_a_gateway_is_not_touched(root: Path) -> None:
    done("object", "list", "--root", root)
    lock = StoreLock(root / "data/store/lock")
    lock.acquire()
    try:
        message = failed(5, "object", "list", "--root", root)
        assert f"process {os.getpid()}" in message
        assert "no gateway answers" in message
        assert failed(5, "run", "--root", root, "--http-port", "0", "--ws-port", "0")
    finally:
        lock.release()
    done("object", "list", "--root", root)


def test_a_command_waits_for_a_gateway_that_is_just_starting(root: Path) -> None:
    done("object", "list", "--root", root)
    lock = StoreLock(root / "data/store/lock")
    lock.acquire()
    process = subprocess.Popen([*COMMAND, "object", "list", "--root", str(root), "--json"], stdout=subprocess.PIPE)
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
    finally:
        lock.release()
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert len(json.loads(out)["objects"]) >= 3


def test_a_second_gateway_and_a_busy_port_are_refused(gateway: gateway_process.GatewayProcess, tmp_path: Path) -> None:
    message = failed(5, "run", "--root", gateway.root, "--http-port", "0", "--ws-port", "0")
    assert str(gateway.pid) in message
    other = tmp_path / "other"
    done("init", "--root", other, "--key", "secp256k1")
    message = failed(5, "run", "--root", other, "--http-port", gateway.http[1], "--ws-port", "0")
    assert str(gateway.http[1]) in message
    assert done("status", "--root", gateway.root)["pid"] == gateway.pid


def test_a_socket_left_by_a_killed_gateway_does_not_matter(root: Path) -> None:
    gateway = gateway_process.start(root)
    gateway.kill()
    assert (root / "run/gateway.sock").exists()
    assert cli("status", "--root", root).returncode == 3
    assert done("object", "list", "--root", root)["objects"]


def test_a_put_that_was_killed_goes_on_where_it_was(gateway: gateway_process.GatewayProcess, tmp_path: Path) -> None:
    chunks = 12
    source = tmp_path / "source"
    source.write_bytes(os.urandom(chunks * CHUNK_SIZE))
    client = UnixClient(gateway.root / "run/gateway.sock")
    process = subprocess.Popen([*COMMAND, "file", "put", str(source), "--root", str(gateway.root)], env=ENVIRONMENT)
    try:
        while not call_json(client, "GET", "/control/status")["store"]["chunk_count"]:  # type: ignore[index]
            assert process.poll() is None
    finally:
        process.kill()
        process.wait()
        client.close()
    resumed = done("file", "put", source, "--root", gateway.root)["files"][0]
    assert resumed["new_chunks"] < chunks
    done("file", "get", resumed["id"], "-o", tmp_path / "out", "--root", gateway.root)
    assert (tmp_path / "out").read_bytes() == source.read_bytes()


def test_a_root_deeper_than_a_socket_address_is_long(tmp_path: Path) -> None:
    root = tmp_path / ("d" * 90) / ("e" * 90)
    root.parent.mkdir()
    done("init", "--root", root, "--key", "secp256k1")
    with gateway_process.running(root) as gateway:
        assert done("status", "--root", root)["pid"] == gateway.pid


def test_two_commands_without_a_gateway_take_turns(root: Path) -> None:
    processes = [
        subprocess.Popen([*COMMAND, "object", "list", "--root", str(root), "--json"], stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    lists = [listed_ids(json.loads(process.communicate(timeout=60)[0])) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert lists[0] == lists[1] == lists[2]


def test_a_terminal_sees_a_bar_and_a_pipe_does_not(gateway: gateway_process.GatewayProcess, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(os.urandom(CHUNK_SIZE + 1))
    arguments = [*COMMAND, "file", "put", str(tmp_path / "file"), "--root", str(gateway.root)]
    main_end, terminal = pty.openpty()
    process = subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=terminal, env={**ENVIRONMENT, "TERM": "xterm", "COLUMNS": "80"}
    )
    os.close(terminal)
    out, _ = process.communicate(timeout=60)
    seen = _drain(main_end)
    assert process.returncode == 0
    assert b"put" in seen
    assert b"of 4.0 MiB" in seen
    assert seen.endswith(b"\r\x1b[K")
    assert out.count(b"\n") == 1
    assert b"\x1b" not in out
    piped = cli("file", "put", tmp_path / "file", "--root", gateway.root)
    assert (piped.stderr, piped.stdout) == (b"", out)


def test_json_on_a_terminal_has_no_bar(gateway: gateway_process.GatewayProcess, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    main_end, terminal = pty.openpty()
    arguments = [*COMMAND, "file", "put", str(tmp_path / "file"), "--root", str(gateway.root), "--json"]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=terminal, env={**ENVIRONMENT, "TERM": "xterm"})
    os.close(terminal)
    out, _ = process.communicate(timeout=60)
    assert json.loads(out)["files"][0]["kind"] == "file"
    assert _drain(main_end) == b""


def test_words_are_asked_for_on_a_terminal(tmp_path: Path) -> None:
    made = done("init", "--root", tmp_path / "a", "--key", "secp256k1", "--device-id-text", "box")
    main_end, terminal = pty.openpty()
    arguments = [*COMMAND, "init", "--restore", "--root", str(tmp_path / "b"), "--key", "secp256k1"]
    process = subprocess.Popen(
        [*arguments, "--device-id-text", "box"],
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=terminal,
        env=ENVIRONMENT,
    )
    os.close(terminal)
    seen = b""
    while b"in one line: " not in seen:
        seen += os.read(main_end, 1000)
    os.write(main_end, made["words"].encode() + b"\n")
    out, _ = process.communicate(timeout=60)
    os.close(main_end)
    assert process.returncode == 0
    assert made["device_id"].encode() in out
    assert done("identity", "show", "--root", tmp_path / "b")["device_id"] == made["device_id"]


def test_ctrl_c_stops_the_gateway_in_order(root: Path) -> None:
    gateway = gateway_process.start(root)
    gateway.process.send_signal(signal.SIGINT)
    assert gateway.process.wait(20) == 0
    assert not (root / "run/gateway.sock").exists()


def _drain(fd: int) -> bytes:
    """All that was written to the other end of a terminal, which is closed by now."""
    seen = b""
    try:
        while select.select([fd], [], [], 5)[0]:
            piece = os.read(fd, 65536)
            if not piece:
                break
            seen += piece
    except OSError:
        # Linux reports EIO when the last holder of the other end is gone.
        pass
    finally:
        os.close(fd)
    return seen
