"""The limits of the HTTP server, in one place (docs/limits.md)."""

from __future__ import annotations

from dataclasses import dataclass

from cyfs_edge.wire.http_head import HEAD_MAX, LINES_MAX, TARGET_MAX


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Sizes in bytes, times in seconds. Every field has a row in docs/limits.md and a test."""

    head_size: int = HEAD_MAX
    """A longer request head is answered 431."""
    header_lines: int = LINES_MAX
    """More lines are answered 431."""
    target_size: int = TARGET_MAX
    """A longer request target is answered 414."""
    connections: int = 512
    """One more is answered 503 and closed."""
    idle_timeout: float = 60.0
    """A connection without a request is closed after this."""
    head_timeout: float = 20.0
    """From the first byte of a head to its end; then 408."""
    body_window: float = 20.0
    body_window_bytes: int = 4096
    """A body that is waited for must bring this much in each window; else 408."""
    body_buffer: int = 256 * 1024
    """Received and not yet read by the handler: above this the socket is not read."""
    unread_body: int = 1024 * 1024
    """What the handler left unread of a body is read and dropped up to this; beyond it the connection is closed."""
    send_stall: float = 60.0
    """A client that takes nothing of its reply for this long is dropped."""
    half_close_grace: float = 10.0
    """A client that closed its side waits for the reply, or is gone: a handler that takes longer is cancelled."""
    linger: float = 2.0
    """Before a connection is closed on a client that still sends, its bytes are dropped for this long."""
    sweep_interval: float = 1.0
    """How often the times above are looked at: they are exact to this."""
