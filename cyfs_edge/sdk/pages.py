"""The web pages of a DecApp, and addresses that a browser opens (docs/protocol/http-front.md §3.3, §6)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from cyfs_edge.base.ids import ObjectId
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.sdk.caller import Caller
from cyfs_edge.sdk.files import Files
from cyfs_edge.sdk.global_state import GlobalState
from cyfs_edge.sdk.ndn import Ndn
from cyfs_edge.sdk.non import Non
from cyfs_edge.sdk.util import Util


class Pages:
    """Pages have an origin of their own, in which a script speaks for the dec and for nobody else."""

    __slots__ = ("_caller", "_port")

    def __init__(self, caller: Caller, port: int) -> None:
        self._caller = caller
        self._port = port

    def url(self, path: str = "") -> str:
        """The address of a page, for a browser on this machine. A path that ends with ``/`` means its index.html."""
        return f"http://a.{self._caller.dec_id.base36}.localhost:{self._port}/{quote(path.lstrip('/'), safe='/')}"

    def object_url(self, object_id: ObjectId, inner_path: str = "") -> str:
        """The address of an object or of data in the dec's origin; ``?format=json`` behind it shows an object."""
        return self.url(f"o/{object_id}/{inner_path.lstrip('/')}".rstrip("/"))

    async def publish(self, folder: Path) -> str:
        """Stores ``folder``, which has an index.html, as the pages of the dec, in place of those before; their address.

        It says so in the system's state as the installation of an app does, so only who may speak for the system can do
        it: on a machine for development everybody who runs the gateway. Others get ``PERMISSION_DENIED``.
        """
        own, system = self._caller, replace(self._caller, dec_id=SYSTEM_DEC_ID)
        dir_id = await Files(Non(own), Ndn(own), Util(own)).put_folder(folder)
        async with await GlobalState(system, "root-state").path_env() as env:
            await env.set_with_path(f"/app/{own.dec_id}/versions/current", dir_id)
        return self.url()
