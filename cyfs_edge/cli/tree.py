"""What of a folder is put: its files, by inner path, and what is left out and why."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from cyfs_edge.base.errors import ErrorCode
from cyfs_edge.cli.exits import CliError, Exit

ENTRIES_MAX = 1_000_000
DEPTH_MAX = 256


@dataclass(slots=True)
class Tree:
    """``files``: inner path (``/`` inside, none in front) → file. ``empty``: inner paths of folders without entries.

    ``size``: bytes in the files as the scan saw them. ``skipped``: path and reason.
    """

    files: dict[str, Path] = field(default_factory=dict)
    empty: list[str] = field(default_factory=list)
    size: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)


def scan(folder: Path) -> Tree:
    """All below ``folder``, in the order of names. Links to files inside it count as files; other links are skipped."""
    tree = Tree()
    _scan(folder, folder.resolve(), "", tree, 0)
    return tree


def _scan(folder: Path, top: Path, prefix: str, tree: Tree, depth: int) -> None:
    if depth > DEPTH_MAX:
        raise _refusal(f"{folder} is nested more than {DEPTH_MAX} folders deep.")
    found = False
    for entry in sorted(os.scandir(folder), key=lambda one: one.name):
        inner = prefix + _utf8_name(entry)
        path = Path(entry.path)
        reason = _reason_to_skip(entry, top)
        if reason is not None:
            tree.skipped.append((entry.path, reason))
            continue
        found = True
        if entry.is_dir(follow_symlinks=False):
            _scan(path, top, inner + "/", tree, depth + 1)
        else:
            tree.files[inner] = path
            tree.size += entry.stat().st_size
        if len(tree.files) + len(tree.empty) > ENTRIES_MAX:
            raise _refusal(f"More than {ENTRIES_MAX} files in one folder tree.")
    if not found and prefix:
        tree.empty.append(prefix[:-1])


def _reason_to_skip(entry: os.DirEntry[str], top: Path) -> str | None:
    if not entry.is_symlink():
        return None if entry.is_dir(follow_symlinks=False) or entry.is_file() else "not a file or folder"
    try:
        target = Path(entry.path).resolve(strict=True)
    except (OSError, RuntimeError):
        return "a link that leads nowhere"
    if not target.is_relative_to(top):
        return "a link to the outside"
    return None if target.is_file() else "a link to a folder"


def _utf8_name(entry: os.DirEntry[str]) -> str:
    try:
        entry.name.encode("utf-8")
    except UnicodeEncodeError:
        raise _refusal(f"The name of {entry.path!r} is not UTF-8, and inner paths are.") from None
    return entry.name


def _refusal(message: str) -> CliError:
    return CliError(ErrorCode.INVALID_PARAM, message, Exit.FAILED, "Nothing of this folder was stored.")
