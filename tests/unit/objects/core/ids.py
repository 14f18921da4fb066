"""Ids for tests, distinct and of the kinds that their names say."""

from __future__ import annotations

from cyfs_edge.base.ids import ObjectId


def an_id(first: int, number: int) -> ObjectId:
    return ObjectId(bytes([first, 0, 0, 0, 0, number]).ljust(32, b"\0"))


PEOPLE = an_id(0x48, 1)
FRIEND = an_id(0x48, 2)
OOD = an_id(0x44, 1)
STANDBY = an_id(0x44, 2)
PHONE = an_id(0x44, 3)
STRANGER = an_id(0x44, 4)
DIR = an_id(0x58, 1)
NEWER_DIR = an_id(0x58, 2)
APP = an_id(0x84, 1)
OTHER_APP = an_id(0x84, 2)

NOW = 13_300_000_000_000_000
"""Bucky µs, in 2022."""
