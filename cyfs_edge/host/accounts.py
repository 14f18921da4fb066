"""Users and groups of this machine: the members of the admin group, and the users of DecApps."""

from __future__ import annotations

import grp
import logging
import os
import pwd
from pathlib import Path

from cyfs_edge.base.errors import CyfsError
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.wire.app_uids import TABLE_SIZE_MAX, parse_app_uids

APP_UIDS_FILE = "etc/app-uids.json"
_log = logging.getLogger("cyfs.accounts")


def group_members(name: str) -> frozenset[int]:
    """The user ids of a group, those whose first group it is included; none when there is no such group."""
    try:
        group = grp.getgrnam(name)
    except KeyError:
        return frozenset()
    names = frozenset(group.gr_mem)
    return frozenset(user.pw_uid for user in pwd.getpwall() if user.pw_gid == group.gr_gid or user.pw_name in names)


class AppUidFile:
    """:class:`cyfs_edge.core.callers.AppUids` on a file, read again whenever it has changed."""

    __slots__ = ("_path", "_stamp", "_table")

    def __init__(self, root: Path) -> None:
        self._path = root / APP_UIDS_FILE
        self._stamp: tuple[int, int, int] | None = None
        self._table: dict[int, ObjectId] = {}

    def dec_of(self, uid: int) -> ObjectId | None:
        """A file that is missing or cannot be read names nobody."""
        try:
            stat = os.stat(self._path)
            stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        except OSError:
            stamp, self._table = None, {}
        if stamp != self._stamp:
            self._stamp = stamp
            if stamp is not None:
                self._table = self._read()
        return self._table.get(uid)

    def _read(self) -> dict[int, ObjectId]:
        try:
            with self._path.open(encoding="utf-8") as file:
                return parse_app_uids(file.read(TABLE_SIZE_MAX + 1))
        except (OSError, UnicodeError, CyfsError) as error:
            _log.error("%s cannot be read, so that no app may call: %s", self._path, error)
            return {}
