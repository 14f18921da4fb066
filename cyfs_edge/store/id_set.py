"""A set of ids in little memory: 27 to 54 bytes an id, where a set of Python takes 120."""

from __future__ import annotations

import os
from hashlib import blake2b

_SLOT = 16
_EMPTY = bytes(_SLOT)
_FIRST_SLOTS = 1 << 10


class IdSet:
    """Holds 16 bytes of a hash of each id, under a key that nobody knows: two ids that share them are not to be found.

    No bytes of the id itself: what an object names need be no hash, and may have been made to look like another id.
    One thread adds at a time; others may look meanwhile.
    """

    __slots__ = ("_count", "_secret", "_table")

    def __init__(self) -> None:
        self._secret = os.urandom(_SLOT)
        self._table = bytearray(_FIRST_SLOTS * _SLOT)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def _key(self, object_id: bytes) -> bytes:
        return blake2b(object_id, digest_size=_SLOT, key=self._secret).digest()

    def __contains__(self, object_id: bytes) -> bool:
        table, key = self._table, self._key(object_id)
        return table[(at := _place(table, key)) : at + _SLOT] == key

    def add(self, object_id: bytes) -> bool:
        """Whether it is new."""
        table, key = self._table, self._key(object_id)
        at = _place(table, key)
        if table[at : at + _SLOT] == key:
            return False
        if self._count * 3 >= len(table) // _SLOT * 2:
            self._grow()
            at = _place(self._table, key)
        self._table[at : at + _SLOT] = key
        self._count += 1
        return True

    def _grow(self) -> None:
        old, new = self._table, bytearray(2 * len(self._table))
        for start in range(0, len(old), _SLOT):
            key = bytes(old[start : start + _SLOT])
            if key != _EMPTY:
                at = _place(new, key)
                new[at : at + _SLOT] = key
        # In one step, and not before all is in it: who looks finds the old table or the new one.
        self._table = new


def _place(table: bytearray, key: bytes) -> int:
    """Where the key is, or is to be. The hash of bytes is keyed by chance: nobody can make ids that collide in it."""
    slots = len(table) // _SLOT
    slot = hash(key) % slots
    while True:
        at = slot * _SLOT
        held = table[at : at + _SLOT]
        if held in (_EMPTY, key):
            return at
        slot = (slot + 1) % slots
