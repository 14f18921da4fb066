"""The configuration: what is accepted, what is refused with its line, and which source wins."""

from __future__ import annotations

import dataclasses
from dataclasses import fields

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.wire.config import (
    CONFIG_SIZE_MAX,
    BackupConfig,
    Config,
    DoorConfig,
    HttpConfig,
    ScrubConfig,
    StoreConfig,
    build_config,
    effective,
    merge,
    parse_config,
    parse_environment,
    parse_flags,
    parse_size,
)

FULL = """\
browser_mode = "relaxed"
allowed_hosts = ["Box.local", "nas"]
log_level = "warn"

[http]
port = 2318
host = "::1"

[ws]
port = 0

[store]
min_free = "1536M"

[limits]
connections = 10

[apps]
uid_min = 20000
uid_max = 20999
"""


def test_defaults_are_the_protocol_ports_on_loopback_and_strict() -> None:
    config = build_config("/r", {})
    assert config == Config("/r")
    assert (config.http.host, config.http.port, config.ws.host, config.ws.port) == (
        "127.0.0.1",
        1318,
        "127.0.0.1",
        1319,
    )
    assert config.browser_mode == "strict"
    assert config.store.min_free is None


def test_a_text_sets_what_it_names_and_nothing_else() -> None:
    config = build_config("/r", parse_config(FULL, "file"))
    assert config.browser_mode == "relaxed"
    assert config.allowed_hosts == ("box.local", "nas")
    assert config.log_level == "warning"
    assert config.http == HttpConfig("::1", 2318)
    assert (config.ws.host, config.ws.port) == ("127.0.0.1", 0)
    assert config.store == StoreConfig(1536 << 20)
    assert config.limits.connections == 10
    assert config.limits.object_size == Config("/r").limits.object_size


def test_the_ports_of_older_services_are_off_and_stay_on_loopback() -> None:
    off = build_config("/r", {})
    assert (off.chunk_manager.enabled, off.chunk_manager.port) == (False, 1310)
    assert (off.file_manager.enabled, off.file_manager.port) == (False, 1312)
    text = "[chunk_manager]\nenabled = true\nport = 0\n[file_manager]\nenabled = true\nhost = '::1'\n"
    on = build_config("/r", parse_config(text, "file"))
    assert (on.chunk_manager.enabled, on.chunk_manager.port) == (True, 0)
    assert (on.file_manager.enabled, on.file_manager.host) == (True, "::1")
    assert on.ports == {1318, 1319, 0, 1312}
    for bad in ("enabled = 1", "host = '10.0.0.1'", "port = 70000"):
        with pytest.raises(CyfsError):
            parse_config(f"[chunk_manager]\n{bad}\n", "file")


def test_times_of_backups_and_scrubs() -> None:
    text = '[backup]\ntarget = "/mnt/disk"\nevery = "12h"\nkeep_daily = 3\n[scrub]\nevery = "off"\nrate = "1M"\n'
    config = build_config("/r", parse_config(text, "file"))
    assert config.backup == BackupConfig("/mnt/disk", 12 * 3600, keep_daily=3)
    assert config.scrub == ScrubConfig(0, 1 << 20)
    assert Config("/r").backup.target is None


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("\n\nhttp.prot = 1\n", 3, "[http] knows host, port"),
        ("[http]\nport = 1\n\n# a comment\n[htp]\nport = 1\n", 6, "unknown key 'htp.port'"),
        ("colour = 1", 1, "known are browser_mode"),
        ("a_key = '''\nport = 5\n'''\n", 3, "unknown key 'a_key'"),
        ("[http]\nport = 65536\n", 2, "from 0 to 65535"),
        ("[http]\nport = true\n", 2, "from 0 to 65535"),
        ("[http]\nport = '80'\n", 2, "from 0 to 65535"),
        ("[http]\nhost = '0.0.0.0'\n", 2, "not a loopback address"),
        ("[http]\nhost = 'localhost'\n", 2, "not an IP address"),
        ("log_level = 'loud'\n", 1, "must be one of debug, info, warning, error"),
        ("log_level = 5\n", 1, "must be one of"),
        ("browser_mode = 'open'\n", 1, "must be one of strict"),
        ("allowed_hosts = ['a:80']\n", 1, "not a host name"),
        ("allowed_hosts = 'a'\n", 1, "must be a list"),
        ("[store]\nmin_free = '1.5G'\n", 2, "not a size"),
        ("[store]\nmin_free = -1\n", 2, "from 0 to"),
        ("[limits]\nconnections = 0\n", 2, "from 1 to"),
        ("[limits]\nobject_size = '2G'\n", 2, "from 65536 to 1073741824"),
        ("[limits]\nhandler_timeout = 0\n", 2, "from 1 to 3600"),
        ("[backup]\ntarget = 'disk'\n", 2, "no place for backups"),
        ("[backup]\nevery = 5\n", 2, "not a time"),
        ("[scrub]\nevery = '7 weeks'\n", 2, "not a time like 30m"),
        ("[backup]\nkeep_last = 0\n", 2, "from 1 to"),
        ("[scrub]\nrate = '1'\n", 2, "from 65536"),
        ("http = 5\n", 1, "unknown key 'http'"),
        ("[other]\n", 1, "unknown key 'other'"),
        ("[[http]]\nport = 1\n", 1, "unknown key 'http'"),
        ("[http.port]\nx = 1\n", 1, "http.port"),
    ],
)
def test_a_wrong_statement_is_refused_with_its_line(text: str, line: int, says: str) -> None:
    with pytest.raises(CyfsError) as caught:
        parse_config(text, "/etc/x.toml")
    assert caught.value.code == ErrorCode.INVALID_PARAM
    assert caught.value.message.startswith(f"/etc/x.toml, line {line}: ")
    assert says in caught.value.message
    assert caught.value.context == {"source": "/etc/x.toml", "line": line}


