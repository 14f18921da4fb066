"""The configuration: one tree of values, read once, from texts that are handed in (docs/cli.md, "Configuration").

Sources, later ones win: defaults, ``<root>/etc/cyfs-edge.toml``, ``/etc/cyfs/cyfs-edge.toml`` (the administrator's
overrides), the environment, flags. Each source gives :data:`Settings`; :func:`merge` joins them and
:func:`build_config` makes the tree. An unknown key or a wrong value is refused with its file and line.
"""

from __future__ import annotations

import ipaddress
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.wire.backup.address import parse_address

CONFIG_SIZE_MAX = 32 * 1024
"""Longest configuration text that is read, in characters."""

HTTP_PORT = 1318
WS_PORT = 1319
DOOR_PORT = 1380
CHUNK_MANAGER_PORT = 1310
FILE_MANAGER_PORT = 1312
LOCAL_USERS = ("same-user", "any")
BROWSER_MODES = ("strict", "forbidden", "relaxed", "none")
CHUNK_ENGINES = ("files", "s3")
LOG_LEVELS = ("debug", "info", "warning", "error")
# Names of the reference's level variables (docs/protocol/services.md §4).
_LOG_LEVEL_ALIASES = {"trace": "debug", "warn": "warning"}
_SIZE_SHIFTS = {"K": 10, "M": 20, "G": 30, "T": 40}


@dataclass(frozen=True, slots=True)
class HttpConfig:
    """The stack's HTTP listener. ``host`` is a loopback address; port 0 takes any free one."""

    host: str = "127.0.0.1"
    port: int = HTTP_PORT


@dataclass(frozen=True, slots=True)
class WsConfig:
    """The stack's WebSocket listener, like :class:`HttpConfig`."""

    host: str = "127.0.0.1"
    port: int = WS_PORT


@dataclass(frozen=True, slots=True)
class ChunkManagerConfig:
    """The chunk-manager's listener, like :class:`HttpConfig`; off unless ``enabled``."""

    enabled: bool = False
    host: str = "127.0.0.1"
    port: int = CHUNK_MANAGER_PORT


@dataclass(frozen=True, slots=True)
class FileManagerConfig:
    """The file-manager's listener, like :class:`ChunkManagerConfig`."""

    enabled: bool = False
    host: str = "127.0.0.1"
    port: int = FILE_MANAGER_PORT


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """``min_free``: bytes of disk below which writes are refused; ``None`` leaves it to the store.

    ``collect_every``: seconds between two collections of what nobody needs any more; 0: only when asked.
    """

    min_free: int | None = None
    collect_every: int = 6 * 3600


@dataclass(frozen=True, slots=True)
class ChunksConfig:
    """Where new large chunks go. ``engine``: ``files`` (the root and its volumes) or ``s3``, which the rest is about.

    ``credentials``: absolute path of their file; ``None``: the environment has them. ``cache``: bytes of chunks kept
    here as well. ``timeout``: seconds without a byte from the server.
    """

    engine: str = "files"
    endpoint: str | None = None
    bucket: str | None = None
    prefix: str = "cyfs-edge"
    region: str = "us-east-1"
    credentials: str | None = None
    cache: int = 1 << 30
    timeout: int = 20


@dataclass(frozen=True, slots=True)
class LimitsConfig:
    """``connections``: open at the same time on one listener. ``object_size``: bytes of one named object in a put.

    ``handler_timeout``: seconds for a handler or listener to answer; then its default action applies.
    """

    connections: int = 512
    object_size: int = 16 << 20
    handler_timeout: int = 600


@dataclass(frozen=True, slots=True)
class AppsConfig:
    """``uid_min`` to ``uid_max``: the users that are kept for DecApps, none without both."""

    uid_min: int | None = None
    uid_max: int | None = None

    @property
    def uids(self) -> range:
        return range(0) if self.uid_min is None or self.uid_max is None else range(self.uid_min, self.uid_max + 1)


