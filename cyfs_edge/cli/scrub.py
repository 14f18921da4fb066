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
        report = run_job(client, "/control/scrub", "scrub", quiet=out.as_json)
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
    if report.get("unreachable"):
        out.line(f"{report.get('unreachable')} chunks could not be looked at: cyfs-edge volume list tells why.")
    if not problems:
        out.line("Nothing is damaged.")
        return Exit.OK
    out.line(f"{len(problems)} damaged:")
    out.table(
        ("KIND", "ID", "WHAT"),
        [(one.get("kind"), one.get("object_id"), one.get("what")) for one in problems if isinstance(one, dict)],
    )
    out.line("Put the damaged ones again from their source, or delete them: cyfs-edge object delete ID")
    return Exit.BAD_DATA
