"""Rights that shares give to peers: bits in the access of objects, and rules on paths (access-and-zone.md §1, §4).

For each thing that has been opened it is remembered what its access was before, and which shares want which bits. So
shares may overlap and end in any order, and when the last one ends everything is as it was. What the owner has changed
by hand in between stays as he wants it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Any

from cyfs_edge.base.access import AccessGroup, Permission, group_mask
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.ports import Change, Clock, Durability, Mutex, ObjectRecord, ObjectStore, Records
from cyfs_edge.core.rmeta.record import MetaRecord, access_key
from cyfs_edge.core.rmeta.service import MetaService
from cyfs_edge.core.shares.record import Audience
from cyfs_edge.wire.req_path import CATEGORIES
from cyfs_edge.wire.rmeta import AccessItem, AskHandler, Specified, item_json, normal_path, parse_access_item

SPACE = "share-grants"
_ROOT_STATE = CATEGORIES[0]
_GROUPS = {
    Audience.ZONE: (AccessGroup.CURRENT_DEVICE, AccessGroup.CURRENT_ZONE),
    Audience.FRIENDS: (AccessGroup.CURRENT_DEVICE, AccessGroup.CURRENT_ZONE, AccessGroup.FRIEND_ZONE),
}


def bits_for(audience: Audience) -> int:
    """To read, for any dec of those devices."""
    mask = 0
    for group in (*_GROUPS[audience], AccessGroup.OWNER_DEC, AccessGroup.OTHERS_DEC):
        mask |= group_mask(group, Permission.READ)
    return mask


@dataclass(frozen=True, slots=True)
class _Grant:
    """``before``: the access without shares. ``shares``: the bits that each wants, by its key.

    Of a path (of ``dec``): ``made`` are the rules that were added for it; ``replaced`` tells that there was a rule
    before.
    """

    before: int
    shares: dict[str, int]
    made: tuple[AccessItem, ...] = ()
    replaced: bool = True
    dec: ObjectId | None = None
    path: str = ""

    @property
    def wanted(self) -> int:
        mask = 0
        for bits in self.shares.values():
            mask |= bits
        return mask

    def after_taking(self, current: int, key: str) -> tuple[_Grant, int]:
        """Without a share, and the access that is left: bits that only it has brought are gone."""
        left = replace(self, shares={name: bits for name, bits in self.shares.items() if name != key})
        brought = self.wanted & ~self.before
        return left, current & ~(brought & ~left.wanted)


class ShareGrants:
    """Gives rights and takes them back. It works with the owner's authority: who may call it is checked above."""

    __slots__ = ("_clock", "_meta", "_objects", "_records", "_turn")

    def __init__(self, objects: ObjectStore, records: Records, meta: MetaService, clock: Clock, turn: Mutex) -> None:
        """``turn``: held from reading a grant to writing it, so that no other share changes it in between."""
        self._turn = turn
        self._objects = objects
        self._records = records
        self._meta = meta
        self._clock = clock

    async def open_object(self, key: str, object_id: ObjectId, bits: int) -> bool:
        """False when the object is not here. Durable after :meth:`settle`, so that many are one commit or a few."""
        async with self._turn:
            held = await self._objects.get(object_id)
            if held is None:
                return False
            name = f"object/{object_id}"
            grant = await self._load(name) or _Grant(held.access, {})
            grant = replace(grant, shares={**grant.shares, key: bits})
            # Remembered first: whatever happens in between, what is to be taken back is known.
            await self._save(name, key, grant)
            await self._objects.update(object_id, self._changed(lambda access: access | bits), Durability.LAZY)
            return True

    async def settle(self, key: str) -> None:
        """What a share has opened so far is durable when this returns."""
        await self._records.put(SPACE, f"of/{key}/", b"")

    async def open_path(self, key: str, dec: ObjectId, path: str, bits: int) -> None:
        """``path`` begins and ends with ``/``. ``NOT_SUPPORT`` where a handler decides."""
        async with self._turn:
            record = await self._meta.record(dec, _ROOT_STATE)
            # Paths may be longer than keys of records.
            name = f"path/{hashlib.sha256(f'{dec}{path}'.encode()).hexdigest()}"
            grant = await self._load(name)
            own = _rule_for_all(record, path)
            if grant is None:
                above = [item for item in record.accesses.items if path.startswith(item.path)]
                grant = replace(_grant_at(path, above, own), dec=dec, path=path)
            grant = replace(grant, shares={**grant.shares, key: bits})
            await self._save(name, key, grant)
            held = grant.before if own is None else own
            for item in (*grant.made, AccessItem(path, held | bits)):
                await self._meta.add(dec, _ROOT_STATE, item)

    async def take_back(self, key: str) -> int:
        """Ends all rights of a share; gives how many things it had opened. May be repeated after a crash."""
        names = [name async for name in self._names(key)]
        for name in names:
            async with self._turn:
                await self._take(name, key)
            await self._records.delete(SPACE, f"of/{key}/{name}", Durability.LAZY)
        if names:
            # One durable change at the end makes all those before it durable.
            await self._records.delete(SPACE, f"of/{key}/", Durability.DURABLE)
        return len(names)

    async def _take(self, name: str, key: str) -> None:
        grant = await self._load(name)
        if grant is None or key not in grant.shares:
            return
        if grant.dec is None:
            await self._take_object(name, grant, ObjectId.from_text(name.removeprefix("object/")), key)
        else:
            await self._take_path(name, grant, grant.dec, key)

    async def _take_object(self, name: str, grant: _Grant, object_id: ObjectId, key: str) -> None:
        change = self._changed(lambda access: grant.after_taking(access, key)[1])
        await self._objects.update(object_id, change, Durability.LAZY)
        await self._keep(name, grant.after_taking(0, key)[0])

    async def _take_path(self, name: str, grant: _Grant, dec: ObjectId, key: str) -> None:
        record = await self._meta.record(dec, _ROOT_STATE)
        held = _rule_for_all(record, grant.path)
        left = grant.after_taking(0, key)[0]
        untouched = held is None or held == grant.before | grant.wanted
        if held is not None and untouched and not left.shares and not grant.replaced:
            await self._meta.remove(dec, _ROOT_STATE, AccessItem(grant.path, held))
        elif held is not None:
            access = grant.after_taking(held, key)[1]
            await self._meta.add(dec, _ROOT_STATE, AccessItem(grant.path, access))
        if untouched and not left.shares:
            for item in grant.made:
                if item in record.accesses.items:
                    await self._meta.remove(dec, _ROOT_STATE, item)
        await self._keep(name, left)

    def _changed(self, change: Callable[[int], int]) -> Callable[[ObjectRecord | None], Change[None]]:
        now = self._clock.now()

        def run(held: ObjectRecord | None) -> Change[None]:
            if held is None or change(held.access) == held.access:
                return Change(None)
            return Change(None, replace(held, access=change(held.access), update_time=now))

        return run

    async def _names(self, key: str) -> AsyncIterator[str]:
        prefix = f"of/{key}/"
        async for name, _ in self._records.list(SPACE, prefix):
            if len(name) > len(prefix):
                yield name[len(prefix) :]

    async def _load(self, name: str) -> _Grant | None:
        data = await self._records.get(SPACE, _record_key(name))
        return None if data is None else decode_grant(data)

    async def _save(self, name: str, key: str, grant: _Grant) -> None:
        await self._records.put(SPACE, _record_key(name), encode_grant(grant), Durability.LAZY)
        await self._records.put(SPACE, f"of/{key}/{name}", b"", Durability.LAZY)

    async def _keep(self, name: str, grant: _Grant) -> None:
        if grant.shares:
            await self._records.put(SPACE, _record_key(name), encode_grant(grant), Durability.LAZY)
        else:
            await self._records.delete(SPACE, _record_key(name), Durability.LAZY)


