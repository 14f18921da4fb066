"""How much trans tasks may take (docs/limits.md)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TransLimits:
    tasks_per_dec: int = 1024
    """Beyond it the oldest finished task of the dec is forgotten."""
    tasks: int = 16384
    """Of all decs together."""
    entries: int = 100_000
    """Files of one task."""
    depth: int = 64
    """Dirs and object maps inside one another."""
    object_size: int = 16 << 20
    """Bytes of an object from another device."""
    list_size: int = 16 << 20
    """Bytes of a chunk that lists the entries of a Dir, or carries objects for it."""
    chunk_size: int = 64 << 20
    """Bytes of a chunk that is fetched."""
    fetches: int = 8
    """Chunks that are fetched at a time, for all tasks."""
    fetch_bytes: int = 16 << 20
    """Bytes of those chunks; a larger one is fetched alone."""
    runs: int = 16
    """Tasks that run at a time; more wait for their turn."""
    rounds: int = 5
    """How often all sources of a chunk are tried when they cannot be reached."""
    told: int = 100
    """Refused entries that a task names; more are counted."""
