"""Trees through a real gateway: killed in the middle and run again, in bounded memory; the older services' ports."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.objects.file import CHUNK_SIZE
from cyfs_edge.wire.chunk_manager import ChunkGet, ChunkSet
from tests import gateway_process
from tests.integration.test_cli import COMMAND, ENVIRONMENT, done

RESIDENT_MAX = 150_000_000
"""Bytes that a put or a get may take, whatever the size of the tree."""
FILES = 100_000 if os.environ.get("CYFS_EDGE_LONG_TESTS") else 5_000


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trees") / "root"
    done("init", "--root", path, "--key", "secp256k1")
    return path


@pytest.fixture(scope="module")
def gateway(root: Path) -> Iterator[gateway_process.GatewayProcess]:
    (root / "etc/cyfs-edge.toml").write_text(
        "[chunk_manager]\nenabled = true\nport = 0\n\n[file_manager]\nenabled = true\nport = 0\n"
    )
    with gateway_process.running(root) as process:
        yield process


def make_tree(folder: Path, files: int, seed: int = 1) -> None:
    """Folders of some 100 files each, small ones and a few of more than a chunk."""
    rng = random.Random(seed)
    for number in range(files):
        path = folder / f"d{number // 1000}" / f"e{number // 100 % 10}" / f"f{number:06}"
        if number % 100 == 0:
            path.parent.mkdir(parents=True)
        path.write_bytes(rng.randbytes(rng.randrange(800)))
    (folder / "nothing").mkdir()
    for number in range(2):
        (folder / f"large{number}").write_bytes(rng.randbytes(2 * CHUNK_SIZE + 5))


def same(one: Path, other: Path) -> bool:
    return subprocess.run(["diff", "-rq", one, other], check=False, capture_output=True).stdout == b""


def run_and_kill(arguments: list[object], when: Callable[[], bool]) -> None:
    """Kills the command as soon as ``when`` says so."""
    process = subprocess.Popen([*COMMAND, *(str(one) for one in arguments)], env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    try:
        while not when():
            assert process.poll() is None, "it was done before it could be killed"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


@pytest.mark.slow
def test_a_tree_killed_on_its_way_in_and_out_arrives(gateway: gateway_process.GatewayProcess, tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    make_tree(source, 5_000)

    def stored_files() -> int:
        return int(done("status", "--root", gateway.root)["store"]["object_count"])

    before = stored_files()
    run_and_kill(["file", "put", source, "--root", gateway.root], lambda: stored_files() > before + 700)
    put = done("file", "put", source, "--root", gateway.root)["files"][0]
    assert put["entries"] == 5_002
    assert put["new_chunks"] < 5_000, "what was stored before the kill is not sent again"

    run_and_kill(
        ["file", "get", put["id"], "-o", out, "--root", gateway.root],
        lambda: (out / "d0").is_dir() and sum(path.name.startswith("f") for path in out.rglob("*")) > 500,
    )
    for path in out.rglob("f*"):
        assert path.read_bytes() == (source / path.relative_to(out)).read_bytes(), "never half a file under its name"
    got = done("file", "get", put["id"], "-o", out, "--root", gateway.root)
    assert got["files"] == 5_002
    assert got["unchanged"] > 500
    assert same(source, out)
    assert not [path for path in out.rglob("*") if path.name.endswith(".cyfs-part")]


def resident_of(*arguments: object) -> int:
    """The most bytes that a command had in memory."""
    # VmHWM is of the program; ru_maxrss would be that of whoever started it, if that one is larger.
    script = (
        "import sys; from cyfs_edge.cli.main import main; code = main(sys.argv[1:]); "
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')), "
        "file=sys.stderr); sys.exit(code)"
    )
    command = [sys.executable, "-c", script, *(str(one) for one in arguments)]
    result = subprocess.run(command, env=ENVIRONMENT, capture_output=True, check=True, timeout=1200)
    return int(result.stderr.split()[-1]) * 1024


@pytest.mark.slow
@pytest.mark.serial
@pytest.mark.timeout(1800)
def test_memory_does_not_grow_with_the_tree(gateway: gateway_process.GatewayProcess, tmp_path: Path) -> None:
    sizes: dict[str, list[int]] = {"put": [], "get": []}
    for files in (FILES // 5, FILES):
        source = tmp_path / str(files)
        make_tree(source, files, files)
        sizes["put"].append(resident_of("file", "put", source, "--root", gateway.root))
        dir_id = done("file", "put", source, "--root", gateway.root)["files"][0]["id"]
        out = tmp_path / f"out{files}"
        sizes["get"].append(resident_of("file", "get", dir_id, "-o", out, "--root", gateway.root))
        assert same(source, out)
    for small, large in sizes.values():
        assert large < RESIDENT_MAX
        # The list of the Dir is in memory while it is made: some 80 bytes a file, and room to copy it.
        assert large - small < 8_000_000 + FILES * 600


def call(address: str, method: str, target: str, body: bytes = b"") -> tuple[int, bytes]:
    host, port = address.rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=20)
    try:
        connection.request(method, target, body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_the_ports_of_older_services(gateway: gateway_process.GatewayProcess, tmp_path: Path) -> None:
    status = done("status", "--root", gateway.root)
    assert f"chunk_manager={status['chunk_manager']}" in gateway.ready_line
    chunks, files = str(status["chunk_manager"]), str(status["file_manager"])
    device = ObjectId.from_text(str(status["device_id"]))
    data = os.urandom(300_000)
    chunk_id = ChunkId.of_data(data)
    answers: list[tuple[int, bytes]] = []

    def set_chunk() -> None:
        answers.append(call(chunks, "POST", "/set_chunk", ChunkSet(device, chunk_id, data).encode()))

    threads = [threading.Thread(target=set_chunk) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [(200, device + chunk_id + b"\0")] * 4
    assert call(chunks, "POST", "/get_chunk", ChunkGet(device, device, chunk_id).encode()) == (200, data)
    (tmp_path / "file").write_bytes(data)
    file_id = done("file", "put", tmp_path / "file", "--root", gateway.root)["files"][0]["id"]
    raw = bytes.fromhex(done("object", "get", file_id, "--root", gateway.root)["object_raw"])
    assert call(files, "GET", f"/get_file?fileid={file_id}") == (200, raw)
    assert call(files, "POST", "/set_file", raw) == (200, b"")
    assert call(files, "POST", "/set_file", raw[:40])[0] == 400
    assert json.loads(call(chunks, "POST", "/get_chunk", b"junk")[1])["code"]


def test_the_ports_are_off_unless_they_are_asked_for(tmp_path: Path) -> None:
    done("init", "--root", tmp_path / "root", "--key", "secp256k1")
    with gateway_process.running(tmp_path / "root") as process:
        status = done("status", "--root", process.root)
        assert (status["chunk_manager"], status["file_manager"]) == (None, None)
        assert "manager" not in process.ready_line
