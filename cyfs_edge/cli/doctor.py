"""``cyfs-edge doctor``: looks at everything that has to be right, and says what to do about what is not."""

from __future__ import annotations

import re
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from cyfs_edge import __version__
from cyfs_edge.base.errors import CyfsError
from cyfs_edge.cli.client import Client, call_json
from cyfs_edge.cli.context import Context
from cyfs_edge.cli.exits import CliError, Exit
from cyfs_edge.cli.output import describe, printable, size_text, wrapped
from cyfs_edge.cli.roots import check_root, user_name
from cyfs_edge.cli.status import last_text

_INDENT = 20
_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)[^;]*$")
_SPACE_LOW = 512 << 20
_CLOCK_MIN = 1_700_000_000
"""No release is older than this (November 2023), in unix seconds."""
_CLOCK_SPAN = 50 * 365 * 86400


@dataclass(frozen=True, slots=True)
class Finding:
    """``state``: ok, warn or fail; ``hint``: the next step."""

    check: str
    state: str
    text: str
    hint: str = ""


def doctor(context: Context) -> int:
    """All checks; exit code 1 when one failed. What cannot be checked because of that is left out."""
    findings: list[Finding] = []
    out = context.out
    blocked = False
    for check, needed in (
        (_software, False),
        (_clock, False),
        (_configuration, False),
        (_space, False),
        (_root, True),
        (_identity, True),
        (_gateway, True),
    ):
        if blocked and needed:
            continue
        for finding in _guarded(check, context):
            findings.append(finding)
            blocked |= needed and finding.state == "fail" and finding.check != "permissions"
            out.line(wrapped(f"{finding.state.upper():<5} {finding.check:<13} {finding.text}", _INDENT))
            if finding.hint:
                out.line(wrapped(f"{'':<{_INDENT}}-> {finding.hint}", _INDENT + 3))
    failed = any(finding.state == "fail" for finding in findings)
    rows = [{"check": one.check, "state": one.state, "text": one.text, "hint": one.hint} for one in findings]
    out.document({"ok": not failed, "checks": rows})
    return Exit.FAILED if failed else Exit.OK


def _guarded(check: Callable[[Context], Iterator[Finding]], context: Context) -> Iterator[Finding]:
    try:
        yield from check(context)
    except (CyfsError, OSError) as error:
        hint = error.hint if isinstance(error, CliError) else ""
        yield Finding(check.__name__.strip("_"), "fail", describe(error)[1], hint)


def _software(context: Context) -> Iterator[Finding]:
    python = ".".join(str(part) for part in sys.version_info[:3])
    yield Finding("software", "ok", f"cyfs-edge {__version__}, Python {python}")
    missing = []
    found = []
    for name in _required():
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        yield Finding("libraries", "fail", f"missing: {', '.join(missing)}", f"pip install {' '.join(missing)}")
    else:
        yield Finding("libraries", "ok", ", ".join(found))


def _required() -> list[str]:
    """The libraries that the installed package asks for, without those of its extras."""
    try:
        lines = metadata.requires("cyfs-edge") or []
    except metadata.PackageNotFoundError:
        return []  # run from its sources: what is missing has been told by the failing import
    found = (_REQUIREMENT.match(line) for line in lines)
    return [match[1] for match in found if match]


def _clock(context: Context) -> Iterator[Finding]:
    now = time.time()
    text = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now))
    if _CLOCK_MIN <= now < _CLOCK_MIN + _CLOCK_SPAN:
        yield Finding("clock", "ok", text)
    else:
        yield Finding("clock", "warn", f"{text} cannot be right", "Set the time, or let the network do it: timedatectl")


def _configuration(context: Context) -> Iterator[Finding]:
    config = context.config
    yield Finding(
        "configuration", "ok", f"HTTP port {config.http.port}, WebSocket port {config.ws.port}, {config.browser_mode}"
    )


def _root(context: Context) -> Iterator[Finding]:
    root = context.root
    check_root(root, need_identity=False)
    owner = user_name(root.path.stat().st_uid)
    yield Finding("root", "ok", f"{root.path} ({root.source}), of user {owner}")
    exposed = [path for path in (root.path / "data", root.desc_folder / "device.sec") if _open_to_others(path)]
    for path in exposed:
        yield Finding("permissions", "fail", f"{path} is open to other users", f"chmod go= {path}")
    uid = root.path.stat().st_uid
    foreign = [path for path in _own_paths(root.path) if path.stat().st_uid != uid]
    for path in foreign:
        yield Finding("permissions", "fail", f"{path} belongs to another user", f"chown -R {owner} {path}")
    if not exposed and not foreign:
        yield Finding("permissions", "ok", "owner and modes of the root's folders are right")


