"""The root directory: where it is, whether it may be used, and who uses it (docs/cli.md, "The root")."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cyfs_edge.base.errors import ErrorCode
from cyfs_edge.cli.exits import CliError, Exit

SYSTEM_ROOT = Path("/cyfs")
# What a root has after init, besides what the services make themselves.
_FOLDERS = ("etc", "etc/desc", "data", "run")
# A fresh file system is not somebody's folder.
_IGNORED_ENTRIES = frozenset({"lost+found"})


@dataclass(frozen=True, slots=True)
class Root:
    """``path`` is absolute; ``source`` says which rule of :func:`find_root` gave it."""

    path: Path
    source: str

    @property
    def desc_folder(self) -> Path:
        return self.path / "etc" / "desc"

    @property
    def config_file(self) -> Path:
        return self.path / "etc" / "cyfs-edge.toml"

    @property
    def socket(self) -> Path:
        return self.path / "run" / "gateway.sock"

    @property
    def has_identity(self) -> bool:
        return (self.desc_folder / "device.desc").is_file()


def find_root(flag: str | None, environ: Mapping[str, str], system_root: Path = SYSTEM_ROOT) -> Root:
    """``--root``, else ``CYFS_ROOT``, else ``/cyfs`` when it is there and writable, else the user's data folder."""
    if flag:
        return Root(Path(flag).absolute(), "--root")
    if environ.get("CYFS_ROOT"):
        return Root(Path(environ["CYFS_ROOT"]).absolute(), "CYFS_ROOT")
    if system_root.is_dir() and os.access(system_root, os.W_OK):
        return Root(system_root, str(system_root))
    return Root(_user_folder(environ) / "cyfs", "the user's data folder")


def _user_folder(environ: Mapping[str, str]) -> Path:
    # A relative XDG_DATA_HOME is to be ignored, says its specification.
    if environ.get("XDG_DATA_HOME", "").startswith("/"):
        return Path(environ["XDG_DATA_HOME"])
    try:
        home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    except RuntimeError:
        raise CliError(
            ErrorCode.NOT_FOUND, "There is no home directory to keep data in.", Exit.NO_ROOT, "Name a root: --root DIR."
        ) from None
    return home / "Library" if sys.platform == "darwin" else home / ".local" / "share"


def check_root(root: Root, *, need_identity: bool = True, need_key: bool = False) -> None:
    """One clear sentence when ``root`` cannot be used; the next step depends on how the root was found."""
    try:
        there = root.path.exists()
        folder = root.path.is_dir()
        ours = not there or _may_use(root.path.stat().st_uid)
        identity = root.has_identity
        key = (root.desc_folder / "device.sec").is_file()
    except OSError as error:
        raise _refusal(
            f"The root {root.path} cannot be read: {error.strerror}.", "Run the command as its owner."
        ) from None
    if not there:
        raise _refusal(f"There is no root directory at {root.path}.", _init_hint(root))
    if not folder:
        raise _refusal(f"The root {root.path} is not a directory.", "Name another one: --root DIR.")
    if not ours:
        owner = user_name(root.path.stat().st_uid)
        users = "root" if owner == "root" else f"{owner} or root"
        raise _refusal(f"The root {root.path} belongs to user {owner}.", f"Run the command as {users}.")
    if need_identity and not identity:
        raise _refusal(f"The root {root.path} has no identity (etc/desc/device.desc is missing).", _init_hint(root))
    if need_key and not key:
        raise _refusal(
            f"The root {root.path} has a device, but not its private key (etc/desc/device.sec is missing).",
            "Put the file back from a backup, or restore the identity from its words into another root.",
        )


def make_layout(root: Root) -> None:
    """The folders of a new root, for its owner alone. A folder that holds other things is refused."""
    if root.path.exists():
        check_root(root, need_identity=False)
        entries = {entry.name for entry in root.path.iterdir()} - _IGNORED_ENTRIES
        if entries and "etc" not in entries:
            raise _refusal(
                f"{root.path} is not empty and does not look like a CYFS root (no etc folder in it).",
                "Name an empty or a new directory: --root DIR.",
            )
    switch_user(root)
    root.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in _FOLDERS:
        (root.path / name).mkdir(mode=0o700, exist_ok=True)


def switch_user(root: Root) -> None:
    """As root, become the owner of the root directory for good: no file in it may end up with another owner."""
    if os.geteuid() != 0 or not root.path.exists():
        return
    info = root.path.stat()
    if info.st_uid == 0:
        return
    os.setgroups(_groups_of(info.st_uid, info.st_gid))
    os.setgid(info.st_gid)
    os.setuid(info.st_uid)
    for path in (os.__file__, __file__):
        if not os.access(path, os.R_OK):
            raise CliError(
                ErrorCode.PERMISSION_DENIED,
                f"User {user_name(info.st_uid)}, who owns the root {root.path}, cannot read {path}.",
                Exit.FAILED,
                "Install cyfs-edge and its Python where that user can read them.",
            )


def user_name(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _groups_of(uid: int, gid: int) -> list[int]:
    name = user_name(uid)
    return [gid] if name.isdigit() else os.getgrouplist(name, gid)


def _may_use(uid: int) -> bool:
    return os.geteuid() in (0, uid)


def _init_hint(root: Root) -> str:
    option = "" if root.source != "--root" else f" --root {root.path}"
    hint = f"Make one: cyfs-edge init{option}"
    if root.source == "the user's data folder" and SYSTEM_ROOT.is_dir():
        hint += f". Or use that of this machine: {SYSTEM_ROOT} is there, but not writable for you (try sudo)"
    return hint + "."


def _refusal(message: str, hint: str) -> CliError:
    return CliError(ErrorCode.NOT_INIT, message, Exit.NO_ROOT, hint)
