"""Composition root: builds the node from its configuration. Nothing else wires parts together."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import platform
from collections.abc import Coroutine, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from cyfs_edge import __version__
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.access import ROOT_STATE, PathRules
from cyfs_edge.core.api.call import ApiLimits
from cyfs_edge.core.api.control import ControlApi
from cyfs_edge.core.api.control_backup import ControlBackup
from cyfs_edge.core.api.control_door import ControlDoor
from cyfs_edge.core.api.control_files import ControlFiles
from cyfs_edge.core.api.control_space import ControlSpace
from cyfs_edge.core.api.control_trans import ControlTrans
from cyfs_edge.core.api.control_volumes import ControlVolumes
from cyfs_edge.core.api.crypto import CryptoApi
from cyfs_edge.core.api.dav import DavApi
from cyfs_edge.core.api.front import FrontApi
from cyfs_edge.core.api.handlers import HandlerApi
from cyfs_edge.core.api.managers import ChunkManagerApi, FileManagerApi, PortGate
from cyfs_edge.core.api.meta import MetaApi
from cyfs_edge.core.api.ndn import NdnApi
from cyfs_edge.core.api.non import NonApi
from cyfs_edge.core.api.router import HttpApi
from cyfs_edge.core.api.state import StateApi
from cyfs_edge.core.api.trans import TransApi
from cyfs_edge.core.api.util import UtilApi
from cyfs_edge.core.build import BuildService
from cyfs_edge.core.callers import Callers
from cyfs_edge.core.crypto import CryptoService
from cyfs_edge.core.door.api import DoorApi, Mount, StaticFile
from cyfs_edge.core.door.door import OwnerDoor, link_base
from cyfs_edge.core.door.password import OwnerPassword
from cyfs_edge.core.door.sessions import DoorSessions, DoorUser
from cyfs_edge.core.events.router_events import RouterEvents
from cyfs_edge.core.file_intake import FileIntake
from cyfs_edge.core.files.tree import FileTree
from cyfs_edge.core.front.service import FrontService
from cyfs_edge.core.handlers.interceptor import Interceptor
from cyfs_edge.core.handlers.registration import HandlerRegistration
from cyfs_edge.core.handlers.registry import HandlerRegistry
from cyfs_edge.core.keeping import Duty
from cyfs_edge.core.ndn import NdnService
from cyfs_edge.core.non import NonService
from cyfs_edge.core.object_cache import ObjectCache
from cyfs_edge.core.ports import Clock, Store
from cyfs_edge.core.rmeta.service import MetaService
from cyfs_edge.core.shares.api import ShareApi
from cyfs_edge.core.shares.archive import ShareArchive
from cyfs_edge.core.shares.grants import ShareGrants
from cyfs_edge.core.shares.service import ShareService
from cyfs_edge.core.shares.tree import ShareTree
from cyfs_edge.core.space import Roots, SpaceService
from cyfs_edge.core.state.map_cache import MapCache
from cyfs_edge.core.state.meta_store import StateMeta
from cyfs_edge.core.state.places import StatePlaces
from cyfs_edge.core.state.roots import StateRoots
from cyfs_edge.core.state.service import StateService
from cyfs_edge.core.trans.beside import FetchGate
from cyfs_edge.core.trans.download import Tools
from cyfs_edge.core.trans.limits import TransLimits
from cyfs_edge.core.trans.publish import Publisher
from cyfs_edge.core.trans.service import TransService
from cyfs_edge.core.trans.speed import Throttle
from cyfs_edge.core.util import NodeFacts, UtilService
from cyfs_edge.core.volumes import FAILING, MISSING, PlaceState
from cyfs_edge.core.zone import ZoneManager
from cyfs_edge.host.accounts import AppUidFile, group_members
from cyfs_edge.host.activities import LoopActivities
from cyfs_edge.host.addresses import own_addresses
from cyfs_edge.host.certificate import certificate_facts
from cyfs_edge.host.clock import SystemClock
from cyfs_edge.host.handler_file import HandlerFile
from cyfs_edge.host.jobs import TaskJobs
from cyfs_edge.host.local_files import HostFiles
from cyfs_edge.host.local_targets import HostTargets
from cyfs_edge.host.meta_files import MetaFiles
from cyfs_edge.host.passwords import Argon2Hasher
from cyfs_edge.host.peek import peek_file
from cyfs_edge.host.system_info import SystemFigures
from cyfs_edge.host.waits import AsyncWaits
from cyfs_edge.host.worker import SystemRandom, ThreadWorker
from cyfs_edge.keepers import Keepers
from cyfs_edge.net.http_routines import HttpRoutines
from cyfs_edge.net.peer_data import HttpPeers
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.store.identity_files import NodeIdentity, load_identity
from cyfs_edge.store.lmdb_store import LmdbStore, RemoteOptions, StoreOptions
from cyfs_edge.wire.browser import BrowserMode, BrowserPolicy
from cyfs_edge.wire.config import ChunksConfig, Config
from cyfs_edge.wire.errors import error_to_response
from cyfs_edge.wire.message import Headers, HttpRequest, HttpResponse, Peer
from cyfs_edge.wire.req_path import CATEGORIES
from cyfs_edge.wire.source import Source

_log = logging.getLogger("cyfs.stack")
CHANNEL = "stable"
STORE_PATH = "data/store"
VOLUMES_S, VOLUMES_FIRST_S = 60.0, 2.0
"""Seconds between two looks whether all disks are there, and before the first: the start has enough to do."""
REMOTE_THREADS = 4
PRIVATE_PATHS = ("etc", "data", "run")
DAV_PATH = "/dav"
"""Where the owner door has the owner's files."""
WEB_FILES = (
    ("/", "index.html", "text/html; charset=utf-8"),
    ("/door.css", "door.css", "text/css; charset=utf-8"),
    ("/door.js", "door.js", "text/javascript; charset=utf-8"),
    ("/favicon.svg", "favicon.svg", "image/svg+xml"),
)


