"""Options that several backup commands have: the place of the backups, and a key in a file or typed."""

from __future__ import annotations

import sys
from pathlib import Path

from cyfs_edge.base.errors import CyfsError
from cyfs_edge.cli.context import Context
from cyfs_edge.cli.exits import CliError, Exit
from cyfs_edge.host.backup.root_files import KEY_FILE, read_key
from cyfs_edge.wire.backup.keys import BackupKey

_TEXT_MAX = 4096


def place_of(context: Context) -> str | None:
    """Folders as they are for this process: the gateway has another working directory."""
    text: str | None = context.args.target
    return text if text is None or "://" in text else str(Path(text).absolute())


def read_key_option(context: Context) -> BackupKey:
    """From ``--key-file``, else from the root, else from the terminal or standard input."""
    args = context.args
    if args.key_file is not None:
        return read_key(context.root.path, Path(args.key_file))
    restoring = getattr(args, "restore", False)
    if not restoring and (context.root.path / KEY_FILE).exists():
        return read_key(context.root.path)
    if sys.stdin.isatty():
        context.out.note("The key of the backups, 14 groups in one line or two:")
    text = ""
    while len("".join(text.split()).replace("-", "")) < 56:
        line = sys.stdin.readline(_TEXT_MAX)
        if not line:
            break
        text += line
    try:
        return BackupKey.parse(text)
    except CyfsError as error:
        raise CliError(
            error.code, error.message[:1].upper() + error.message[1:] + ".", Exit.BAD_DATA, "Read it again from paper."
        ) from None
