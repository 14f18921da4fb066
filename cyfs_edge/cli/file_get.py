"""``cyfs-edge file get``: stored content back to files, every chunk and every file verified (docs/files.md)."""

from __future__ import annotations

from pathlib import Path

from cyfs_edge.base.ids import ObjectId, ObjectTypeCode
from cyfs_edge.cli.context import Context
from cyfs_edge.cli.exits import Exit, exit_of
from cyfs_edge.cli.ids import parse_id
from cyfs_edge.cli.output import describe, printable, size_text
from cyfs_edge.cli.progress import Progress
from cyfs_edge.cli.stored import Item, Stored
from cyfs_edge.cli.writeout import Getter


def get(context: Context) -> int:
    args, out = context.args, context.out
    object_id = parse_id(args.id)
    client = context.connect()
    try:
        stored = Stored(client)
        found = stored.find(object_id, args.inner_path or "")
        with Progress(f"get {Path(args.output).name}", 0, quiet=out.as_json) as bar:
            getter = Getter(client, stored, bar)
            try:
                if isinstance(found, Item) and not _is_dir(found):
                    getter.write_one(Path(args.output), stored.content(found))
                elif isinstance(found, Item) and isinstance(found.node, ObjectId):
                    getter.write_tree(Path(args.output), stored.items(found.node), replace=args.replace)
                elif isinstance(found, tuple):
                    getter.write_tree(Path(args.output), stored.items(*found), replace=args.replace)
            finally:
                getter.close()
    finally:
        client.close()
    report = getter.report
    out.document(
        {
            "id": str(object_id),
            "path": args.output,
            "files": report.files,
            "unchanged": report.unchanged,
            "size": report.size,
            "verified": True,
            "failed": [
                {"path": inner, "code": describe(error)[0], "msg": describe(error)[1]} for inner, error in report.failed
            ],
            "failed_count": report.failed_count,
        }
    )
    count = f"{report.files} {'file' if report.files == 1 else 'files'}"
    here = f", {report.unchanged} of them were there" if report.unchanged else ""
    out.line(f"{args.output}: {count}, {size_text(report.size)}, verified{here}")
    for inner, error in report.failed:
        out.note(f"not written: {printable(inner)}: {describe(error)[1]}")
    if report.failed_count > len(report.failed):
        out.note(f"and {report.failed_count - len(report.failed)} more that are not written")
    return exit_of(report.failed[0][1]) if report.failed else Exit.OK


def _is_dir(item: Item) -> bool:
    return isinstance(item.node, ObjectId) and item.node.type_code == ObjectTypeCode.DIR