@dataclass(slots=True)
class Stack:
    """A node, ready to answer: ``handle`` is the protocol API, ``control.handle`` that of its administrator."""

    config: Config
    identity: NodeIdentity
    clock: Clock
    store: Store
    zone: ZoneManager
    policy: BrowserPolicy
    api: HttpApi
    worker: ThreadWorker
    started: int
    registry: HandlerRegistry = field(kw_only=True)
    handlers: HandlerRegistration = field(kw_only=True)
    events: RouterEvents = field(kw_only=True)
    meta: MetaService = field(kw_only=True)
    keepers: Keepers = field(kw_only=True)
    callers: Callers = field(kw_only=True)
    door: OwnerDoor = field(kw_only=True)
    trans: TransService = field(kw_only=True)
    intake: FileIntake = field(kw_only=True)
    chunk_manager: ChunkManagerApi = field(kw_only=True)
    file_manager: FileManagerApi = field(kw_only=True)
    files: FileTree = field(kw_only=True)
    dav: DavApi = field(kw_only=True)
    version: str = __version__
    addresses: dict[str, str] = field(default_factory=dict)
    requests: int = 0
    errors: int = 0
    space: SpaceService = field(kw_only=True)
    jobs: TaskJobs = field(default_factory=TaskJobs)
    control: ControlApi = field(init=False)
    _told: dict[str, PlaceState] = field(default_factory=dict)

    def __post_init__(self) -> None:
        keepers = self.keepers
        self.control = ControlApi(
            self.handle,
            self.store,
            self.jobs,
            self.status,
            self.registry,
            self.events,
            self.meta,
            [
                ControlSpace(self.space, self.jobs, self.store.stat),
                ControlDoor(self.door, self.clock),
                ControlTrans(self.trans),
                ControlFiles(self.intake, _api_limits(self.config)),
                ControlBackup(self.jobs, keepers.backups, keepers.scrub, keepers.take_over, self.config.backup),
                ControlVolumes(self.store, self.jobs),
            ],
        )

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
            "door": self.addresses.get("door"),
            "chunk_manager": self.addresses.get("chunk_manager"),
            "file_manager": self.addresses.get("file_manager"),
            "started": self.started,
            "uptime_s": (self.clock.now() - self.started) // 1_000_000,
            "requests": {"total": self.requests, "errors": self.errors},
            "store": asdict(self.store.stat()),
            "store_failure": failure.message if failure is not None else None,
            "volumes": [asdict(place) for place in self.store.volumes.states()],
        }

    def source_of(self, peer: Peer, dec: ObjectId | None) -> Source:
        """Who registers a handler or an event listener over a connection."""
        dec = self.callers.dec_for(peer.uid, self.policy.dec_of_page(peer.page, dec))
        return self.zone.local_source(dec, peer.listener)

    def check_handshake(self, headers: Headers, peer: Peer) -> HttpResponse | None:
        """Refuses WebSockets of pages, names and users that are not known here."""
        try:
            self.callers.only_dec(peer.uid)
            self.policy.check_handshake(headers)
        except CyfsError as error:
            return error_to_response(error)
        return None

    def start_background(self) -> list[Coroutine[None, None, None]]:
        """What a node that stays runs beside its requests, until it is cancelled."""
        duties = []
        if self.config.store.collect_every:
            duties.append(Duty("collect", "collect", self.config.store.collect_every, self.space.run))
        return [self.trans.go_on(), self.keepers.timer(self.jobs, duties).run(), self._watch_volumes()]

    async def _watch_volumes(self) -> None:
        """So that the status tells of a disk that nobody has asked for anything since it went."""
        await asyncio.sleep(VOLUMES_FIRST_S)
        while True:
            for place in await self.store.volumes.refresh():
                if place.state in (MISSING, FAILING) and place != self._told.get(place.name):
                    _log.warning("%s at %s is %s: %s", place.name, place.where, place.state, place.why)
                self._told[place.name] = place
            await asyncio.sleep(VOLUMES_S)

    async def close(self) -> None:
        await self.trans.close()
        await self.jobs.close()
        self.worker.close()
        await self.store.close()


