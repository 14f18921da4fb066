"""``cyfs-edge handlers list``."""

from __future__ import annotations

from cyfs_edge.cli.client import call_json
from cyfs_edge.cli.context import Context
from cyfs_edge.cli.exits import Exit


def list_handlers(context: Context) -> int:
    """The registered handlers; without a gateway those that were saved."""
    out = context.out
    client = context.connect()
    try:
        report = call_json(client, "GET", "/control/handlers")
    finally:
        client.close()
    out.document(report)
    handlers = report.get("handlers")
    rows = [_row(one) for one in handlers if isinstance(one, dict)] if isinstance(handlers, list) else []
    if rows:
        out.table(("chain", "category", "index", "id", "dec", "asked", "default", "for"), rows)
    out.line(f"{len(rows)} handlers." if rows else "No handlers.")
    return Exit.OK


def _row(handler: dict[str, object]) -> list[object]:
    place = [str(handler[name]) for name in ("req_path", "filter") if handler.get(name)]
    asked = "yes" if handler.get("has_routine") else "no"
    if handler.get("last_failure"):
        asked = f"failed {handler.get('failures')} times: {handler['last_failure']}"
    return [
        handler.get("chain"),
        handler.get("category"),
        handler.get("index"),
        handler.get("id"),
        handler.get("dec_id") or "-",
        asked,
        handler.get("default_action"),
        " and ".join(place) or "-",
    ]
