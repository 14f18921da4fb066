"""The named-object cache: put, get and delete with its rules (docs/protocol/access-and-zone.md §12)."""

from __future__ import annotations

from dataclasses import replace

from cyfs_edge.base.access import ACCESS_DEFAULT, ACCESS_MASK, Permission
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.base.signatures import Signature, merge_signatures
from cyfs_edge.core.access import PathRules, check_object, is_trusted
from cyfs_edge.core.ports import Change, Clock, Durability, ObjectRecord, ObjectStore
from cyfs_edge.core.rmeta.look import look_at
from cyfs_edge.core.rmeta.record import MetaRecord
from cyfs_edge.objects.envelope import NamedObject, decode_object
from cyfs_edge.wire.requests import PutObjectReply, PutResult
from cyfs_edge.wire.source import Source

Signs = tuple[Signature, ...] | None


class ObjectCache:
    """Objects of this node under their access rules."""

    __slots__ = ("_clock", "_rules", "_store")

    def __init__(self, store: ObjectStore, clock: Clock, rules: PathRules) -> None:
        """``rules``: those of the decs, whose object meta goes before the access string of an object."""
        self._store = store
        self._clock = clock
        self._rules = rules

    async def put(self, source: Source, obj: NamedObject, access: int | None) -> PutObjectReply:
        """Keeps ``obj`` if it is new or newer, merges its signatures otherwise (§12.2, §12.3)."""
        now = self._clock.now()
        rules = await self._rules_of_held(source, obj.object_id)

        def change(held: ObjectRecord | None) -> Change[PutObjectReply]:
            if held is None:
                return Change(_told(PutResult.ACCEPT, obj), _new_record(obj, source.dec, access, now))
            _check(source, held, Permission.WRITE, rules)
            return _put_over(held, obj, access, now)

        return await self._store.update(obj.object_id, change, Durability.DURABLE)

    async def set_access(self, source: Source, object_id: ObjectId, access: int | None) -> None:
        """Changes the access of a held object; an unknown one is no error (http-api §6.1)."""
        now = self._clock.now()
        rules = await self._rules_of_held(source, object_id)

        def change(held: ObjectRecord | None) -> Change[None]:
            if held is None:
                return Change(None)
            _check(source, held, Permission.WRITE, rules)
            if access is None or access == held.access:
                return Change(None)
            return Change(None, replace(held, access=access & ACCESS_MASK, update_time=now))

        await self._store.update(object_id, change, Durability.DURABLE)

    async def get(self, source: Source, object_id: ObjectId) -> ObjectRecord | None:
        held = await self._store.get(object_id)
        if held is not None and not is_trusted(source, held.create_dec_id):
            _check(source, held, Permission.READ, await self._rules.object_rules(held.create_dec_id))
        return held

    async def delete(self, source: Source, object_id: ObjectId) -> ObjectRecord | None:
        """Gives what was there."""
        rules = await self._rules_of_held(source, object_id)

        def change(held: ObjectRecord | None) -> Change[ObjectRecord | None]:
            if held is None:
                return Change(None)
            _check(source, held, Permission.WRITE, rules)
            return Change(held, delete=True)

        return await self._store.update(object_id, change, Durability.DURABLE)

    async def _rules_of_held(self, source: Source, object_id: ObjectId) -> MetaRecord | None:
        """The rules for a change of a held object. One put in between by another dec has its access string only."""
        held = await self._store.get(object_id)
        if held is None or is_trusted(source, held.create_dec_id):
            return None
        return await self._rules.object_rules(held.create_dec_id)


def _check(source: Source, held: ObjectRecord, permission: Permission, rules: MetaRecord | None) -> None:
    check_object(source, held.object_id, held.create_dec_id, held.access, permission, rules, look_at(held))


def decode_held(record: ObjectRecord) -> NamedObject:
    """The object of a record. What the store gives back must decode: anything else is damage."""
    try:
        return decode_object(record.raw)
    except CyfsError as error:
        raise CyfsError(
            ErrorCode.INTERNAL_ERROR, f"the stored object {record.object_id} is damaged: {error.message}; run a scrub"
        ) from error


def _told(result: PutResult, obj: NamedObject) -> PutObjectReply:
    """Accept and Updated tell the object's own times, when it has any."""
    body_time = obj.body.update_time if obj.body is not None else None
    return PutObjectReply(result, body_time, obj.desc.expired_time)


def _new_record(obj: NamedObject, dec: ObjectId, access: int | None, now: int) -> ObjectRecord:
    return ObjectRecord(
        object_id=obj.object_id,
        raw=obj.raw,
        create_dec_id=dec,
        insert_time=now,
        update_time=now,
        object_update_time=obj.update_time,
        object_expired_time=obj.desc.expired_time or 0,
        access=ACCESS_DEFAULT if access is None else access & ACCESS_MASK,
        owner=obj.owner,
    )


def _put_over(held: ObjectRecord, obj: NamedObject, access: int | None, now: int) -> Change[PutObjectReply]:
    old = decode_held(held)
    newer = obj.body is not None and (old.body is None or obj.body.update_time > old.body.update_time)
    desc_signs, added = _merge(old.desc_signs, obj.desc_signs)
    if newer:
        merged = obj if desc_signs == obj.desc_signs else obj.with_parts(desc_signs=desc_signs)
        record = replace(
            held,
            raw=merged.raw,
            update_time=now,
            object_update_time=merged.update_time,
            access=ACCESS_DEFAULT if access is None else access & ACCESS_MASK,
            context=None,
        )
        return Change(_told(PutResult.UPDATED, obj), record)

    body_signs = old.body_signs
    if old.body is not None and obj.body is not None and old.body.update_time == obj.body.update_time:
        body_signs, more = _merge(old.body_signs, obj.body_signs)
        added += more
    changed = desc_signs != old.desc_signs or body_signs != old.body_signs
    new_access = held.access if access is None else access & ACCESS_MASK
    kept: ObjectRecord | None = None
    # What was made here for a state is now somebody's own, and stays until they delete it.
    if changed or new_access != held.access or held.context is not None:
        raw = old.with_parts(desc_signs=desc_signs, body_signs=body_signs).raw if changed else held.raw
        kept = replace(held, raw=raw, update_time=now, access=new_access, context=None)
    result = PutResult.MERGED if added else PutResult.ALREADY_EXISTS
    return Change(PutObjectReply(result, held.object_update_time, held.object_expired_time), kept)


def _merge(held: Signs, new: Signs) -> tuple[Signs, int]:
    """Joins two lists and counts the new sources; a list that neither object has stays away."""
    if held is None and new is None:
        return None, 0
    return merge_signatures(held, new)
