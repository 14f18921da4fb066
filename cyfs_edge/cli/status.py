"""``cyfs-edge status``."""

from __future__ import annotations

from cyfs_edge.cli.client import call_json
from cyfs_edge.cli.context import Context
from cyfs_edge.cli.exits import Exit
from cyfs_edge.cli.output import duration_text, printable, size_text, time_text


def status(context: Context) -> int:
    """What the gateway of the root says of itself; exit code 3 when none is running."""
    out = context.out
    client = context.connect_gateway()
    if client is None:
        out.document({"running": False, "root": str(context.root.path)})
        out.line(f"No gateway is running on {context.root.path}.")
        out.line(f"Start it: cyfs-edge run --root {context.root.path}")
        return Exit.NOT_FOUND
    try:
        report = call_json(client, "GET", "/control/status")
    finally:
        client.close()
    out.document({"running": True, **report})
    out.fields(_rows(report))
    return Exit.OK


def _rows(report: dict[str, object]) -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = [
        ("state", f"running, process {report.get('pid')}, version {report.get('version')}"),
        ("up", duration_text(_number(report.get("uptime_s")))),
        ("root", report.get("root")),
        ("device", report.get("device_id")),
        ("owner", report.get("owner_id")),
        ("zone", report.get("zone_id")),
        ("http", report.get("http")),
        ("websocket", report.get("ws")),
        ("owner door", report.get("door")),
        ("chunk-manager", report.get("chunk_manager")),
        ("file-manager", report.get("file_manager")),
    ]
    requests = report.get("requests")
    if isinstance(requests, dict):
        rows.append(("requests", f"{requests.get('total', 0)}, {requests.get('errors', 0)} failed"))
    store = report.get("store")
    if isinstance(store, dict):
        rows += [
            ("objects", f"{store.get('object_count', 0)}, {_size(store.get('storage_size'))}"),
            ("chunks", f"{store.get('chunk_count', 0)}, {_size(store.get('chunk_size'))}"),
            ("on disk", f"{_size(store.get('file_size'))}, {_size(store.get('free_space'))} free"),
        ]
    last = report.get("last")
    if isinstance(last, dict):
        rows += [(name, last_text(last.get(name))) for name in ("backup", "scrub")]
    volumes = report.get("volumes")
    for one in volumes if isinstance(volumes, list) else []:
        if isinstance(one, dict) and one.get("name") != "root":
            why = f": {printable(str(one.get('why')))}" if one.get("why") else ""
            rows.append(("volume", f"{one.get('name')} at {printable(str(one.get('where')))}, {one.get('state')}{why}"))
    return rows


def last_text(last: object) -> str:
    """How the last backup or scrub went."""
    if not isinstance(last, dict):
        return "none yet"
    time = time_text(int(_number(last.get("time"))))
    if last.get("error"):
        return f"failed at {time}: {last['error']}"
    count = last.get("problem_count", last.get("problems"))
    found = f", {count} damaged" if count else ""
    repaired = f", {last['repaired']} repaired" if last.get("repaired") else ""
    return f"{time}{found}{repaired}"


def _size(value: object) -> str:
    return size_text(int(_number(value)))


def _number(value: object) -> float:
    return value if isinstance(value, int | float) else 0