@pytest.mark.parametrize("text", ["[http", "a = ", "x" * (CONFIG_SIZE_MAX + 1), "a = " + "[" * 5000])
def test_what_is_not_toml_is_refused(text: str) -> None:
    with pytest.raises(CyfsError, match=r"^/etc/x\.toml: (not TOML|larger than)"):
        parse_config(text, "/etc/x.toml")


def test_environment_gives_addresses_and_level_and_ignores_empty_ones() -> None:
    settings = parse_environment(
        {"CYFS_HTTP": "127.0.0.1:80", "CYFS_WS": "[::1]:81", "CYFS_CONSOLE_LOG_LEVEL": "TRACE"}
    )
    config = build_config("/r", settings)
    assert (config.http.host, config.http.port, config.ws.host, config.ws.port) == ("127.0.0.1", 80, "::1", 81)
    assert config.log_level == "debug"
    assert parse_environment({"CYFS_HTTP": "", "CYFS_CONSOLE_LOG_LEVEL": "", "OTHER": "x"}) == {}


@pytest.mark.parametrize("text", ["1318", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "10.0.0.1:1318", "127.0.0.1:99999"])
def test_a_wrong_environment_variable_is_named(text: str) -> None:
    with pytest.raises(CyfsError, match=r"^CYFS_WS: "):
        parse_environment({"CYFS_WS": text})


def test_a_wrong_flag_is_named_and_one_not_given_counts_for_nothing() -> None:
    with pytest.raises(CyfsError, match=r"^--http-port: must be"):
        parse_flags({"http.port": 70000})
    assert parse_flags({"http.port": None}) == {}


def test_later_sources_win_key_by_key_and_are_reported() -> None:
    settings = merge(
        parse_config("log_level = 'debug'\n[http]\nport = 1\n[ws]\nport = 1\n", "root file"),
        parse_config("[http]\nport = 2\n[ws]\nport = 2\n", "admin file"),
        parse_environment({"CYFS_WS": "127.0.0.1:3"}),
        parse_flags({"http.port": 4, "ws.port": None}),
    )
    config = build_config("/r", settings)
    assert (config.log_level, config.http.port, config.ws.port) == ("debug", 4, 3)
    origins = {key: (value, source) for key, value, source in effective(config, settings)}
    assert origins["log_level"] == ("debug", "root file")
    assert origins["http.port"] == (4, "--http-port")
    assert origins["ws.port"] == (3, "CYFS_WS")
    assert origins["browser_mode"] == ("strict", "default")


