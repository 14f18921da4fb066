"""``cyfs-edge space show|quota|collect``."""

from __future__ import annotations

from cyfs_edge.base.errors import ErrorCode
from cyfs_edge.cli.client import call_json, checked
from cyfs_edge.cli.context import Context
from cyfs_edge.cli.exits import CliError, Exit
from cyfs_edge.cli.ids import parse_id
from cyfs_edge.cli.jobs import run_job
from cyfs_edge.cli.output import size_text
from cyfs_edge.wire.config import parse_size


def show(context: Context) -> int:
    """What is kept for whom, the largest first, with quotas."""
    out = context.out
    client = context.connect()
    try:
        report = call_json(client, "GET", "/control/space")
    finally:
        client.close()
    out.document(report)
    accounts = report.get("accounts")
    rows = [_row(one) for one in accounts if isinstance(one, dict)] if isinstance(accounts, list) else []
    if rows:
        out.table(("KIND", "ID", "OBJECTS", "CHUNKS", "TAKES", "QUOTA"), rows)
    out.line(f"The store takes {_size(report, 'used')}; {_size(report, 'free')} of the disk are free.")
    return Exit.OK


def quota(context: Context) -> int:
    """Sets how much a DecApp or an owner may keep, or lifts it."""
    args, limit = context.args, _limit(context.args.size)
    client = context.connect()
    try:
        target = f"/control/space/{args.kind}/{parse_id(args.id)}" + ("" if limit is None else f"?quota={limit}")
        checked(client.request("PUT", target)).close()
    finally:
        client.close()
    context.out.document({"kind": args.kind, "id": args.id, "quota": limit})
    context.out.line(f"{args.id} may keep {'any amount' if limit is None else size_text(limit)} from now on.")
    return Exit.OK


def collect(context: Context) -> int:
    """Frees what nobody needs any more, now instead of at its time."""
    client = context.connect()
    try:
        report = run_job(client, "/control/collect", "collect", quiet=context.out.as_json)
    finally:
        client.close()
    context.out.document(report)
    counts = f"{report.get('objects', 0)} objects and {report.get('chunks', 0)} chunks"
    context.out.line(f"Freed {counts}, {_size(report, 'bytes')}.")
    return Exit.OK


def _limit(text: str) -> int | None:
    if text == "none":
        return None
    try:
        return parse_size(text)
    except ValueError as error:
        raise CliError(ErrorCode.INVALID_PARAM, f"The quota is {error}.", Exit.USAGE) from None


def _row(account: dict[str, object]) -> list[object]:
    limit = account.get("quota")
    takes = sum(int(str(account.get(name) or 0)) for name in ("object_bytes", "chunk_bytes"))
    return [
        account.get("kind"),
        account.get("id"),
        account.get("objects"),
        account.get("chunks"),
        size_text(takes),
        size_text(limit) if isinstance(limit, int) else "-",
    ]


def _size(report: dict[str, object], name: str) -> str:
    size = report.get(name)
    return size_text(size if isinstance(size, int) else 0)