def _record_key(name: str) -> str:
    return f"is/{name}"


def _rule_for_all(record: MetaRecord, path: str) -> int | None:
    """The access string of the rule for everybody at exactly this path."""
    for item in record.accesses.items:
        if item.path == path and isinstance(item.access, int):
            return item.access
    return None


def _grant_at(path: str, above: list[AccessItem], own: int | None) -> _Grant:
    """What a new rule at ``path`` must say beside the new bits, so that nobody loses or gains another right by it.

    The first rule that fits decides, and the new one stands before all of shorter paths: those for single callers are
    repeated at ``path``, and the one for everybody is what the new rule begins with.
    """
    if own is not None:
        return _Grant(own, {})
    chain: list[AccessItem] = []
    made: list[AccessItem] = []
    before = 0
    for item in above:
        if isinstance(item.access, AskHandler):
            text = f"a handler decides about {item.path}: let it decide about the share, or share a copy elsewhere"
            raise CyfsError(ErrorCode.NOT_SUPPORT, text)
        if isinstance(item.access, int):
            before = item.access
            break
        if any(isinstance(one.access, Specified) and one.access.selector == item.access.selector for one in chain):
            continue
        chain.append(AccessItem(path, item.access))
        if item.path != path:
            made.append(chain[-1])
    if sorted(chain, key=access_key) != chain:
        text = f"the rules above {path} for single callers would be tried in another order; see `cyfs-edge access show`"
        raise CyfsError(ErrorCode.NOT_SUPPORT, text)
    return _Grant(before, {}, tuple(made), replaced=False)


def encode_grant(grant: _Grant) -> bytes:
    value = {
        "version": 1,
        "before": grant.before,
        "shares": grant.shares,
        "made": [item_json(item) for item in grant.made],
        "replaced": grant.replaced,
        "dec": None if grant.dec is None else str(grant.dec),
        "path": grant.path,
    }
    return json.dumps(value).encode()


def decode_grant(data: bytes) -> _Grant:
    """``INVALID_DATA`` when the bytes are no grant of this version."""
    try:
        value: Any = json.loads(data)
        if value["version"] != 1:
            raise ValueError(f"version {value['version']!r}"[:80])
        made = tuple(parse_access_item(item) for item in value["made"])
        shares = {str(name): _number(bits) for name, bits in value["shares"].items()}
        dec = None if value["dec"] is None else ObjectId.from_text(value["dec"])
        return _Grant(
            _number(value["before"]), shares, made, value["replaced"] is True, dec, normal_path(value["path"])
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, CyfsError) as error:
        raise CyfsError(ErrorCode.INVALID_DATA, f"what a share has changed cannot be read: {error}") from None


def _number(value: object) -> int:
    if type(value) is not int or not 0 <= value <= 0xFFFF_FFFF:
        raise ValueError("not an access string")
    return value
