"""The limits of the WebSocket server, in one place (docs/limits.md)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WsLimits:
    """Sizes in bytes, times in seconds. Every field has a row in docs/limits.md and a test."""

    sessions: int = 512
    """One more is answered 503 and closed."""
    message_size: int = 64 * 1024 * 1024
    """A longer message closes the session with 1009."""
    buffered: int = 128 * 1024 * 1024
    """Messages of all sessions that are coming or being worked on; who goes beyond is closed with 1013."""
    frame_size: int = 512 * 1024
    """Our messages are sent in frames of at most this: some clients refuse frames above 1 MiB."""
    in_flight: int = 64
    """Packets of one session that are worked on at a time; then its socket is not read."""
    calls: int = 64
    """Our requests to one client (handler calls, events) that await their answer at a time; the next ones wait."""
    handshake_timeout: float = 20.0
    """From the connection to the end of the handshake; then 408."""
    ping_after: float = 30.0
    """Without traffic in either direction for this long, a ping is sent."""
    silence: float = 600.0
    """A client that sent nothing, not even a pong, for this long is dropped."""
    send_stall: float = 60.0
    """A client that takes nothing of what is sent to it for this long is dropped."""
    linger: float = 2.0
    """How long a closing handshake may take."""
    sweep_interval: float = 1.0
    """How often the times above are looked at: they are exact to this."""