@dataclass(frozen=True, slots=True)
class DoorConfig:
    """The owner door. ``host``: any address of this machine; port 0 takes any free one.

    ``names``: host names that it is reached by, beside this machine's own; the first one stands in links.
    ``plain``: HTTP without TLS. ``cert``, ``key``: PEM files in place of the certificate that it makes itself.
    """

    enabled: bool = False
    host: str = "127.0.0.1"
    port: int = DOOR_PORT
    names: tuple[str, ...] = ()
    plain: bool = False
    cert: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class TransConfig:
    """``sources``: device → ``http://host:port`` of its gateway, from which tasks may download. ``bandwidth``: bytes a
    second for all downloads together, 0 = as fast as they come. ``stall``: seconds that a source may say nothing.
    """

    sources: Mapping[str, str] = field(default_factory=dict)
    bandwidth: int = 0
    stall: int = 30


@dataclass(frozen=True, slots=True)
class BackupConfig:
    """``target``: an address (docs/backup.md), ``None`` for no backups by themselves. ``every``: seconds, 0 = never.

    ``keep_last`` backups stay, and the last one of each of so many days and weeks.
    """

    target: str | None = None
    every: int = 86_400
    keep_last: int = 7
    keep_daily: int = 14
    keep_weekly: int = 8


@dataclass(frozen=True, slots=True)
class ScrubConfig:
    """``every``: seconds, 0 = never. ``rate``: bytes read a second when it runs by itself."""

    every: int = 7 * 86_400
    rate: int = 20 << 20


