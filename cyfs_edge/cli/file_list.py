"""``cyfs-edge file ls``."""

from __future__ import annotations

from collections.abc import Iterator

from cyfs_edge.cli.client import Client, call_json, query
from cyfs_edge.cli.context import Context
from cyfs_edge.cli.exits import Exit
from cyfs_edge.cli.output import size_text

PAGE = 500


def pages(client: Client, target: str, name: str, limit: int | None, **filters: object) -> Iterator[dict[str, object]]:
    """The rows of a list of the administration API, page after page, at most ``limit`` of them."""
    after: object = None
    left = limit
    while left is None or left > 0:
        size = PAGE if left is None else min(PAGE, left)
        page = call_json(client, "GET", query(target, after=after, limit=size, **filters))
        rows = page.get(name)
        found = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        yield from found
        if left is not None:
            left -= len(found)
        after = page.get("next")
        if after is None or not found:
            return


def list_files(context: Context) -> int:
    out = context.out
    client = context.connect()
    try:
        rows = pages(client, "/control/files", "files", context.args.limit)
        if out.as_json:
            out.stream_list("files", rows)
            return Exit.OK
        count = total = 0
        for row in rows:
            length = int(str(row.get("length", 0)))
            out.line(f"{row.get('file_id')}  {size_text(length):>10}")
            count += 1
            total += length
        out.line(f"{count} files, {size_text(total)}." if count else "No files yet. Add one: cyfs-edge file put PATH")
    finally:
        client.close()
    return Exit.OK
