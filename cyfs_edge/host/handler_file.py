"""The file of the handlers that are kept over a restart: ``etc/handler/handler.toml`` below the root."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.handlers.registration import SavedHandlers
from cyfs_edge.host.whole_file import write_whole
from cyfs_edge.wire.handler_toml import decode_handlers, encode_handlers

FILE = "etc/handler/handler.toml"
SIZE_MAX = 64 * 1024 * 1024
_log = logging.getLogger("cyfs.handlers")


class HandlerFile:
    """:class:`cyfs_edge.core.handlers.registration.HandlerStore` on a file that only its user can read."""

    __slots__ = ("_path", "_turn")

    def __init__(self, root: Path) -> None:
        self._path = root / FILE
        self._turn = asyncio.Lock()

    async def load(self) -> SavedHandlers:
        """A file that cannot be read is set aside: the node starts without its handlers, whose clients come back."""
        try:
            if not self._path.exists():
                return []
            if self._path.stat().st_size > SIZE_MAX:
                raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"more than {SIZE_MAX} bytes")
            return decode_handlers(self._path.read_text(encoding="utf-8"))
        except (OSError, UnicodeError, CyfsError) as error:
            aside = self._path.with_suffix(".bad")
            _log.warning("%s cannot be read and is set aside as %s: %s", self._path, aside.name, error)
            self._path.replace(aside)
            return []

    async def save(self, handlers: SavedHandlers) -> None:
        data = encode_handlers(handlers).encode()
        async with self._turn:
            try:
                await asyncio.to_thread(write_whole, self._path, data, 0o600)
            except OSError as error:
                text = f"the handlers cannot be kept in {self._path}: {error.strerror}"
                raise CyfsError(ErrorCode.IO_ERROR, text) from None
