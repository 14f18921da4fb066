"""Composition root: builds the node from its configuration. Nothing else wires parts together."""

from __future__ import annotations

import itertools
import logging
import os
import platform
from dataclasses import asdict, dataclass, field
from pathlib import Path

from cyfs_edge import __version__
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.access import PathRules
from cyfs_edge.core.api.call import ApiLimits
from cyfs_edge.core.api.control import ControlApi
from cyfs_edge.core.api.crypto import CryptoApi
from cyfs_edge.core.api.ndn import NdnApi
from cyfs_edge.core.api.non import NonApi
from cyfs_edge.core.api.router import HttpApi
from cyfs_edge.core.api.util import UtilApi
from cyfs_edge.core.build import BuildService
from cyfs_edge.core.crypto import CryptoService
from cyfs_edge.core.ndn import NdnService
from cyfs_edge.core.non import NonService
from cyfs_edge.core.object_cache import ObjectCache
from cyfs_edge.core.ports import Clock, NodeStore
from cyfs_edge.core.util import NodeFacts, UtilService
from cyfs_edge.core.zone import ZoneManager
from cyfs_edge.host.clock import SystemClock
from cyfs_edge.host.jobs import TaskJobs
from cyfs_edge.host.local_files import HostFiles
from cyfs_edge.host.system_info import SystemFigures
from cyfs_edge.host.worker import SystemRandom, ThreadWorker
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.store.identity_files import NodeIdentity, load_identity
from cyfs_edge.store.lmdb_store import LmdbStore, StoreOptions
from cyfs_edge.wire.browser import BrowserMode, BrowserPolicy
from cyfs_edge.wire.config import Config
from cyfs_edge.wire.errors import error_to_response
from cyfs_edge.wire.message import Headers, HttpRequest, HttpResponse

_log = logging.getLogger("cyfs.stack")
CHANNEL = "stable"
STORE_PATH = "data/store"
PRIVATE_PATHS = ("etc", "data", "run")


@dataclass(slots=True)
class Stack:
    """A node, ready to answer: ``handle`` is the protocol API, ``control.handle`` that of its administrator."""

    config: Config
    identity: NodeIdentity
    clock: Clock
    store: NodeStore
    zone: ZoneManager
    policy: BrowserPolicy
    api: HttpApi
    worker: ThreadWorker
    started: int
    version: str = __version__
    addresses: dict[str, str] = field(default_factory=dict)
    requests: int = 0
    errors: int = 0
    jobs: TaskJobs = field(default_factory=TaskJobs)
    control: ControlApi = field(init=False)

    def __post_init__(self) -> None:
        self.control = ControlApi(self.handle, self.store, self.jobs, self.status)

    async def handle(self, request: HttpRequest) -> HttpResponse:
        self.requests += 1
        response = await self.api.handle(request)
        if response.status >= 500:
            self.errors += 1
        return response

    def status(self) -> dict[str, object]:
        """What the administrator is told."""
        failure = self.store.failure
        return {
            "version": self.version,
            "pid": os.getpid(),
            "root": self.config.root,
            "device_id": str(self.zone.device_id),
            "owner_id": str(self.zone.zone.owner),
            "zone_id": str(self.zone.zone.zone_id),
            "zone_role": self.zone.role,
            "http": self.addresses.get("http"),
            "ws": self.addresses.get("ws"),
            "started": self.started,
            "uptime_s": (self.clock.now() - self.started) // 1_000_000,
            "requests": {"total": self.requests, "errors": self.errors},
            "store": asdict(self.store.stat()),
            "store_failure": failure.message if failure is not None else None,
        }

    def check_handshake(self, headers: Headers) -> HttpResponse | None:
        """Refuses WebSockets of pages and names that are not known here."""
        try:
            self.policy.check_handshake(headers)
        except CyfsError as error:
            return error_to_response(error)
        return None

    async def close(self) -> None:
        await self.jobs.close()
        self.worker.close()
        await self.store.close()


async def build(config: Config) -> Stack:
    """Opens identity and store of ``config.root`` and joins the parts. On an error nothing stays open."""
    root = Path(config.root)
    identity = load_identity(root)
    identity.require_key()
    clock = SystemClock()
    store = LmdbStore.open(root / STORE_PATH, clock=clock, options=StoreOptions(floor=config.store.min_free))
    try:
        return await compose(config, identity, store, clock)
    except BaseException:
        await store.close()
        raise


async def compose(config: Config, identity: NodeIdentity, store: NodeStore, clock: Clock) -> Stack:
    """Joins the parts around a store, which the stack closes at its end."""
    root = Path(config.root)
    zone = ZoneManager(store.objects, identity.device, identity.owner, clock.now())
    await zone.take_up_held_zone()
    cache = ObjectCache(store.objects, clock)
    await _keep_known_objects(cache, zone, identity)
    rules, worker, random = PathRules(), ThreadWorker(), SystemRandom()
    groups = itertools.count(int.from_bytes(random.bytes(4), "big") >> 1)
    non = NonService(cache, store.chunks, zone, rules)
    ndn = NdnService(non, store.chunks, store.files, zone, lambda: next(groups))
    facts = NodeFacts(__version__, CHANNEL, f"{platform.machine()}-unknown-linux-gnu", config.root)
    util = UtilService(zone, facts, SystemFigures(root), store.stat)
    files = HostFiles([root / path for path in PRIVATE_PATHS])
    builder = BuildService(non, cache, store.chunks, store.files, files, zone, clock)
    crypto = CryptoService(store.objects, zone, rules, identity.require_key(), clock, random, worker)
    hosts = frozenset(host.lower() for host in config.allowed_hosts)
    policy = BrowserPolicy(BrowserMode(config.browser_mode), hosts)
    api = HttpApi(
        zone,
        policy,
        ApiLimits(object_size=config.limits.object_size),
        NonApi(non),
        NdnApi(ndn, zone),
        UtilApi(util, builder),
        CryptoApi(crypto),
    )
    return Stack(config, identity, clock, store, zone, policy, api, worker, clock.now())


async def _keep_known_objects(cache: ObjectCache, zone: ZoneManager, identity: NodeIdentity) -> None:
    """Every object file of the identity folder can be read from the node like any other object.

    Only what is new is written. A full disk does not keep the node from starting: it still reads and deletes.
    """
    source = zone.local_source(SYSTEM_DEC_ID)
    known: dict[ObjectId, object] = {}
    for obj in (identity.device, *([identity.owner] if identity.owner else []), zone.zone.object, *identity.known):
        if obj.object_id not in known:
            known[obj.object_id] = obj
            held = await cache.get(source, obj.object_id)
            if held is not None and held.raw == obj.raw:
                continue
            try:
                await cache.put(source, obj, None)
            except CyfsError as error:
                if error.code != ErrorCode.OUT_OF_LIMIT:
                    raise
                _log.warning("%s is not kept: %s", obj.object_id, error.message)
