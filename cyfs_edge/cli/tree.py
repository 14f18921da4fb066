"""What of a folder is put: everything below it in the order of its inner paths, one folder's names in memory at a time.

The order is that of the bytes of the inner paths, which is the order of a Dir's list, so that the list can be written
while the tree is walked.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from cyfs_edge.base.errors import ErrorCode
from cyfs_edge.cli.local_file import Unreadable
from cyfs_edge.cli.target import PART_NAME
from cyfs_edge.objects.inner_names import file_name, fits, inner_name

DEPTH_MAX = 256

_FOLDER, _LINK = b"/", b"\0"
"""What is put behind a name: sorts a folder where its content goes; NUL is in no name."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file to put. ``path``: where its content is, which for a link is what it leads to."""

    inner: str
    path: bytes


@dataclass(frozen=True, slots=True)
class FolderBegin:
    """All up to its end lies below ``inner``."""

    inner: str


@dataclass(frozen=True, slots=True)
class FolderEnd:
    """``empty``: nothing was in it that is put, or that could not be read."""

    inner: str
    empty: bool


@dataclass(frozen=True, slots=True)
class LeftOut:
    """``error``: it should have been put, and could not be; otherwise the rule leaves it out."""

    path: bytes
    reason: str
    error: Unreadable | None = None


Step = Found | FolderBegin | FolderEnd | LeftOut


@dataclass(slots=True)
class _Open:
    """A folder that the walk is in. ``names``: what is left of it, the next one last."""

    prefix: str
    path: bytes
    names: list[bytes]
    empty: bool = True


@dataclass(slots=True)
class _Listing:
    names: list[bytes] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


def walk(top: bytes, avoid: bytes | None = None) -> Iterator[Step]:
    """Links to files inside ``top`` count as files; other links, pipes, sockets and devices are left out.

    ``avoid``: a folder that is left out, too.
    """
    avoided = _identity(avoid) if avoid is not None else None
    real = os.path.realpath(top)
    stack: list[_Open] = []
    first = _list(top, real)
    yield from first.left_out
    stack.append(_Open("", top, first.names, not any(one.error for one in first.left_out)))
    while stack:
        here = stack[-1]
        if not here.names:
            stack.pop()
            if stack:
                stack[-1].empty = False
                yield FolderEnd(here.prefix[:-1], here.empty)
            continue
        mark = here.names.pop()
        name = mark[:-1].decode()
        inner, path = here.prefix + name, os.path.join(here.path, file_name(name))
        if not fits(inner):
            here.empty = False
            yield _failed(path, ErrorCode.OUT_OF_LIMIT, "its path is longer than a Dir can hold")
        elif mark.endswith(_FOLDER):
            if len(stack) > DEPTH_MAX:
                here.empty = False
                yield _failed(path, ErrorCode.OUT_OF_LIMIT, f"nested more than {DEPTH_MAX} folders deep")
                continue
            if avoided is not None and _identity(path) == avoided:
                yield LeftOut(path, "the node's own root")
                continue
            yield FolderBegin(inner)
            listed = _list(path, real)
            yield from listed.left_out
            stack.append(_Open(inner + "/", path, listed.names, not any(one.error for one in listed.left_out)))
        else:
            here.empty = False
            yield Found(inner, os.path.realpath(path) if mark.endswith(_LINK) else path)


def total_size(top: bytes, avoid: bytes | None = None) -> int:
    """Bytes in the files, for a progress bar."""
    size = 0
    for step in walk(top, avoid):
        if isinstance(step, Found):
            try:
                size += os.lstat(step.path).st_size
            except OSError:
                continue
    return size


def _list(path: bytes, top: bytes) -> _Listing:
    """The entries of a folder, the last one first, each with a mark behind its name."""
    listed = _Listing()
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                reason = _reason_to_skip(entry, top)
                if reason is not None:
                    listed.left_out.append(LeftOut(entry.path, reason))
                    continue
                mark = b" "
                if entry.is_symlink():
                    mark = _LINK
                elif entry.is_dir(follow_symlinks=False):
                    mark = _FOLDER
                listed.names.append(inner_name(entry.name).encode() + mark)
    except OSError as error:
        unreadable = Unreadable.of(error)
        listed.left_out.append(LeftOut(path, unreadable.message, unreadable))
    listed.left_out.sort(key=lambda one: one.path)
    listed.names.sort(key=_order, reverse=True)
    return listed


def _identity(path: bytes) -> tuple[int, int] | None:
    try:
        info = os.stat(path)
    except OSError:
        return None
    return info.st_dev, info.st_ino


def _failed(path: bytes, code: ErrorCode, reason: str) -> LeftOut:
    return LeftOut(path, reason, Unreadable(code, reason))


def _order(mark: bytes) -> bytes:
    return mark if mark.endswith(_FOLDER) else mark[:-1]


def _reason_to_skip(entry: os.DirEntry[bytes], top: bytes) -> str | None:
    if PART_NAME.fullmatch(entry.name):
        return "a part of a file that a get has not finished"
    if not entry.is_symlink():
        is_put = entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False)
        return None if is_put else "not a file or folder"
    try:
        target = os.path.realpath(entry.path, strict=True)
    except OSError:
        return "a link that leads nowhere"
    if target != top and not target.startswith(top.rstrip(b"/") + b"/"):
        return "a link to the outside"
    return None if os.path.isfile(target) else "a link to a folder"
