"""``cyfs-edge import reference`` and ``import archive``."""

from __future__ import annotations

import getpass
import json
import sys
from pathlib import Path

from cyfs_edge.cli.context import Context
from cyfs_edge.cli.exits import Exit
from cyfs_edge.cli.jobs import run_job
from cyfs_edge.cli.output import printable, size_text

_INDEX_MAX = 4 << 20


def reference(context: Context) -> int:
    """Exit code 4 when something could not be taken over."""
    return _import(context, "reference", isolate=context.args.isolate)


def archive(context: Context) -> int:
    return _import(context, "archive", password=_password(context))


def _password(context: Context) -> str | None:
    args = context.args
    if args.password_file is not None:
        return Path(args.password_file).read_text(encoding="utf-8").removesuffix("\n")
    try:
        with (Path(args.path) / "index").open("rb") as file:
            encrypted = json.loads(file.read(_INDEX_MAX)).get("crypto") == "AES"
    except (OSError, ValueError, AttributeError, RecursionError):
        return None  # the import tells what is wrong with it
    if not encrypted:
        return None
    if sys.stdin.isatty():
        return getpass.getpass("Password of the archive: ")
    return sys.stdin.readline().removesuffix("\n")


def _import(context: Context, kind: str, **options: object) -> int:
    out = context.out
    client = context.connect()
    try:
        body = {"path": str(Path(context.args.path).absolute()), **options}
        report = run_job(client, f"/control/import/{kind}", "import", quiet=out.as_json, body=body)
    finally:
        client.close()
    out.document(report)
    size = report.get("bytes")
    out.line(
        f"Took over {report.get('objects')} objects and {report.get('chunks')} chunks, "
        f"{size_text(size if isinstance(size, int) else 0)}; {report.get('updated')} objects were newer there, "
        f"{report.get('present')} things were here already, {report.get('files')} files are in the index."
    )
    found = report.get("problems")
    problems = found if isinstance(found, list) else []
    if not problems:
        return Exit.OK
    more = report.get("more")
    out.line(f"{len(problems) + (more if isinstance(more, int) else 0)} could not be taken over:")
    for problem in problems:
        out.line(f"  {printable(str(problem))}")
    return Exit.BAD_DATA