async def build(config: Config) -> Stack:
    """Opens identity and store of ``config.root`` and joins the parts. On an error nothing stays open."""
    root = Path(config.root)
    identity = load_identity(root)
    identity.require_key()
    clock = SystemClock()
    options = StoreOptions(floor=config.store.min_free, remote=_remote(config.chunks))
    store = LmdbStore.open(root / STORE_PATH, clock=clock, options=options)
    try:
        return await compose(config, identity, store, clock)
    except BaseException:
        await store.close()
        raise


def _remote(config: ChunksConfig) -> RemoteOptions | None:
    """What ``[chunks]`` says; the server is asked nothing yet, so the node starts without it."""
    if config.engine == "files":
        return None
    # With its library it takes more memory than the rest of the store.
    from cyfs_edge.store.s3 import S3Settings, S3Storage, load_credentials

    settings = S3Settings(
        config.endpoint or "",
        config.bucket or "",
        config.prefix,
        config.region,
        load_credentials(Path(config.credentials) if config.credentials else None, os.environ),
        config.timeout,
        REMOTE_THREADS,
    )
    return RemoteOptions(S3Storage(settings), config.cache, REMOTE_THREADS)


async def compose(config: Config, identity: NodeIdentity, store: Store, clock: Clock) -> Stack:
    """Joins the parts around a store, which the stack closes at its end."""
    root = Path(config.root)
    zone = ZoneManager(store.objects, identity.device, identity.owner, clock.now())
    await zone.take_up_held_zone()
    waits, maps = AsyncWaits(), MapCache(store.objects)
    roots = {
        category: StateRoots(f"{category}/{zone.device_id}", zone.zone.owner, store.state, maps, clock, waits)
        for category in CATEGORIES
    }
    meta = MetaService(StateMeta(roots[ROOT_STATE], store.objects, clock), MetaFiles(root))
    rules = PathRules(meta, StatePlaces(roots))
    cache = ObjectCache(store.objects, clock, rules)
    await _keep_known_objects(cache, zone, identity)
    if zone.role != "standby-ood":
        await _install_rules(rules)
    worker, random = ThreadWorker(), SystemRandom()
    groups = itertools.count(int.from_bytes(random.bytes(4), "big") >> 1)
    registry = HandlerRegistry()
    interceptor = Interceptor(registry)
    rules.ask(interceptor)
    handlers = HandlerRegistration(registry, rules, HandlerFile(root))
    await handlers.restore()
    non = NonService(cache, store.chunks, zone, rules, interceptor)
    ndn = NdnService(non, store.chunks, store.files, zone, lambda: next(groups))
    facts = NodeFacts(__version__, CHANNEL, f"{platform.machine()}-unknown-linux-gnu", config.root)
    util = UtilService(zone, facts, SystemFigures(root), store.stat)
    private = [root / path for path in PRIVATE_PATHS]
    files = HostFiles(private)
    builder = BuildService(non, cache, store.chunks, store.files, files, zone, clock, worker, waits)
    trans = await _trans(config, store, clock, waits, HostTargets(private), zone, non, cache, builder, files)
    crypto = CryptoService(store.objects, zone, rules, interceptor, identity.require_key(), clock, random, worker)
    states = [
        StateService(category, held, cache, zone, rules, clock, waits, random) for category, held in roots.items()
    ]
    await _start_states(states)
    owner_files = FileTree(roots[ROOT_STATE], store.objects, store.chunks, zone.zone.owner, clock, worker, waits)
    hosts = frozenset(host.lower() for host in config.allowed_hosts)
    policy = BrowserPolicy(BrowserMode(config.browser_mode), hosts)
    callers = Callers(
        os.geteuid(),
        AppUidFile(root),
        admins=group_members(config.admin_group),
        apps=config.apps.uids,
        any_user=config.local_users == "any",
    )
    limits = _api_limits(config)
    api = HttpApi(
        zone,
        policy,
        callers,
        limits,
        NonApi(non),
        NdnApi(ndn, zone),
        UtilApi(util, builder),
        CryptoApi(crypto),
        HandlerApi(handlers, HttpRoutines(timeout=config.limits.handler_timeout), config.ports),
        MetaApi(meta, zone),
        TransApi(trans),
        [StateApi(state, worker) for state in states],
        FrontApi(
            FrontService(non, ndn),
            ndn,
            NdnApi(ndn, zone),
            {state.category: state for state in states},
            roots[ROOT_STATE],
            zone,
            peek_file,
        ),
    )
    dav = DavApi(owner_files, store.stat, clock, random)
    shown = ShareTree(non, ndn, store.chunks, worker, waits.mutex(), zone.local_source(SYSTEM_DEC_ID))
    mounts = {f"{DAV_PATH}/": _behind_door(dav)}
    door = _compose_door(config, store, shown, ndn, meta, states[0], clock, random, waits, worker, mounts)
    keepers = Keepers(config, store, zone, roots, clock, worker, random)
    held: list[Roots] = [*(state.held_ids for state in states), trans.held_ids, keepers.pins]
    space = SpaceService(store, maps, clock, held, [door.shares.shared_ids], lambda: keepers.pins.blocked)
    await space.restore()
    gate = PortGate(policy, callers, zone)
    return Stack(
        config,
        identity,
        clock,
        store,
        zone,
        policy,
        api,
        worker,
        clock.now(),
        registry=registry,
        handlers=handlers,
        events=RouterEvents(),
        meta=meta,
        keepers=keepers,
        callers=callers,
        space=space,
        door=door,
        trans=trans,
        intake=FileIntake(cache, store, waits, zone.local_source(SYSTEM_DEC_ID)),
        chunk_manager=ChunkManagerApi(gate, ndn, limits),
        file_manager=FileManagerApi(gate, non, limits),
        files=owner_files,
        dav=dav,
    )


