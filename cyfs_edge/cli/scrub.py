"""``cyfs-edge scrub``."""

from __future__ import annotations

from cyfs_edge.cli.context import Context
from cyfs_edge.cli.exits import Exit
from cyfs_edge.cli.jobs import run_job
from cyfs_edge.cli.output import size_text


def scrub(context: Context) -> int:
    """Verifies every object and chunk of the store; exit code 4 when something is damaged."""
    out = context.out
    client = context.connect()
    try:
        body = {"repair": context.args.repair}
        report = run_job(client, "/control/scrub", "scrub", quiet=out.as_json, body=body)
    finally:
        client.close()
    out.document(report)
    found = report.get("problems")
    problems = found if isinstance(found, list) else []
    size = report.get("bytes")
    out.line(
        f"Verified {report.get('objects', 0)} objects and {report.get('chunks', 0)} chunks, "
        f"{size_text(size if isinstance(size, int) else 0)}."
    )
    repaired = report.get("repaired")
    if isinstance(repaired, list) and repaired:
        out.line(f"{len(repaired)} were damaged and have been replaced from another copy.")
    notes = report.get("notes")
    for note in notes if isinstance(notes, list) else []:
        out.note(f"A copy could not be used: {note}")
    if report.get("unreachable"):
        out.line(f"{report.get('unreachable')} chunks could not be looked at: cyfs-edge volume list tells why.")
    if not problems:
        out.line("Nothing is damaged." if not repaired else "Nothing is damaged any more.")
        return Exit.OK
    out.line(f"{len(problems)} damaged:")
    out.table(
        ("KIND", "ID", "WHAT", "FILES"),
        [
            (one.get("kind"), one.get("object_id"), one.get("what"), " ".join(one.get("files") or ()))
            for one in problems
            if isinstance(one, dict)
        ],
    )
    if not context.args.repair:
        out.line("Replace them from the backup: cyfs-edge scrub --repair")
    out.line("Put what is left again from its source, or delete it: cyfs-edge object delete ID")
    return Exit.BAD_DATA
