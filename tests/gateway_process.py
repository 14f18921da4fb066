"""A real gateway process for tests: started on a root, stopped in an orderly way, its log kept."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Address = tuple[str, int]

READY = re.compile(r"^ready\b.*\bhttp=(?P<http>[\d.]+:\d+)\b.*\bws=(?P<ws>[\d.]+:\d+)")


class GatewayFailed(Exception):
    """The process ended, or said nothing, before its ready line. The text holds its exit code and log."""


@dataclass(slots=True)
class GatewayProcess:
    """One running ``cyfs-edge run``. ``log`` is the file that takes its standard error."""

    process: subprocess.Popen[bytes]
    root: Path
    log: Path
    ready_line: str
    http: Address
    ws: Address
    start_seconds: float
    _drain: threading.Thread = field(repr=False)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def log_text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def stop(self, timeout: float = 20.0) -> int:
        """SIGTERM, wait, give the exit code. A process that does not end in time is killed and reported as an error."""
        if self.alive:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise GatewayFailed(f"no exit {timeout} s after SIGTERM\n{self.log_text()}") from None
        self._drain.join(timeout)
        return code

    def kill(self) -> None:
        """SIGKILL: what a crash or a power cut of the process looks like."""
        if self.alive:
            self.process.kill()
        self.process.wait()
        self._drain.join(5)


def command(root: Path, http_port: int = 0, ws_port: int = 0, extra: Sequence[str] = ()) -> list[str]:
    """The command line of a gateway on ``root``; port 0 = any free one."""
    ports = ["--http-port", str(http_port), "--ws-port", str(ws_port)]
    return [sys.executable, "-m", "cyfs_edge.cli.main", "run", "--root", str(root), *ports, *extra]


def start(
    root: Path,
    *,
    http_port: int = 0,
    ws_port: int = 0,
    extra: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    timeout: float = 30.0,
    log: Path | None = None,
    prefix: Sequence[str] = (),
) -> GatewayProcess:
    """Starts a gateway and waits for its ready line. ``prefix`` goes before the command (a tracer, a limiter)."""
    log = log or root.with_name(root.name + ".log")
    began = time.monotonic()
    with log.open("ab") as stderr:
        process = subprocess.Popen(
            [*prefix, *command(root, http_port, ws_port, extra)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env={**os.environ, **(env or {})},
        )
    lines: list[str] = []
    seen = threading.Event()

    def drain() -> None:
        assert process.stdout is not None
        for raw in process.stdout:
            lines.append(raw.decode("utf-8", "replace").rstrip())
            if READY.match(lines[-1]):
                seen.set()
        seen.set()

    thread = threading.Thread(target=drain, name="gateway-stdout", daemon=True)
    thread.start()
    seen.wait(timeout)
    found = next((match for line in list(lines) if (match := READY.match(line))), None)
    if found is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1)  # standard output is closed a moment before the process is gone
        state = "still running" if process.poll() is None else f"exit code {process.returncode}"
        process.kill()
        process.wait()
        text = "\n".join(lines)
        raise GatewayFailed(f"no ready line ({state})\n{text}\n{log.read_text(encoding='utf-8', errors='replace')}")
    return GatewayProcess(
        process=process,
        root=root,
        log=log,
        ready_line=found.string,
        http=_address(found["http"]),
        ws=_address(found["ws"]),
        start_seconds=time.monotonic() - began,
        _drain=thread,
    )


@contextlib.contextmanager
def running(root: Path, **options: object) -> Iterator[GatewayProcess]:
    """A gateway for the length of a ``with`` block; ended by SIGTERM, killed if the block raised."""
    gateway = start(root, **options)  # type: ignore[arg-type]
    try:
        yield gateway
    except BaseException:
        gateway.kill()
        raise
    gateway.stop()


def write_identity(root: Path, files: Mapping[str, bytes]) -> None:
    """Writes identity files (``device.desc``, ``device.sec``, ``zone_owner.desc``) to ``root/etc/desc``, mode 0600."""
    folder = root / "etc" / "desc"
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        path = folder / name
        path.write_bytes(data)
        path.chmod(0o600)


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    return host, int(port)
