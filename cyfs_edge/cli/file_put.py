"""``cyfs-edge file put``: files and folders become chunks, File and Dir objects (docs/files.md).

The same content of the same owner always gets the same ids: objects are made without a create time.
"""

from __future__ import annotations

import os
from pathlib import Path

from cyfs_edge.base.errors import ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.cli.client import call_json
from cyfs_edge.cli.context import Context
from cyfs_edge.cli.exits import CliError, Exit
from cyfs_edge.cli.ingest import Ingest, Report
from cyfs_edge.cli.output import printable, size_text
from cyfs_edge.cli.progress import Progress
from cyfs_edge.cli.tree import total_size


def put(context: Context) -> int:
    """Stores every path and prints its id. What is stored already is not sent again, so a broken-off put goes on."""
    out, names = context.out, context.args.paths
    for name in names:
        _check(Path(name))
    client = context.connect()
    reports: list[Report] = []
    try:
        owner = ObjectId.from_text(str(call_json(client, "GET", "/control/status").get("owner_id")))
        avoid = os.fsencode(context.root.path)
        bar = Progress("put", 0, quiet=out.as_json)
        if bar.shown:
            bar.total = sum(_size(name, avoid) for name in names)
        with bar:
            ingest = Ingest(client, owner, bar, rehash=context.args.rehash, avoid=avoid)
            try:
                for name in names:
                    bar.label = f"put {Path(name).name}"
                    folder = os.path.isdir(name)
                    reports.append((ingest.put_folder if folder else ingest.put_file)(os.fsencode(name)))
            finally:
                ingest.close()
    finally:
        client.close()
    rows = [_row(name, report) for name, report in zip(names, reports, strict=True)]
    out.document({"files": rows})
    for name, report in zip(names, reports, strict=True):
        if report.object_id is not None:
            count = f"{report.files} files, " if os.path.isdir(name) else ""
            out.line(f"{report.object_id}  {count}{size_text(report.size)}  {printable(name)}")
        for left in report.left_out:
            out.note(f"left out: {_shown(left.path)} ({left.reason})")
        for path, error in report.failed:
            out.note(f"not stored: {_shown(path)}: {error.message}")
        told = len(report.left_out) + len(report.failed)
        if (more := report.left_out_count + report.failed_count - told) > 0:
            out.note(f"and {more} more that are not stored")
    return Exit.FAILED if any(report.failed_count for report in reports) else Exit.OK


def _check(path: Path) -> None:
    if not path.exists():
        raise CliError(ErrorCode.NOT_FOUND, f"There is no {path}.", Exit.NOT_FOUND)
    if not path.is_dir() and not path.is_file():
        raise CliError(ErrorCode.INVALID_PARAM, f"{path} is neither a file nor a folder.", Exit.USAGE)


def _size(name: str, avoid: bytes) -> int:
    return total_size(os.fsencode(name), avoid) if os.path.isdir(name) else os.stat(name).st_size


def _row(name: str, report: Report) -> dict[str, object]:
    row: dict[str, object] = {
        "path": name,
        "id": None if report.object_id is None else str(report.object_id),
        "kind": "dir" if os.path.isdir(name) else "file",
        "size": report.size,
        "new_chunks": report.new_chunks,
        "unchanged": report.unchanged,
        "failed": [
            {"path": os.fsdecode(path), "code": int(error.code), "msg": error.message} for path, error in report.failed
        ],
        "failed_count": report.failed_count,
    }
    if os.path.isdir(name):
        row["entries"] = report.files
        row["skipped"] = [{"path": os.fsdecode(one.path), "reason": one.reason} for one in report.left_out]
        row["skipped_count"] = report.left_out_count
    return row


def _shown(path: bytes) -> str:
    return printable(os.fsdecode(path))