def _open_to_others(path: Path) -> bool:
    return path.exists() and bool(path.stat().st_mode & 0o077)


def _own_paths(root: Path) -> list[Path]:
    folders = [root / name for name in ("etc", "etc/desc", "data", "data/store", "run")]
    return [
        path for folder in folders if folder.is_dir() for path in (folder, *folder.iterdir()) if not path.is_symlink()
    ]


def _identity(context: Context) -> Iterator[Finding]:
    check_root(context.root, need_key=True)
    from cyfs_edge.store.identity_files import load_identity

    # Reading compares the private key with the device's public one.
    identity = load_identity(context.root.path)
    yield Finding("identity", "ok", f"device {identity.device.object_id}, key fits")
    for warning in identity.warnings:
        yield Finding("identity", "warn", warning)
    if identity.owner is None:
        yield Finding("identity", "warn", "the owner object is missing", "Put zone_owner.desc back into etc/desc")


def _space(context: Context) -> Iterator[Finding]:
    path = context.root.path
    usage = shutil.disk_usage(next(one for one in (path, *path.parents) if one.exists()))
    floor = context.config.store.min_free or _SPACE_LOW
    text = f"{size_text(usage.free)} of {size_text(usage.total)} free"
    if usage.free > floor:
        yield Finding("space", "ok", text)
    else:
        yield Finding("space", "warn", f"{text}; writes are refused when it runs out", "Delete something, or add space")


def _gateway(context: Context) -> Iterator[Finding]:
    """The running gateway; without one its ports, and the store itself."""
    client = context.connect_gateway()
    if client is not None:
        try:
            yield from _running(client)
        finally:
            client.close()
        return
    yield Finding("gateway", "ok", "not running")
    for name, host, port in (
        ("http port", context.config.http.host, context.config.http.port),
        ("ws port", context.config.ws.host, context.config.ws.port),
    ):
        if _is_free(host, port):
            yield Finding(name, "ok", f"{port} is free")
        else:
            option = f"--{name.replace(' ', '-')}"
            yield Finding(
                name, "fail", f"{port} is in use by another program", f"Stop it, or choose another: {option} N"
            )
    client = context.connect()
    try:
        yield from _store(client, call_json(client, "GET", "/control/status"))
    finally:
        client.close()


def _running(client: Client) -> Iterator[Finding]:
    report = call_json(client, "GET", "/control/status")
    yield Finding("gateway", "ok", f"running, process {report.get('pid')}, http {report.get('http')}")
    yield from _store(client, report)


def _store(client: Client, report: dict[str, object]) -> Iterator[Finding]:
    failure = report.get("store_failure")
    if failure:
        yield Finding("store", "fail", str(failure), "Restart the gateway; then verify: cyfs-edge scrub")
        return
    figures = report.get("store")
    stat = figures if isinstance(figures, dict) else {}
    yield Finding("store", "ok", f"{stat.get('object_count')} objects, {stat.get('chunk_count')} chunks")
    yield from _kept_safe(report.get("last"))
    # Looks at each; the status tells how they were.
    volumes = call_json(client, "GET", "/control/volumes").get("volumes")
    for one in volumes if isinstance(volumes, list) else []:
        if isinstance(one, dict) and one.get("name") != "root":
            yield _volume(one)


_HINTS = {
    "backup": "Take one and see what it says: cyfs-edge backup create",
    "scrub": "Replace what is damaged from another copy: cyfs-edge scrub --repair",
}


def _kept_safe(last: object) -> Iterator[Finding]:
    """The last backup and the last scrub."""
    for name, hint in _HINTS.items():
        found = last.get(name) if isinstance(last, dict) else None
        good = found is None or not (found.get("error") or found.get("problems"))
        yield Finding(name, "ok" if good else "warn", last_text(found), "" if good else hint)


def _volume(one: dict[str, object]) -> Finding:
    text = f"{one.get('name')} at {printable(str(one.get('where')))}"
    if one.get("state") not in ("missing", "failing"):
        return Finding("volume", "ok", f"{text}, {one.get('state')}")
    text = f"{text} is {one.get('state')}: {printable(str(one.get('why')))}; large chunks are refused"
    if one.get("name") == "remote":
        return Finding("volume", "fail", text, "Look at the server, the network and [chunks] in the configuration")
    hint = f"Mount its disk again; if it is lost: cyfs-edge volume remove --lost {one.get('name')}"
    return Finding("volume", "fail", text, hint)


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, port))
        except OSError:
            return False
    return True
