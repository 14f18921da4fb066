"""A real S3 server for the tests: SeaweedFS, which ``scripts/seaweedfs.sh`` builds. It can be killed and come back."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from cyfs_edge.store.remote import StorageError
from cyfs_edge.store.s3 import Credentials, S3Settings, S3Storage

PROJECT = Path(__file__).parents[1]
CREDENTIALS = Credentials("test-key", "test-secret")
BUCKET = "chunks"
START_S = 60.0
GRPC_OFFSET = 10_000
"""SeaweedFS takes a second port for each, so much higher."""


def find_weed() -> str | None:
    """The program, if it is there: it is built by the script only, not by a test."""
    script = (PROJECT / "scripts" / "seaweedfs.sh").read_text(encoding="utf-8")
    version = re.search(r"^version=(\S+)$", script, re.MULTILINE)
    assert version is not None
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    built = cache / "cyfs-edge" / f"seaweedfs-{version[1]}" / "weed"
    return os.environ.get("CYFS_WEED") or (str(built) if built.exists() else None) or shutil.which("weed")


def skip_without_server() -> str:
    weed = find_weed()
    if weed is None:
        pytest.skip("needs SeaweedFS, an S3 server: bash scripts/seaweedfs.sh builds it")
    pytest.importorskip("boto3", reason="needs boto3 (the extra s3)")
    return weed


def _free_ports(count: int) -> list[int]:
    """Ports that are free, with that of gRPC above each."""
    found: list[int] = []
    while len(found) < count:
        with socket.socket() as low, socket.socket() as high:
            low.bind(("127.0.0.1", 0))
            port = low.getsockname()[1]
            if port + GRPC_OFFSET > 65_535 or port in found:
                continue
            try:
                high.bind(("127.0.0.1", port + GRPC_OFFSET))
            except OSError:
                continue
            found.append(port)
    return found


class S3Server:
    """One process in a folder of its own, on loopback. ``endpoint`` stays the same over restarts."""

    def __init__(self, weed: str, folder: Path) -> None:
        self._weed = weed
        self._folder = folder
        self._master, self._volume, self._filer, self._s3 = _free_ports(4)
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "data").mkdir(parents=True)
        identity = {
            "name": "test",
            "credentials": [{"accessKey": CREDENTIALS.access_key, "secretKey": CREDENTIALS.secret_key}],
            "actions": ["Admin", "Read", "Write", "List"],
        }
        (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._s3}"

    def launch(self) -> None:
        """Without waiting for it to answer."""
        with open(self._folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                [
                    self._weed,
                    "server",
                    f"-dir={self._folder / 'data'}",
                    "-ip=127.0.0.1",
                    "-ip.bind=127.0.0.1",
                    "-master.telemetry=false",
                    f"-master.port={self._master}",
                    "-master.volumeSizeLimitMB=64",
                    f"-volume.port={self._volume}",
                    "-volume.max=50",
                    "-filer",
                    f"-filer.port={self._filer}",
                    f"-filer.localSocket={self._folder / 'filer.sock'}",
                    "-s3",
                    f"-s3.port={self._s3}",
                    "-s3.port.iceberg=0",
                    "-s3.port.lance=0",
                    f"-s3.config={self._folder / 's3.json'}",
                    f"-s3.localSocket={self._folder / 's3.sock'}",
                ],
                cwd=self._folder,
                stdout=log,
                stderr=log,
            )

    def start(self) -> None:
        self.launch()
        self.wait()

    def wait(self) -> None:
        """Until it has taken an object."""
        deadline = time.monotonic() + START_S
        storage = self.storage("ready", timeout=1.0)
        while True:
            try:
                self._make_bucket(storage)
                storage.put("ready", b"ready")
            except StorageError:
                assert time.monotonic() < deadline, (self._folder / "log").read_text(errors="replace")[-3000:]
                assert self._process is not None
                assert self._process.poll() is None, (self._folder / "log").read_text(errors="replace")[-3000:]
                time.sleep(0.1)
            else:
                return

    @staticmethod
    def _make_bucket(storage: S3Storage) -> None:
        try:
            storage._call(lambda: storage._client.create_bucket(Bucket=BUCKET))
        except StorageError as error:
            if "BucketAlready" not in str(error):
                raise

    def storage(self, prefix: str, *, timeout: float = 10.0, endpoint: str | None = None) -> S3Storage:
        return S3Storage(
            S3Settings(endpoint or self.endpoint, BUCKET, prefix, "us-east-1", CREDENTIALS, timeout, connections=4)
        )

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(20)

    def close(self) -> None:
        """It takes its time to stop in order, and nobody wants its data."""
        if self.running:
            self.kill()