@dataclass(frozen=True, slots=True)
class Config:
    """``root``: absolute path of the root directory. ``allowed_hosts``: accepted in Host besides the loopback names.

    ``local_users``: who may call besides root, the node's own user and the members of ``admin_group``.
    """

    root: str
    http: HttpConfig = field(default_factory=HttpConfig)
    ws: WsConfig = field(default_factory=WsConfig)
    store: StoreConfig = field(default_factory=StoreConfig)
    chunks: ChunksConfig = field(default_factory=ChunksConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    apps: AppsConfig = field(default_factory=AppsConfig)
    door: DoorConfig = field(default_factory=DoorConfig)
    trans: TransConfig = field(default_factory=TransConfig)
    chunk_manager: ChunkManagerConfig = field(default_factory=ChunkManagerConfig)
    file_manager: FileManagerConfig = field(default_factory=FileManagerConfig)
    backup: BackupConfig = field(default_factory=BackupConfig)
    scrub: ScrubConfig = field(default_factory=ScrubConfig)
    browser_mode: str = "strict"
    allowed_hosts: tuple[str, ...] = ()
    log_level: str = "info"
    local_users: str = "same-user"
    admin_group: str = "cyfs-admin"

    @property
    def ports(self) -> frozenset[int]:
        """Where the node itself listens, if switched on."""
        return frozenset((self.http.port, self.ws.port, self.chunk_manager.port, self.file_manager.port))


@dataclass(frozen=True, slots=True)
class Setting:
    """A checked value and the source that gave it, as a person would name it."""

    value: object
    source: str


Settings = Mapping[str, Setting]
"""Dotted key → setting; only keys that a source really sets."""


def parse_config(text: str, source: str) -> Settings:
    """Reads TOML. ``source`` names the text. Errors: ``INVALID_PARAM`` with ``source`` and ``line`` in the context."""
    if len(text) > CONFIG_SIZE_MAX:
        raise _bad(source, None, f"larger than {CONFIG_SIZE_MAX} characters")
    try:
        tree = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise _bad(source, None, f"not TOML: {error}") from None
    settings: dict[str, Setting] = {}
    for key, value in _flatten(tree):
        read = _READERS.get(key)
        if read is None:
            raise _bad(source, _line_of(text, key), _unknown_key(key))
        try:
            settings[key] = Setting(read(value), source)
        except ValueError as error:
            raise _bad(source, _line_of(text, key), f"{key}: {error}") from None
    return settings


def parse_environment(environ: Mapping[str, str]) -> Settings:
    """``CYFS_HTTP`` and ``CYFS_WS`` (``address:port``) and ``CYFS_CONSOLE_LOG_LEVEL``; empty ones count as not set."""
    settings: dict[str, Setting] = {}
    for section in ("http", "ws"):
        name = f"CYFS_{section.upper()}"
        text = environ.get(name)
        if text:
            host, _, port = text.rpartition(":")
            settings |= _from_texts(name, {f"{section}.host": host.strip("[]"), f"{section}.port": port})
    level = environ.get("CYFS_CONSOLE_LOG_LEVEL")
    if level:
        settings |= _from_texts("CYFS_CONSOLE_LOG_LEVEL", {"log_level": level})
    return settings


def parse_flags(values: Mapping[str, object]) -> Settings:
    """Dotted key → value of the command line; ``None`` stands for a flag that was not given."""
    settings: dict[str, Setting] = {}
    for key, value in values.items():
        if value is not None:
            flag = "--" + key.replace(".", "-").replace("_", "-")
            try:
                settings[key] = Setting(_READERS[key](value), flag)
            except ValueError as error:
                raise _bad(flag, None, str(error)) from None
    return settings


def merge(*layers: Settings) -> Settings:
    """Later layers win, key by key."""
    merged: dict[str, Setting] = {}
    for layer in layers:
        merged |= layer
    return merged


def build_config(root: str, settings: Settings) -> Config:
    """The tree: defaults, and on top of them what ``settings`` say. ``root`` is absolute."""

    def given(section: str) -> dict[str, object]:
        head = section + "."
        return {key[len(head) :]: setting.value for key, setting in settings.items() if key.startswith(head)}

    top = {key: setting.value for key, setting in settings.items() if "." not in key}
    sections: dict[str, object] = {
        "http": HttpConfig(**given("http")),  # type: ignore[arg-type]
        "ws": WsConfig(**given("ws")),  # type: ignore[arg-type]
        "store": StoreConfig(**given("store")),  # type: ignore[arg-type]
        "chunks": _chunks(settings, ChunksConfig(**given("chunks"))),  # type: ignore[arg-type]
        "limits": LimitsConfig(**given("limits")),  # type: ignore[arg-type]
        "trans": TransConfig(**given("trans")),  # type: ignore[arg-type]
        "chunk_manager": ChunkManagerConfig(**given("chunk_manager")),  # type: ignore[arg-type]
        "file_manager": FileManagerConfig(**given("file_manager")),  # type: ignore[arg-type]
        "backup": BackupConfig(**given("backup")),  # type: ignore[arg-type]
        "scrub": ScrubConfig(**given("scrub")),  # type: ignore[arg-type]
        "apps": _apps(settings, AppsConfig(**given("apps"))),  # type: ignore[arg-type]
        "door": _door(settings, DoorConfig(**given("door"))),  # type: ignore[arg-type]
    }
    return Config(root, **sections, **top)  # type: ignore[arg-type]


def _chunks(settings: Settings, chunks: ChunksConfig) -> ChunksConfig:
    if chunks.engine == "s3" and not (chunks.endpoint and chunks.bucket):
        raise _bad(settings["chunks.engine"].source, None, '[chunks] engine = "s3" needs endpoint and bucket')
    return chunks


def _apps(settings: Settings, apps: AppsConfig) -> AppsConfig:
    if apps.uid_min is None and apps.uid_max is None:
        return apps
    if apps.uid_min is None or apps.uid_max is None or apps.uid_max < apps.uid_min:
        source = next(setting.source for key, setting in settings.items() if key.startswith("apps."))
        raise _bad(source, None, "[apps] needs uid_min and uid_max, the smaller one first")
    return apps


def _door(settings: Settings, door: DoorConfig) -> DoorConfig:
    if (door.cert is None) != (door.key is None):
        source = next(setting.source for key, setting in settings.items() if key in ("door.cert", "door.key"))
        raise _bad(source, None, "[door] cert and key go together")
    return door


def effective(config: Config, settings: Settings) -> list[tuple[str, object, str]]:
    """Every key with its value and where it comes from, in the order of the documentation."""
    rows: list[tuple[str, object, str]] = []
    for key in _READERS:
        value: object = config
        for name in key.split("."):
            value = getattr(value, name)
        setting = settings.get(key)
        rows.append((key, value, setting.source if setting else "default"))
    return rows


def parse_size(text: str) -> int:
    """``500M``-like sizes in powers of 1024 (K, M, G, T; ``B`` or ``iB`` may follow) → bytes; else ``ValueError``."""
    match = re.fullmatch(r"\s*([0-9]{1,18})\s*(?:([KMGT])(?:i?B)?|B)?\s*", text, re.IGNORECASE)
    if match is None:
        raise ValueError(f"not a size like 500M or 2G: {text!r}")
    return int(match[1]) << _SIZE_SHIFTS.get((match[2] or "").upper(), 0)


def parse_duration(text: str) -> int:
    """``30m``, ``12h``, ``7d``; ``off`` is 0 → seconds; else ``ValueError``."""
    match = re.fullmatch(r"\s*([0-9]{1,6})\s*([mhd])\s*", text)
    if match is None and text.strip() != "off":
        raise ValueError(f"not a time like 30m, 12h or 7d, or off: {text!r}")
    return 0 if match is None else int(match[1]) * _DURATIONS[match[2]]


_DURATIONS = {"m": 60, "h": 3600, "d": 86_400}


def _from_texts(source: str, values: Mapping[str, str]) -> dict[str, Setting]:
    settings: dict[str, Setting] = {}
    for key, text in values.items():
        value: object = int(text) if key.endswith(".port") and text.isascii() and text.isdigit() else text
        try:
            settings[key] = Setting(_READERS[key](value), source)
        except ValueError as error:
            raise _bad(source, None, str(error)) from None
    return settings


def _bad(source: str, line: int | None, what: str) -> CyfsError:
    place = source if line is None else f"{source}, line {line}"
    return CyfsError(ErrorCode.INVALID_PARAM, f"{place}: {what}", source=source, line=line)


def _unknown_key(key: str) -> str:
    section, _, _ = key.rpartition(".")
    known = [name.rpartition(".")[2] for name in _READERS if name.rpartition(".")[0] == section]
    if section and known:
        return f"unknown key {key!r}; [{section}] knows {', '.join(known)}"
    sections = sorted({f"[{name.split('.')[0]}]" for name in _READERS if "." in name})
    top = [name for name in _READERS if "." not in name]
    return f"unknown key {key!r}; known are {', '.join(top)} and the sections {', '.join(sections)}"


def _flatten(tree: Mapping[str, object]) -> list[tuple[str, object]]:
    """Keys of the top and of one level of tables. A deeper table is a value, and then the wrong one."""
    rows: list[tuple[str, object]] = []
    for key, value in tree.items():
        if isinstance(value, dict) and key not in _READERS:
            rows += [(f"{key}.{name}", inner) for name, inner in value.items()]
            if not value and not any(name.startswith(f"{key}.") for name in _READERS):
                rows.append((key, value))
        else:
            rows.append((key, value))
    return rows


def _line_of(text: str, key: str) -> int | None:
    """Where the statement that sets ``key`` ends: the shortest run of lines that is TOML and has the key."""
    lines = text.split("\n")
    for count in range(1, len(lines) + 1):
        try:
            tree = tomllib.loads("\n".join(lines[:count]))
        except tomllib.TOMLDecodeError:
            continue
        if any(name == key for name, _ in _flatten(tree)):
            return count
    return None


def _read_host(value: object) -> str:
    try:
        address = ipaddress.ip_address(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError(f"not an IP address: {value!r}") from None
    if not address.is_loopback:
        raise ValueError(f"{address} is not a loopback address; callers of the stack ports count as this device")
    return str(address)


def _read_address(value: object) -> str:
    try:
        return str(ipaddress.ip_address(value if isinstance(value, str) else ""))
    except ValueError:
        raise ValueError(f"not an IP address: {value!r}") from None


def _read_bool(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {value!r}")
    return value


def _read_path(value: object) -> str:
    if not isinstance(value, str) or not value.startswith("/") or "\0" in value:
        raise ValueError(f"must be an absolute path, not {value!r}")
    return value


def _read_port(value: object) -> int:
    return _read_int(value, 0, 65535)


def _read_int(value: object, low: int, high: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f"must be a whole number from {low} to {high}, not {value!r}")
    return value


def _read_size(value: object, low: int = 0, high: int = 1 << 62) -> int:
    return _read_int(parse_size(value) if isinstance(value, str) else value, low, high)


def _read_every(value: object) -> int:
    if not isinstance(value, str):
        raise ValueError(f"not a time like 30m, 12h or 7d, or off: {value!r}")
    return parse_duration(value)


def _read_place(value: object) -> str:
    try:
        text = value if isinstance(value, str) else ""
        parse_address(text)
        return text
    except CyfsError as error:
        raise ValueError(error.message) from None


def _read_choice(*choices: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if not isinstance(value, str) or value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}, not {value!r}")
        return value

    return read


def _read_log_level(value: object) -> str:
    name = value.lower() if isinstance(value, str) else value
    return _read_choice(*LOG_LEVELS)(_LOG_LEVEL_ALIASES.get(name, name) if isinstance(name, str) else name)


def _read_group(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}", value):
        raise ValueError(f"not the name of a group: {value!r}")
    return value


def _read_pattern(pattern: str, what: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise ValueError(f"not {what}: {value!r}")
        return value

    return read


def _read_endpoint(value: object) -> str:
    refusal = ValueError(f"not the address of a server, such as https://s3.example.org: {value!r}")
    if not isinstance(value, str):
        raise refusal
    try:
        url = urlsplit(value)
        good = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        raise refusal from None
    if not good or url.path.strip("/") or url.query or url.fragment or "@" in url.netloc:
        raise refusal
    return f"{url.scheme}://{url.netloc}"


def _read_uid(value: object) -> int:
    return _read_int(value, 1, 0xFFFF_FFFE)


def _read_hosts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or len(value) > 64:
        raise ValueError("must be a list of at most 64 host names")
    for name in value:
        if not isinstance(name, str) or not name or any(char in "/:@ \t\r\n" for char in name.strip("[]")):
            raise ValueError(f"not a host name without port: {name!r}")
    return tuple(name.lower() for name in value)


def _read_sources(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or len(value) > 256:
        raise ValueError("must be a table of at most 256 devices")
    found: dict[str, str] = {}
    for text, url in value.items():
        try:
            device = ObjectId.from_text(text)
        except CyfsError:
            raise ValueError(f"not the id of a device: {text!r}") from None
        if not isinstance(url, str) or not re.fullmatch(
            r"http://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?/?", url
        ):
            raise ValueError(f"not an address like http://host:port: {url!r}")
        found[str(device)] = url.rstrip("/")
    return found


_READERS: dict[str, Callable[[object], object]] = {
    "browser_mode": _read_choice(*BROWSER_MODES),
    "allowed_hosts": _read_hosts,
    "log_level": _read_log_level,
    "local_users": _read_choice(*LOCAL_USERS),
    "admin_group": _read_group,
    "http.host": _read_host,
    "http.port": _read_port,
    "ws.host": _read_host,
    "ws.port": _read_port,
    "store.min_free": _read_size,
    "store.collect_every": _read_every,
    "chunks.engine": _read_choice(*CHUNK_ENGINES),
    "chunks.endpoint": _read_endpoint,
    "chunks.bucket": _read_pattern(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "the name of a bucket"),
    "chunks.prefix": _read_pattern(r"(?:[A-Za-z0-9_.-]{1,64}(?:/[A-Za-z0-9_.-]{1,64}){0,7})?", "a prefix of names"),
    "chunks.region": _read_pattern(r"[A-Za-z0-9-]{1,64}", "the name of a region"),
    "chunks.credentials": _read_pattern(r"/[^\x00]{1,4095}", "the absolute path of a file"),
    "chunks.cache": lambda value: _read_size(value, 0, 1 << 50),
    "chunks.timeout": lambda value: _read_int(value, 1, 600),
    "limits.connections": lambda value: _read_int(value, 1, 65535),
    "limits.object_size": lambda value: _read_size(value, 1 << 16, 1 << 30),
    "limits.handler_timeout": lambda value: _read_int(value, 1, 3600),
    "backup.target": _read_place,
    "backup.every": _read_every,
    "backup.keep_last": lambda value: _read_int(value, 1, 10_000),
    "backup.keep_daily": lambda value: _read_int(value, 0, 10_000),
    "backup.keep_weekly": lambda value: _read_int(value, 0, 10_000),
    "scrub.every": _read_every,
    "scrub.rate": lambda value: _read_size(value, 1 << 16, 1 << 40),
    "apps.uid_min": _read_uid,
    "apps.uid_max": _read_uid,
    "door.enabled": _read_bool,
    "door.host": _read_address,
    "door.port": _read_port,
    "door.names": _read_hosts,
    "door.plain": _read_bool,
    "door.cert": _read_path,
    "door.key": _read_path,
    "trans.sources": _read_sources,
    "trans.bandwidth": _read_size,
    "trans.stall": lambda value: _read_int(value, 1, 3600),
    "chunk_manager.enabled": _read_bool,
    "chunk_manager.host": _read_host,
    "chunk_manager.port": _read_port,
    "file_manager.enabled": _read_bool,
    "file_manager.host": _read_host,
    "file_manager.port": _read_port,
}