def _compose_door(
    config: Config,
    store: Store,
    tree: ShareTree,
    ndn: NdnService,
    meta: MetaService,
    state: StateService,
    clock: Clock,
    random: SystemRandom,
    waits: AsyncWaits,
    worker: ThreadWorker,
    mounts: Mapping[str, Mount],
) -> OwnerDoor:
    """What is behind the owner door; :mod:`cyfs_edge.services.door` opens it. ``state``: root-state."""
    records, root = store.records, Path(config.root)
    source = tree.source
    grants = ShareGrants(store.objects, records, meta, clock, waits.mutex())
    shares = ShareService(records, grants, tree, state, source, clock, random, waits.bell())
    archive = ShareArchive(tree, ndn, peek_file, waits.pause)
    password, sessions = OwnerPassword(records, Argon2Hasher(worker), clock), DoorSessions(records, clock, random)
    share_api = ShareApi(shares, ndn, archive, peek_file, clock)
    api = DoorApi(password, sessions, shares, share_api, clock, _static_files(), mounts)
    url = link_base(config.door, config.door.port, own_addresses)
    return OwnerDoor(config.door, api, password, sessions, shares, lambda: certificate_facts(root, config.door), url)


def _behind_door(dav: DavApi) -> Mount:
    async def answer(request: HttpRequest, user: DoorUser) -> HttpResponse:
        return await dav.handle(request, DAV_PATH)

    return answer


