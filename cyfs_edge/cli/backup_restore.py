"""``cyfs-edge backup restore``: everything into a root that has no data, or one DecApp into the node."""

from __future__ import annotations

from cyfs_edge.base.errors import ErrorCode
from cyfs_edge.cli.backup import run
from cyfs_edge.cli.backup_options import place_of, read_key_option
from cyfs_edge.cli.context import Context
from cyfs_edge.cli.exits import CliError, Exit
from cyfs_edge.cli.progress import Progress
from cyfs_edge.cli.roots import make_layout, switch_user


def restore(context: Context) -> int:
    args = context.args
    report = _whole(context) if args.dec is None else run(context, "restore", dec=args.dec, snapshot=args.snapshot)
    out = context.out
    out.document(report)
    out.line(
        f"Backup {report.get('snapshot')} is back: {report.get('objects')} objects and {report.get('chunks')} chunks "
        "that were not here."
    )
    roots = report.get("roots")
    out.fields([(f"  {name}", root) for name, root in (roots if isinstance(roots, dict) else {}).items()])
    for name in _texts(report.get("kept")):
        out.note(f"{name} was there already, and stays as it is.")
    missing = report.get("missing")
    if missing:
        out.line(f"{missing} maps of the state were missing when the backup was taken.")
    if args.dec is None:
        out.line(f"Start the node: cyfs-edge run --root {context.root.path}")
    return Exit.OK


def _whole(context: Context) -> dict[str, object]:
    root = context.root
    if root.path.exists() and root.has_identity:
        client = context.connect_gateway()
        if client is not None:
            client.close()
            raise CliError(
                ErrorCode.WOULD_BLOCK,
                f"The gateway of {root.path} is running.",
                Exit.BUSY,
                "Stop it first; or bring one DecApp back into it with --dec ID.",
            )
    make_layout(root)
    switch_user(root)
    from cyfs_edge.services.restore import restore_root

    with Progress("restore", 0, quiet=context.out.as_json, text=str) as bar:
        return restore_root(
            root.path,
            place_of(context),
            read_key_option(context),
            context.args.snapshot,
            replace=context.args.replace,
            floor=context.config.store.min_free,
            default=context.config.backup.target,
            report=lambda phase, done, total: bar.set(done, total, f"restore {phase}"),
        )


def _texts(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []
