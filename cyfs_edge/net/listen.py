"""Sockets to accept on. Callers at the stack's ports count as this device: they stay on loopback (http-api.md §1)."""

from __future__ import annotations

import errno
import ipaddress
import socket

from cyfs_edge.base.errors import CyfsError, ErrorCode


def listen_tcp(host: str, port: int, *, allow_non_loopback: bool = False, option: str = "--http-port") -> socket.socket:
    """A bound, non-blocking TCP socket for ``host`` (an IPv4 or IPv6 address) and ``port`` (0: any free one).

    ``option`` names the setting that changes the port, for the error text. Raises ``INVALID_PARAM`` for what is no
    address or not loopback, ``ADDR_IN_USE``, ``PERMISSION_DENIED``, ``ADDR_NOT_AVAILABLE``.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError as error:
        raise CyfsError(ErrorCode.INVALID_PARAM, f"{host!r} is not an IP address; use 127.0.0.1 or ::1") from error
    if not (address.is_loopback or allow_non_loopback):
        text = f"{host} is not a loopback address: whoever can reach this port counts as this device; use 127.0.0.1"
        raise CyfsError(ErrorCode.INVALID_PARAM, text)
    if not 0 <= port <= 65535:
        raise CyfsError(ErrorCode.INVALID_PARAM, f"{port} is not a port number; use 1 to 65535 with {option}")

    sock = socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET, socket.SOCK_STREAM)
    try:
        # Free again at once after a restart, although old connections linger; a second listener is still refused.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if address.version == 6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port))
        # Two sockets may be bound before either listens; only this finds out who was first.
        sock.listen(socket.SOMAXCONN)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise _bind_error(error, host, port, option) from error
    return sock


def _bind_error(error: OSError, host: str, port: int, option: str) -> CyfsError:
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if error.errno == errno.EADDRINUSE:
        text = (
            f"port {where} is in use, perhaps by another cyfs-edge or a CYFS gateway "
            f"(`ss -ltnp 'sport = :{port}'` shows it); stop that or choose another port with {option}"
        )
        return CyfsError(ErrorCode.ADDR_IN_USE, text)
    if error.errno in (errno.EACCES, errno.EPERM):
        text = f"no permission to listen on {where}; choose a port from 1024 with {option}"
        return CyfsError(ErrorCode.PERMISSION_DENIED, text)
    if error.errno == errno.EADDRNOTAVAIL:
        return CyfsError(ErrorCode.ADDR_NOT_AVAILABLE, f"this machine has no address {host} to listen on")
    return CyfsError(ErrorCode.IO_ERROR, f"cannot listen on {where}: {error.strerror}")