def _static_files() -> dict[str, StaticFile]:
    """The pages of the door, by their paths."""
    folder = Path(__file__).parent / "web"
    return {path: StaticFile(kind, (folder / name).read_bytes()) for path, name, kind in WEB_FILES}


async def _trans(
    config: Config,
    store: Store,
    clock: Clock,
    waits: AsyncWaits,
    targets: HostTargets,
    zone: ZoneManager,
    non: NonService,
    cache: ObjectCache,
    builder: BuildService,
    files: HostFiles,
) -> TransService:
    limits = TransLimits()
    addresses = {ObjectId.from_text(device): url for device, url in config.trans.sources.items()}
    tools = Tools(
        non,
        cache,
        store,
        targets,
        HttpPeers(addresses, config.trans.stall),
        LoopActivities(),
        waits,
        clock,
        FetchGate(waits.bell(), limits.fetches, limits.fetch_bytes),
        Throttle(config.trans.bandwidth),
        limits,
    )
    trans = TransService(tools, Publisher(builder, non, store.chunks, store.files, files), non, zone)
    for task_id in await trans.load():
        _log.warning("the record of the trans task %s cannot be read and is left alone", task_id)
    return trans


def _api_limits(config: Config) -> ApiLimits:
    return ApiLimits(object_size=config.limits.object_size)


async def _install_rules(rules: PathRules) -> None:
    """A full disk does not keep the node from starting: without these rules only the system dec may call crypto."""
    try:
        await rules.install_built_in()
    except CyfsError as error:
        if error.code != ErrorCode.OUT_OF_LIMIT:
            raise
        _log.warning("the built-in access rules are not kept: %s", error.message)


async def _start_states(states: list[StateService]) -> None:
    """A full disk does not keep the node from starting: what is missing is made at its first use."""
    for state in states:
        try:
            await state.start()
        except CyfsError as error:
            if error.code != ErrorCode.OUT_OF_LIMIT:
                raise
            _log.warning("%s has no root yet: %s", state.category, error.message)


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
