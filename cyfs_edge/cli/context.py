"""What every command is handed: its arguments, its output, and on demand the root, the configuration and a client."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.cli.exits import CliError, Exit
from cyfs_edge.cli.output import Output
from cyfs_edge.cli.roots import Root, check_root, find_root, switch_user

if TYPE_CHECKING:
    from cyfs_edge.cli.client import Client
    from cyfs_edge.wire.config import Config

_STARTING_S = 10.0
"""How long a lock without a listening socket is taken for a gateway that is just starting or stopping."""


class Context:
    def __init__(self, args: argparse.Namespace, out: Output, environ: Mapping[str, str] | None = None) -> None:
        self.args = args
        self.out = out
        self.environ = os.environ if environ is None else environ

    @cached_property
    def root(self) -> Root:
        return find_root(self.args.root, self.environ)

    @cached_property
    def config(self) -> Config:
        from cyfs_edge.cli.settings import load_config

        return load_config(self.root, self.environ, {})[0]

    def connect_gateway(self) -> Client | None:
        """A client of the root's running gateway, if there is one."""
        from cyfs_edge.cli.client import GatewayNotRunning, UnixClient

        check_root(self.root)
        try:
            return UnixClient(self.root.socket)
        except GatewayNotRunning:
            return None

    def connect(self) -> Client:
        """The running gateway, else the store itself under its lock; never both."""
        deadline = time.monotonic() + _STARTING_S
        while True:
            client = self.connect_gateway()
            if client is not None:
                return client
            try:
                return self._open_store()
            except CyfsError as error:
                if "pid" not in error.context:
                    raise
                if time.monotonic() > deadline:
                    raise _locked(self.root, error) from None
            time.sleep(0.1)

    def _open_store(self) -> Client:
        from cyfs_edge.cli.local import LocalClient
        from cyfs_edge.stack import build

        check_root(self.root, need_key=True)
        switch_user(self.root)
        return LocalClient(self.config, build)


def _locked(root: Root, error: CyfsError) -> CliError:
    pid = error.context.get("pid")
    holder = f"process {pid}" if pid else "another process"
    return CliError(
        ErrorCode.WOULD_BLOCK,
        f"The store of {root.path} is locked by {holder}, but no gateway answers at {root.socket}.",
        Exit.BUSY,
        "Wait until that process has ended, or end it, and try again.",
    )
