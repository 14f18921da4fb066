"""``cyfs-edge backup init`` and ``key``: the place of the backups and their key."""

from __future__ import annotations

import os

from cyfs_edge.base.errors import ErrorCode
from cyfs_edge.cli.backup_options import place_of, read_key_option
from cyfs_edge.cli.context import Context
from cyfs_edge.cli.exits import CliError, Exit
from cyfs_edge.cli.roots import check_root, switch_user
from cyfs_edge.host.backup.root_files import KEY_FILE, read_key, write_key
from cyfs_edge.wire.backup.keys import KEY_SIZE, BackupKey

_TEXT_MAX = 4096


def init(context: Context) -> int:
    """A new repository. The first one makes the key, which is shown once more by ``backup key``."""
    check_root(context.root)
    switch_user(context.root)
    from cyfs_edge.services.restore import make_repository

    root = context.root.path
    fresh = not (root / KEY_FILE).exists()
    key = BackupKey(os.urandom(KEY_SIZE)) if fresh else read_key(root)
    if fresh:
        # Before anything is sealed with it: a repository whose key is lost is lost itself.
        write_key(root, key)
    try:
        place = make_repository(root, place_of(context), key)
    except BaseException:
        if fresh:
            (root / KEY_FILE).unlink(missing_ok=True)
        raise
    out = context.out
    out.document({"target": place, **({"key": key.text()} if fresh else {})})
    out.line(f"Made a repository for backups at {place}.")
    if fresh:
        _show(context, key)
    out.line(f"Take a backup: cyfs-edge backup create {place}")
    return Exit.OK


def key(context: Context) -> int:
    """Shows the key of the root, or puts one that was written down back into it."""
    root = context.root
    if context.args.restore:
        check_root(root, need_identity=False)
        switch_user(root)
        write_key(root.path, read_key_option(context))
        context.out.document({"restored": True})
        context.out.line(f"The key is in {root.path / KEY_FILE}.")
        return Exit.OK
    if context.args.key_file is not None:
        raise CliError(
            ErrorCode.INVALID_PARAM,
            "--key-file holds a key that is brought back.",
            Exit.USAGE,
            "Add --restore.",
        )
    check_root(root, need_identity=False)
    held = read_key(root.path)
    context.out.document({"key": held.text()})
    _show(context, held)
    return Exit.OK


def _show(context: Context, held: BackupKey) -> None:
    groups = held.text().split("-")
    half = len(groups) // 2
    context.out.line()
    context.out.line("This is the key of your backups. Without it nobody can read them, you neither:")
    context.out.line(f"  {'-'.join(groups[:half])}-")
    context.out.line(f"  {'-'.join(groups[half:])}")
    context.out.line("Write it on paper, and keep that away from the box and from the backups.")
    context.out.line()
