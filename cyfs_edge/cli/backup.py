"""``cyfs-edge backup create``, ``list``, ``verify``, ``rehearse`` and ``forget``: jobs of the stack."""

from __future__ import annotations

from cyfs_edge.cli.backup_options import place_of, read_key_option
from cyfs_edge.cli.context import Context
from cyfs_edge.cli.exits import Exit
from cyfs_edge.cli.jobs import run_job
from cyfs_edge.cli.output import size_text, time_text


def create(context: Context) -> int:
    """Exit code 4 when something in the store is damaged and therefore not in the backup."""
    report = run(context, "create", secret=context.args.with_secret)
    out = context.out
    out.document(report)
    out.line(
        f"Backup {report.get('snapshot')} of {report.get('objects')} objects and {report.get('chunks')} chunks, "
        f"{_size(report.get('size'))}; {_size(report.get('added'))} were new."
    )
    return _told(context, report, "left out, because they are damaged here:", "Look for good copies: cyfs-edge scrub")


def list_backups(context: Context) -> int:
    """All backups, the oldest first."""
    report = _direct(context, "list") if _is_bare(context) else run(context, "list")
    out = context.out
    out.document(report)
    rows = report.get("snapshots")
    snapshots = rows if isinstance(rows, list) else []
    if not snapshots:
        out.line("There are no backups yet.")
        return Exit.OK
    out.table(
        ("ID", "TAKEN", "OBJECTS", "CHUNKS", "SIZE", "NEW"),
        [
            (
                one.get("snapshot"),
                time_text(one.get("time")),
                one.get("objects"),
                one.get("chunks"),
                _size(one.get("size")),
                _size(one.get("added")),
            )
            for one in snapshots
        ],
    )
    out.line(f"They take {_size(report.get('size'))} at {report.get('target')}.")
    return Exit.OK


def verify(context: Context) -> int:
    """Exit code 4 when something is damaged."""
    args = context.args
    options = {"read_data": args.read_data, "drop_damaged": args.drop_damaged}
    report = _direct(context, "verify", **options) if _is_bare(context) else run(context, "verify", **options)
    out = context.out
    out.document(report)
    read = f", {_size(report.get('bytes'))} read" if args.read_data else ""
    out.line(f"Checked {report.get('snapshots')} backups in {report.get('packs')} packs{read}.")
    hint = (
        "What was damaged is deleted. Take a backup now, and check again"
        if args.drop_damaged
        else "Check the disk. Then: cyfs-edge backup verify --read-data --drop-damaged, and take a new backup"
    )
    return _told(context, report, "damaged:", hint)


def rehearse(context: Context) -> int:
    """Exit code 4 when what came back is not what was there."""
    report = run(context, "rehearse", snapshot=context.args.snapshot)
    out = context.out
    out.document(report)
    out.line(
        f"Backup {report.get('snapshot')} came back: {report.get('objects')} objects, {report.get('chunks')} chunks, "
        f"{report.get('maps')} maps of the state."
    )
    return _told(context, report, "wrong:", "Check it: cyfs-edge backup verify --read-data, or try an older one")


def forget(context: Context) -> int:
    args = context.args
    report = run(context, "forget", keep_last=args.keep_last, keep_daily=args.keep_daily, keep_weekly=args.keep_weekly)
    out = context.out
    out.document(report)
    out.line(
        f"Forgot {report.get('snapshots')} backups and kept {report.get('left')}; {_size(report.get('bytes'))} freed."
    )
    return Exit.OK


def run(context: Context, action: str, **options: object) -> dict[str, object]:
    body = {"target": place_of(context), **options}
    client = context.connect()
    try:
        return run_job(client, f"/control/backup/{action}", action, quiet=context.out.as_json, body=body)
    finally:
        client.close()


def _is_bare(context: Context) -> bool:
    """Whether it is to work without a node: a new machine, or another one."""
    return context.args.key_file is not None or not context.root.has_identity


def _direct(context: Context, action: str, **options: bool) -> dict[str, object]:
    from cyfs_edge.services.restore import look

    return look(context.root.path, place_of(context), read_key_option(context), action, **options)


def _told(context: Context, report: dict[str, object], head: str, hint: str) -> int:
    found = report.get("problems")
    problems = found if isinstance(found, list) else []
    if not problems:
        return Exit.OK
    out = context.out
    more = report.get("more")
    count = len(problems) + (more if isinstance(more, int) else 0)
    out.line(f"{count} {head}")
    for problem in problems:
        out.line(f"  {problem}")
    out.line(f"{hint}.")
    return Exit.BAD_DATA


def _size(value: object) -> str:
    return size_text(value if isinstance(value, int) else 0)
