"""``cyfs-edge config show``."""

from __future__ import annotations

from cyfs_edge.cli.context import Context
from cyfs_edge.cli.settings import ADMIN_FILE, load_config
from cyfs_edge.wire.config import effective


def show(context: Context) -> int:
    """Every value in force with its source. Needs no identity: the root may still be empty."""
    root = context.root
    config, settings = load_config(root, context.environ, {})
    rows = effective(config, settings)
    files = [str(path) for path in (root.config_file, ADMIN_FILE) if path.is_file()]
    context.out.document(
        {
            "root": {"value": config.root, "source": root.source},
            "settings": {key: {"value": value, "source": source} for key, value, source in rows},
            "files": files,
        }
    )
    shown = [("root", config.root, root.source)] + [(key, _text(value), source) for key, value, source in rows]
    context.out.table(("KEY", "VALUE", "FROM"), shown)
    if not files:
        context.out.line()
        context.out.line(f"No configuration file yet. To change a value, write {root.config_file}.")
    return 0


def _text(value: object) -> str:
    if value is None or value in ((), {}):
        return "-"
    if isinstance(value, dict):
        return ", ".join(f"{name} = {item}" for name, item in value.items())
    return ", ".join(value) if isinstance(value, tuple) else str(value)
