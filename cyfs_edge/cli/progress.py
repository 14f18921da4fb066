"""A progress bar of one line on a terminal; silent everywhere else."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

from cyfs_edge.cli.output import duration_text, printable, size_text

_REDRAW_S = 0.1
_BAR_MAX = 30
_BAR_MIN = 5


class Progress:
    """``with Progress("label", total) as bar: bar.advance(n)``. Drawn on ``stream`` only when it is a terminal.

    ``text`` makes amounts readable (bytes unless told otherwise); with ``None`` only the share is drawn. ``shown``:
    whether anything is.
    """

    def __init__(
        self,
        label: str,
        total: int,
        *,
        quiet: bool = False,
        text: Callable[[int], str] | None = size_text,
        stream: TextIO | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.label = label
        self.total = total
        self.done = 0
        self._text = text
        self._stream = stream or sys.stderr
        self._monotonic = monotonic
        self.shown = not quiet and self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._begin = self._last = monotonic()

    def __enter__(self) -> Progress:
        self._draw()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def advance(self, amount: int) -> None:
        self.set(self.done + amount)

    def set(self, done: int, total: int | None = None, label: str | None = None) -> None:
        """Absolute values, for jobs that report them."""
        self.done = done
        self.total = self.total if total is None else total
        self.label = label or self.label
        if self._monotonic() - self._last >= _REDRAW_S:
            self._draw()

    def _draw(self) -> None:
        if self.shown:
            self._last = self._monotonic()
            self._stream.write("\r" + self.line(shutil.get_terminal_size().columns - 1) + "\x1b[K")
            self._stream.flush()

    def line(self, width: int) -> str:
        """The bar as text of at most ``width`` columns."""
        share = min(1.0, self.done / self.total) if self.total else 0.0
        figures = self._figures(share)
        label = printable(self.label)
        bar = min(_BAR_MAX, width - len(figures) - len(label) - 4)
        if self.total and bar >= _BAR_MIN:
            return f"{label} [{'#' * int(share * bar):<{bar}}] {figures}"
        return f"{label} {figures}"[:width]

    def _figures(self, share: float) -> str:
        seconds = self._monotonic() - self._begin
        parts = [f"{share:4.0%}"] if self.total else []
        if self._text is not None:
            parts.append(self._text(self.done) + (f" of {self._text(self.total)}" if self.total else ""))
        if self.done and seconds > 0:
            rate = self.done / seconds
            if self._text is not None:
                parts.append(f"{self._text(int(rate))}/s")
            if self.done < self.total:
                parts.append(f"{duration_text((self.total - self.done) / rate)} left")
        return ", ".join(parts)
