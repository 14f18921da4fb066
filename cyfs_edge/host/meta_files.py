"""Readable copies of path meta below ``etc``, for whoever reviews the rules of a box (access-and-zone.md §4)."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path

from cyfs_edge.base.ids import ObjectId
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID

FOLDER = "etc/meta/global-state"
_log = logging.getLogger("cyfs.meta")


class MetaFiles:
    """One file per dec, ``system.json`` for the system dec; those of local-cache end in ``.local-cache.json``."""

    __slots__ = ("_folder",)

    def __init__(self, root: Path) -> None:
        self._folder = root / FOLDER

    async def write(self, dec: ObjectId, category: str, data: bytes) -> None:
        """A copy that cannot be written is logged, and nothing else fails for it."""
        name = "system" if dec == SYSTEM_DEC_ID else str(dec)
        path = self._folder / (f"{name}.json" if category == "root-state" else f"{name}.{category}.json")
        try:
            await asyncio.to_thread(_replace, path, data)
        except OSError as error:
            _log.warning("no review copy of the path meta of dec %s: %s", name, error)


def _replace(path: Path, data: bytes) -> None:
    text = json.dumps(json.loads(data), indent=2, ensure_ascii=False)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(text + "\n", encoding="utf-8")
    part.replace(path)
