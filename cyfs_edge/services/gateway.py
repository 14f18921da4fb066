"""The gateway process: the node behind its listeners, from ready to an orderly stop. Wiring only."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from pathlib import Path

import sdnotify
import uvloop

from cyfs_edge import stack as composition
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.net.http_limits import HttpLimits
from cyfs_edge.net.http_server import HttpServer
from cyfs_edge.net.listen import listen_tcp
from cyfs_edge.net.peer_uid import PeerUids
from cyfs_edge.net.ws_commands import WsCommands, http_command
from cyfs_edge.net.ws_handlers import WsHandlers
from cyfs_edge.net.ws_limits import WsLimits
from cyfs_edge.net.ws_server import WsServer
from cyfs_edge.services.door import DoorSockets, keep_shares, open_door
from cyfs_edge.wire.config import ChunkManagerConfig, Config, FileManagerConfig
from cyfs_edge.wire.ws_packet import WsCommand

DRAIN_S = 10.0
"""How long running requests may go on after a stop was asked for."""
CONTROL_SOCKET = "run/gateway.sock"
_log = logging.getLogger("cyfs.gateway")


def run_gateway(config: Config) -> int:
    """Serves ``config.root`` until SIGTERM or SIGINT; gives the exit code. Failing to start raises ``CyfsError``."""
    logging.basicConfig(level=config.log_level.upper(), stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(config))


async def _serve(config: Config) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    systemd = sdnotify.SystemdNotifier()
    # Bound before the store is opened: a busy port is told at once, and nothing has to be undone.
    http_socket = listen_tcp(config.http.host, config.http.port, option="--http-port")
    ws_socket = listen_tcp(config.ws.host, config.ws.port, option="--ws-port")
    door_sockets = DoorSockets(config)
    managers = _manager_sockets(config)
    uids = PeerUids()
    node: composition.Stack | None = None
    servers: list[HttpServer | WsServer] = []
    control_path = Path(config.root) / CONTROL_SOCKET
    try:
        check_uids(uids, config)
        node = await composition.build(config)
        for warning in node.identity.warnings:
            _log.warning(warning)
        limits = HttpLimits(connections=config.limits.connections)
        http, control = (HttpServer(handle, limits=limits, uids=uids) for handle in (node.handle, node.control.handle))
        own = WsHandlers(node.handlers, node.events, node.source_of, config.limits.handler_timeout)
        commands = WsCommands({WsCommand.HTTP: http_command(node.handle), **own.commands()})
        ws_limits = WsLimits(sessions=config.limits.connections)
        ws = WsServer(commands, check_handshake=node.check_handshake, limits=ws_limits, uids=uids)
        handlers = {"chunk_manager": node.chunk_manager.handle, "file_manager": node.file_manager.handle}
        manager_servers = {name: HttpServer(handlers[name], limits=limits, uids=uids) for name in managers}
        servers += [http, control, ws, *manager_servers.values()]
        node.addresses["http"] = _address(http_socket)
        node.addresses["ws"] = _address(ws_socket)
        for name, server in manager_servers.items():
            node.addresses[name] = _address(managers[name])
            await server.start(managers[name])
        await http.start(http_socket)
        await ws.start(ws_socket)
        await control.start(_listen_unix(control_path), listener="native")
        door, told = await open_door(node, door_sockets, limits)
        servers += door
        for line in told:
            _log.info(line)
        # What is alive now stays: later collections need not look at it.
        gc.collect()
        gc.freeze()
        print(_ready_line(node), flush=True)
        systemd.notify("READY=1")
        background = [
            loop.create_task(work) for work in (_watchdog(systemd), keep_shares(node), *node.start_background())
        ]
        await stop.wait()
        systemd.notify("STOPPING=1")
        for task in background:
            task.cancel()
        return 0
    finally:
        await asyncio.gather(*(server.close(DRAIN_S) for server in servers))
        for sock in (http_socket, ws_socket, *managers.values()):
            sock.close()
        door_sockets.close()
        uids.close()
        if node is not None:
            control_path.unlink(missing_ok=True)
            await node.close()


def _manager_sockets(config: Config) -> dict[str, socket.socket]:
    """By the name of the section that switches a port on."""
    sections: dict[str, ChunkManagerConfig | FileManagerConfig] = {
        "chunk_manager": config.chunk_manager,
        "file_manager": config.file_manager,
    }
    return {
        name: listen_tcp(one.host, one.port, option=f"[{name}] port") for name, one in sections.items() if one.enabled
    }


def check_uids(uids: PeerUids, config: Config) -> None:
    """Without the users of connections nobody could call, so this is told at start. Only with ``local_users = "any"``,
    and no users kept for apps, they need not be known.
    """
    if uids.works():
        return
    text = "the kernel does not tell which user connects (sock_diag over AF_NETLINK, which a sandbox may forbid)"
    if config.local_users != "any" or config.apps.uids:
        advice = 'allow AF_NETLINK, or set local_users = "any" without [apps] if whoever reaches the ports is the owner'
        raise CyfsError(ErrorCode.NOT_SUPPORT, f"{text}; {advice}")
    _log.warning("%s; everybody who reaches the ports counts as the owner", text)


def _ready_line(node: composition.Stack) -> str:
    parts = {
        **node.addresses,
        "root": node.config.root,
        "device": node.zone.device_id,
        "owner": node.zone.zone.owner,
    }
    return "ready " + " ".join(f"{name}={value}" for name, value in parts.items())


def _address(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _listen_unix(path: Path) -> socket.socket:
    """Only this user can connect. A file left by a dead gateway is replaced: the store's lock is ours by now."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # The path may be longer than an address can be (107 bytes); the one through the open folder never is.
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    umask = os.umask(0o177)
    try:
        sock.bind(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.umask(umask)
        os.close(folder)
    sock.setblocking(False)
    return sock


async def _watchdog(systemd: sdnotify.SystemdNotifier) -> None:
    """Tells systemd that the event loop turns, twice as often as it asks for."""
    micros = os.environ.get("WATCHDOG_USEC", "")
    while micros.isdigit() and int(micros) > 0:
        systemd.notify("WATCHDOG=1")
        await asyncio.sleep(int(micros) / 2_000_000)
