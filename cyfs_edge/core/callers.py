"""Which local user may speak for which dec (SECURITY.md, "Local users").

The owner's own programs may name any dec. A DecApp is who its user id says: it speaks for its own dec and for no other.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId

ROOT = 0


class AppUids(Protocol):
    """The table of the users that DecApps run as."""

    def dec_of(self, uid: int) -> ObjectId | None:
        """``None`` for a user that no installed app has."""
        ...


class Callers:
    """``own``: the user of this node. ``admins``: users who may do what the owner may. ``apps``: users that are kept
    for DecApps. ``any_user``: everybody else on this machine counts as the owner, even if he cannot be told.
    """

    __slots__ = ("_admins", "_any_user", "_apps", "_own", "_table")

    def __init__(
        self,
        own: int,
        table: AppUids,
        *,
        admins: Collection[int] = (),
        apps: range = range(0),
        any_user: bool = False,
    ) -> None:
        """``INVALID_PARAM`` when root or the node itself would count as an app."""
        if ROOT in apps or own in apps:
            text = f"[apps] uid_min and uid_max keep user {own if own in apps else ROOT} for apps; choose others"
            raise CyfsError(ErrorCode.INVALID_PARAM, text)
        self._own = own
        self._table = table
        self._admins = frozenset(admins)
        self._apps = apps
        self._any_user = any_user

    def only_dec(self, uid: int | None) -> ObjectId | None:
        """The one dec that a user may speak for; ``None``: any. ``PERMISSION_DENIED`` when he may not call at all.

        ``uid``: ``None`` when the user of a connection cannot be told, which is nobody, and never root.
        """
        if uid == self._own or uid == ROOT:
            return None
        if uid is not None and uid in self._apps:
            dec = self._table.dec_of(uid)
            if dec is None:
                raise CyfsError(ErrorCode.PERMISSION_DENIED, f"user {uid} is kept for apps, but no app has it")
            return dec
        if uid in self._admins:
            return None
        if self._any_user and not (uid is None and self._apps):
            return None
        who = "a user who cannot be told" if uid is None else f"user {uid}"
        text = (
            f"{who} may not use this node, which serves root, its own user {self._own} and members of its admin_group; "
            'join that group, or set local_users = "any"'
        )
        raise CyfsError(ErrorCode.PERMISSION_DENIED, text)

    def dec_for(self, uid: int | None, *claimed: ObjectId | None) -> ObjectId | None:
        """The dec that a caller speaks for: the first that is ``claimed``, or his only one.

        ``PERMISSION_DENIED`` when any claim is not his.
        """
        only = self.only_dec(uid)
        if only is None:
            return next((dec for dec in claimed if dec is not None), None)
        for dec in claimed:
            if dec is not None and dec != only:
                raise CyfsError(ErrorCode.PERMISSION_DENIED, f"user {uid} is app {only} and may not speak for {dec}")
        return only