def test_every_value_of_the_tree_has_a_key() -> None:
    def leaves(value: object, head: str) -> set[str]:
        if not dataclasses.is_dataclass(value):
            return {head}
        return {leaf for one in fields(value) for leaf in leaves(getattr(value, one.name), f"{head}.{one.name}")}

    keys = {f".{key}" for key, _, _ in effective(Config("/r"), {})}
    assert leaves(Config("/r"), "") == keys | {".root"}


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("512", 512),
        ("4k", 4096),
        ("4 KiB", 4096),
        ("500M", 500 << 20),
        ("2GB", 2 << 30),
        ("7B", 7),
        ("1t", 1 << 40),
    ],
)
def test_sizes_are_powers_of_1024(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "M", "-1", "1.5G", "1 X", "5iB", "1" * 30, "٣M"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a size"):
        parse_size(text)


def test_other_users_are_kept_out_and_none_is_kept_for_apps_by_default() -> None:
    config = build_config("/r", {})
    assert (config.local_users, config.admin_group, config.apps.uids) == ("same-user", "cyfs-admin", range(0))


def test_users_kept_for_apps_are_a_range_with_both_ends() -> None:
    assert build_config("/r", parse_config(FULL, "file")).apps.uids == range(20_000, 21_000)
    for text in ("[apps]\nuid_min = 5\n", "[apps]\nuid_max = 5\n", "[apps]\nuid_min = 6\nuid_max = 5\n"):
        with pytest.raises(CyfsError, match="uid_min and uid_max") as failure:
            build_config("/r", parse_config(text, "file"))
        assert failure.value.code == ErrorCode.INVALID_PARAM


@pytest.mark.parametrize(
    "text",
    ["[apps]\nuid_min = 0\n", 'local_users = "all"\n', 'admin_group = "a b"\n', "[apps]\nuid_max = 4294967295\n"],
)
def test_root_is_no_app_and_users_and_groups_are_named_properly(text: str) -> None:
    with pytest.raises(CyfsError):
        parse_config(text, "file")


def test_the_door_is_closed_until_it_is_opened() -> None:
    assert build_config("/r", {}).door == DoorConfig(False, "127.0.0.1", 1380, (), False, None, None)
    text = '[door]\nenabled = true\nhost = "::"\nport = 443\nnames = ["Box.example"]\ncert = "/c"\nkey = "/k"\n'
    door = build_config("/r", parse_config(text, "file")).door
    assert door == DoorConfig(True, "::", 443, ("box.example",), False, "/c", "/k")


@pytest.mark.parametrize(
    "text",
    [
        'enabled = "yes"',
        "enabled = 1",
        'host = "box.example"',
        "port = 65536",
        'names = ["https://x"]',
        'cert = "relative.pem"\nkey = "/k"',
        'cert = "/c"',
        'key = "/k"',
        "other = 1",
    ],
)
def test_wrong_settings_of_the_door_are_refused(text: str) -> None:
    with pytest.raises(CyfsError):
        build_config("/r", parse_config(f"[door]\n{text}\n", "file"))


DEVICE = "5aSixgLoYGTTbQAwuqWV2Febw7CzfCHBLpirXKzE5v7C"


@pytest.mark.parametrize("form", ['[trans]\nsources = {"%s" = "%s"}', '[trans.sources]\n"%s" = "%s"'])
def test_sources_of_trans_tasks(form: str) -> None:
    settings = parse_config(form % (DEVICE, "http://10.0.0.2:1318/"), "file")
    trans = build_config("/r", settings).trans
    assert (dict(trans.sources), trans.bandwidth, trans.stall) == ({DEVICE: "http://10.0.0.2:1318"}, 0, 30)
    more = parse_config('[trans]\nbandwidth = "10M"\nstall = 5', "file")
    assert (build_config("/r", more).trans.bandwidth, build_config("/r", more).trans.stall) == (10 << 20, 5)


@pytest.mark.parametrize(
    "text",
    [
        '[trans.sources]\nx = "http://a"',
        f'[trans.sources]\n{DEVICE} = "https://a"',
        f'[trans.sources]\n{DEVICE} = "http://a/b"',
        f'[trans.sources]\n{DEVICE} = "http://a:b"',
        f'[trans.sources]\n{DEVICE} = "http://a b"',
        f"[trans.sources]\n{DEVICE} = 5",
        "[trans]\nsources = 5",
        "[trans]\nstall = 0",
        '[trans]\nbandwidth = "fast"',
    ],
)
def test_sources_that_are_none(text: str) -> None:
    with pytest.raises(CyfsError) as refused:
        parse_config(text, "file")
    assert refused.value.code == ErrorCode.INVALID_PARAM


S3 = """\
[chunks]
engine = "s3"
endpoint = "http://127.0.0.1:8333/"
bucket = "boxes"
prefix = "box-1/chunks"
credentials = "/etc/cyfs/s3.toml"
cache = "2G"
timeout = 5
"""


def test_an_s3_server_can_have_the_chunks() -> None:
    chunks = build_config("/r", parse_config(S3, "file")).chunks
    assert (chunks.endpoint, chunks.bucket, chunks.prefix) == ("http://127.0.0.1:8333", "boxes", "box-1/chunks")
    assert (chunks.cache, chunks.timeout, chunks.credentials) == (2 << 30, 5, "/etc/cyfs/s3.toml")
    assert build_config("/r", {}).chunks.engine == "files"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"s3"', '"tape"'),
        ("http://127.0.0.1:8333/", "ftp://a"),
        ("http://127.0.0.1:8333/", "http://user:pass@a"),
        ("http://127.0.0.1:8333/", "http://a/path"),
        ("http://127.0.0.1:8333/", "http://[::1"),
        ("http://127.0.0.1:8333/", "http://a:99999"),
        ("boxes", "Boxes"),
        ("box-1/chunks", "box-1//chunks"),
        ("box-1/chunks", "/box"),
        ("/etc/cyfs/s3.toml", "s3.toml"),
        ("timeout = 5", "timeout = 0"),
        ('endpoint = "http://127.0.0.1:8333/"', ""),
        ('bucket = "boxes"', ""),
    ],
)
def test_wrong_places_of_chunks_are_refused(old: str, new: str) -> None:
    assert old in S3
    with pytest.raises(CyfsError) as caught:
        build_config("/r", parse_config(S3.replace(old, new), "file"))
    assert caught.value.code == ErrorCode.INVALID_PARAM
    assert "file" in caught.value.message
