"""Making, listing and ending shares (docs/door.md)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.ports import Bell, Clock, Random, Records
from cyfs_edge.core.shares.grants import ShareGrants, bits_for
from cyfs_edge.core.shares.record import (
    LABEL_MAX,
    PATH_MAX,
    SECRET_SIZE,
    Audience,
    ObjectTarget,
    Share,
    StateTarget,
    Target,
    decode_share,
    encode_share,
    key_of,
    read_secret,
    secret_text,
)
from cyfs_edge.core.shares.tree import Folder, Leaf, Place, ShareTree, is_safe_path
from cyfs_edge.core.state.service import StateService
from cyfs_edge.wire.source import Source
from cyfs_edge.wire.state import StateCommon

SPACE = "shares"
SHARES_MAX = 10_000
OBJECTS_MAX = 20_000
"""Most objects whose access one share changes: a folder and all that is in it."""
KEPT_AFTER_END = 30 * 24 * 3600 * 1_000_000
"""µs for which an expired share is still listed."""
SWEEP_MOST = 3600.0
"""Seconds between two looks at what has expired, at most: clocks are set, and machines sleep."""


@dataclass(frozen=True, slots=True)
class NewShare:
    """``expires``: bucky µs, 0 for never."""

    audience: Audience
    target: Target
    label: str = ""
    expires: int = 0


@dataclass(frozen=True, slots=True)
class Made:
    """``secret``: what stands in the link, told now and never again; ``None`` for shares with peers.

    ``objects``: whose access was changed; ``missing``: those that are not here.
    """

    share: Share
    secret: str | None = None
    objects: int = 0
    missing: int = 0


class ShareService:
    """The owner's shares. Nobody else may call it."""

    __slots__ = ("_bell", "_clock", "_grants", "_random", "_records", "_source", "_state", "tree")

    def __init__(
        self,
        records: Records,
        grants: ShareGrants,
        tree: ShareTree,
        state: StateService,
        source: Source,
        clock: Clock,
        random: Random,
        bell: Bell,
    ) -> None:
        """``state``: root-state; ``source``: the system dec on this device, with whose rights shares are read."""
        self._records = records
        self._grants = grants
        self.tree = tree
        self._state = state
        self._source = source
        self._clock = clock
        self._random = random
        self._bell = bell

    async def create(self, new: NewShare) -> Made:
        """``NOT_FOUND`` when there is nothing at the target, ``INVALID_PARAM`` for what cannot be shared.

        When the rights cannot be given, nothing is left of the share.
        """
        now = self._clock.now()
        _check(new, now)
        place = await self.place(new.target, ())
        if place is None:
            raise CyfsError(ErrorCode.NOT_FOUND, f"there is nothing at {new.target.describe()}")
        if len([1 async for _ in self._records.list(SPACE)]) >= SHARES_MAX:
            raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"there are {SHARES_MAX} shares; revoke some", status=409)
        secret = self._random.bytes(SECRET_SIZE)
        share = Share(key_of(secret), new.audience, new.target, new.label, now, new.expires)
        # Kept before any right is given: what a crash leaves behind can be seen, and revoked.
        await self._records.put(SPACE, share.key, encode_share(share))
        self._bell.ring()
        if share.audience is Audience.ANYONE:
            return Made(share, secret_text(secret))
        try:
            objects, missing = await self._open(share, place)
        except BaseException:
            await self._end(share)
            raise
        data = await self._records.get(SPACE, share.key)
        if data is None or decode_share(share.key, data).ended:
            await self._grants.take_back(share.key)
            raise CyfsError(ErrorCode.NOT_FOUND, f"the share {share.id} was ended while it was made", status=409)
        return Made(share, None, objects, missing)

    async def shares(self) -> list[Share]:
        """The newest first."""
        return sorted([share async for share in self._all()], key=lambda share: (-share.created, share.key))

    async def shared_ids(self) -> AsyncIterator[ObjectId]:
        """What shares hold on to: the targets that are named by their ids."""
        async for share in self._all():
            if isinstance(share.target, ObjectTarget) and not share.ended:
                yield share.target.object_id

    async def revoke(self, share_id: str) -> Share:
        """Takes back what it has opened. ``NOT_FOUND`` when there is no such share."""
        found = [share async for share in self._all() if share.id == share_id]
        if not found:
            raise CyfsError(ErrorCode.NOT_FOUND, f"no share {share_id[:40]!r}; cyfs-edge share list")
        for share in found:
            await self._end(share)
        return found[0]

    async def open_link(self, text: str) -> Share | None:
        """The share of a link; ``None`` for one that is unknown, revoked or has expired."""
        secret = read_secret(text)
        if secret is None:
            return None
        key = key_of(secret)
        data = await self._records.get(SPACE, key)
        if data is None:
            return None
        share = _decoded(key, data)
        if share is None or share.audience is not Audience.ANYONE or share.expired(self._clock.now()):
            return None
        return share

    async def place(self, target: Target, segments: tuple[str, ...]) -> Place | None:
        """What a target, and a path in it, lead to now; ``None`` when that is nothing."""
        try:
            base, name, inner = await self._base(target)
            place = await self.tree.find(base, name, (*inner, *segments))
        except CyfsError as error:
            if error.code in (ErrorCode.NOT_FOUND, ErrorCode.INNER_PATH_NOT_FOUND, ErrorCode.ALREADY_EXISTS):
                return None
            raise
        if isinstance(place, Leaf) and (await self.tree.size_of(place))[0] is None:
            known = place.object_id.is_data or await self.tree.load(place.object_id) is not None
            return place if known else None
        return place

    async def sweep(self) -> float:
        """Ends what has expired; gives the seconds until that is due again."""
        now = self._clock.now()
        due = SWEEP_MOST
        for share in await self.shares():
            if not share.expires:
                continue
            if share.expires > now:
                due = min(due, (share.expires - now) / 1_000_000)
            elif share.expires + KEPT_AFTER_END <= now:
                await self._end(share)
            elif not share.ended:
                await self._grants.take_back(share.key)
                await self._records.put(SPACE, share.key, encode_share(replace(share, ended=True)))
                await self._grants.take_back(share.key)
        return due

    async def keep_swept(self, failed: Callable[[CyfsError], None]) -> None:
        """Sweeps for as long as it is let. ``failed`` is told of what went wrong; it is tried again."""
        while True:
            try:
                due = await self.sweep()
            except CyfsError as error:
                failed(error)
                due = 60.0
            await self._bell.wait(due)

    async def _base(self, target: Target) -> tuple[ObjectId, str, tuple[str, ...]]:
        if isinstance(target, ObjectTarget):
            return target.object_id, "", tuple(part for part in target.inner_path.split("/") if part)
        found = await self._state.get_object(StateCommon(self._source, None, target.dec), target.path)
        return found.object_id, target.path.rpartition("/")[2], ()

    async def _open(self, share: Share, place: Place) -> tuple[int, int]:
        """How many objects were opened, and how many are not here."""
        bits = bits_for(share.audience)
        if isinstance(share.target, StateTarget):
            await self._grants.open_path(share.key, share.target.dec, share.target.path + "/", bits)
            return 1, 0
        objects = missing = 0
        async for object_id in self._objects_of(place):
            if objects + missing == OBJECTS_MAX:
                text = f"more than {OBJECTS_MAX} objects; put the folder at a path of the state and share that"
                raise CyfsError(ErrorCode.OUT_OF_LIMIT, text, status=409)
            if await self._grants.open_object(share.key, object_id, bits):
                objects += 1
            else:
                missing += 1
        await self._grants.settle(share.key)
        return objects, missing

    def _objects_of(self, place: Place) -> AsyncIterator[ObjectId]:
        """The object, and all those in it. Chunks have no access of their own."""
        if isinstance(place, Folder):
            if place.prefix:
                text = "a part of a Dir has no access of its own; share the whole Dir, or give a link (--for anyone)"
                raise CyfsError(ErrorCode.NOT_SUPPORT, text)
            return self.tree.objects(place.object_id)
        if place.object_id.is_chunk or place.object_id.is_data:
            text = "a chunk has no access of its own; share the file or the folder that it is in"
            raise CyfsError(ErrorCode.NOT_SUPPORT, text)
        return self.tree.objects(place.object_id)

    async def _end(self, share: Share) -> None:
        await self._grants.take_back(share.key)
        await self._records.delete(SPACE, share.key)
        # What was opened meanwhile, by who makes it. What is opened from now on, its maker takes back.
        await self._grants.take_back(share.key)

    async def _all(self) -> AsyncIterator[Share]:
        """Those of a newer release are left alone: this one does not know what they open."""
        async for key, data in self._records.list(SPACE):
            share = _decoded(key, data)
            if share is not None:
                yield share


def _decoded(key: str, data: bytes) -> Share | None:
    try:
        return decode_share(key, data)
    except CyfsError:
        return None


def _check(new: NewShare, now: int) -> None:
    target = new.target
    if len(new.label) > LABEL_MAX or not new.label.isprintable():
        raise CyfsError(ErrorCode.INVALID_PARAM, f"a label has at most {LABEL_MAX} printable characters")
    if new.expires and new.expires <= now:
        raise CyfsError(ErrorCode.INVALID_PARAM, "the share would have expired already")
    if isinstance(target, ObjectTarget):
        if len(target.inner_path) > PATH_MAX or not (target.inner_path == "" or is_safe_path(target.inner_path)):
            raise CyfsError(ErrorCode.INVALID_PARAM, f"not a path in an object: {target.inner_path[:100]!r}")
        return
    segments = target.path.split("/")[1:]
    if not target.path.startswith("/") or len(target.path) > PATH_MAX or not all(segments):
        raise CyfsError(ErrorCode.INVALID_PARAM, f"not a path of a state: {target.path[:100]!r}; give one like /photos")
    if segments[0] == ".cyfs":
        raise CyfsError(ErrorCode.INVALID_PARAM, "/.cyfs holds the access rules, which are not shared")
