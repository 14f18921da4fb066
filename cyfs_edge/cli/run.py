"""``cyfs-edge run``."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from cyfs_edge.cli.context import Context
from cyfs_edge.cli.roots import check_root, switch_user
from cyfs_edge.cli.settings import load_config
from cyfs_edge.wire.config import Config


def run(context: Context) -> int:
    """The gateway in the foreground until it is told to stop. It prints its ready line to standard output, no more."""
    args, root = context.args, context.root
    made = args.init and not root.has_identity
    flags = {
        "http.port": args.http_port,
        "ws.port": args.ws_port,
        "browser_mode": args.browser_mode,
        "log_level": args.log_level,
    }
    if made:
        # A wrong configuration is found before words are shown that a person has to write down.
        load_config(root, context.environ, flags)
        from cyfs_edge.cli.setup import make_identity

        make_identity(context)
    check_root(root, need_key=True)
    config, _ = load_config(root, context.environ, flags)
    switch_user(root)
    if made or sys.stdout.isatty():
        _greet(context, config)
    from cyfs_edge.services.gateway import run_gateway

    return run_gateway(config)


def _greet(context: Context, config: Config) -> None:
    port = str(config.http.port) if config.http.port else "PORT"
    host = f"[{config.http.host}]" if ":" in config.http.host else config.http.host
    option = f" --root {context.root.path}"
    command = _own_name()
    context.out.note(
        f"Starting the gateway of {context.root.path}; Ctrl-C stops it. Once it says ready,\n"
        "try in another terminal:\n"
        f"  curl http://{host}:{port}/util/version_info\n"
        f"  {command} status{option}\n"
        f"  {command} file put PATH{option}\n"
    )


def _own_name() -> str:
    """How this command can be called again: by its plain name where the shell finds it, else by its path."""
    called = Path(sys.argv[0])
    if called.name != "cyfs-edge" or shutil.which("cyfs-edge"):
        return "cyfs-edge"
    return os.path.relpath(called)
