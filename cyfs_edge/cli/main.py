"""The ``cyfs-edge`` command: arguments in, exit code out. Each command is in a module of its own, loaded when used."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from cyfs_edge import __version__
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.cli.context import Context
from cyfs_edge.cli.exits import CliError, Exit, exit_of
from cyfs_edge.cli.output import Output

NETWORKS = ("main", "test", "beta")
STATES = ("root-state", "local-cache")
ZONE_CATEGORIES = ("current-device", "current-zone", "friend-zone", "other-zone")
AUDIENCES = ("anyone", "friends", "zone")
KEY_KINDS = ("rsa2048", "rsa1024", "rsa3072", "secp256k1")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; ``argv`` defaults to the process's arguments. Returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    out = Output(as_json="--json" in arguments)
    try:
        args = build_parser().parse_args(arguments)
        out.as_json = args.json
        code = _run(Context(args, out))
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has left. Nothing may be flushed into the pipe at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.BROKEN_PIPE
    except KeyboardInterrupt:
        out.error(CliError(ErrorCode.INTERRUPTED, "Interrupted.", Exit.INTERRUPTED))
        return Exit.INTERRUPTED
    except (CyfsError, OSError) as error:
        if "--debug" in arguments:
            raise
        out.error(error)
        return exit_of(error)
    return code


def _run(context: Context) -> int:
    module, _, function = context.args.handler.partition(":")
    code: int = getattr(import_module(f"cyfs_edge.cli.{module}"), function)(context)
    return code


class _Parser(argparse.ArgumentParser):
    """Usage errors in the form that was asked for."""

    def error(self, message: str) -> NoReturn:
        raise CliError(
            ErrorCode.INVALID_PARAM, f"{message[:1].upper()}{message[1:]}.", Exit.USAGE, f"See {self.prog} --help"
        )


def build_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="cyfs-edge",
        description="An OOD for small boxes, speaking the CYFS protocol.",
        epilog="The root directory is --root, else CYFS_ROOT, else /cyfs where it is writable, else your data folder.",
    )
    _common_options(parser)
    parser.set_defaults(root=None, json=False, debug=False)
    parser.add_argument("--version", action="version", version=f"cyfs-edge {__version__}")
    commands = _Commands(parser)

    init = commands.add("init", "setup:init", "make a root directory and its identity")
    _identity_options(init)
    init.add_argument("--restore", action="store_true", help="restore the identity from its recovery words")
    init.add_argument("--recovery-file", metavar="FILE", help="read the recovery words from FILE (with --restore)")

    run = commands.add("run", "run:run", "run the gateway in the foreground")
    run.add_argument("--init", action="store_true", help="make an identity first if there is none")
    _identity_options(run)
    run.add_argument("--http-port", type=_port, metavar="N", help="HTTP port (default 1318, 0 takes any free one)")
    run.add_argument("--ws-port", type=_port, metavar="N", help="WebSocket port (default 1319, 0 takes any free one)")
    run.add_argument(
        "--browser-mode", choices=("strict", "forbidden", "relaxed", "none"), help="who may call from pages"
    )
    run.add_argument("--log-level", choices=("debug", "info", "warning", "error"))

    commands.add("status", "status:status", "what the running gateway of the root is doing")
    commands.add("doctor", "doctor:doctor", "check the installation, with a next step for each finding")

    config = commands.group("config", "the configuration")
    config.add("show", "config_show:show", "values in force and where each comes from")

    identity = commands.group("identity", "the identity of the root")
    identity.add("show", "identity:show", "device and owner of the root")
    export = identity.add("export", "identity:export", "write device and owner objects into a folder")
    export.add_argument("-o", "--output", metavar="DIR", required=True, help="folder to write to")
    export.add_argument("--secret", action="store_true", help="the device's private key too")

    _object_commands(commands.group("object", "named objects"))
    _file_commands(commands.group("file", "files and folders"))
    scrub = commands.add("scrub", "scrub:scrub", "verify the hash of everything stored")
    scrub.add_argument("--repair", action="store_true", help="replace what is damaged from other copies")
    _space_commands(commands.group("space", "what is kept for whom, and quotas"))
    _volume_commands(commands.group("volume", "further disks for large chunks"))
    _backup_commands(commands.group("backup", "backups: to another disk, an SFTP server, an S3 store"))
    imports = commands.group("import", "take over the data of a reference node")
    reference = imports.add("reference", "importing:reference", "objects and chunks of its root directory")
    reference.add_argument("path", metavar="ROOT", help="its root directory; the node must be stopped")
    reference.add_argument("--isolate", metavar="NAME", help="the instance, if it has several")
    archive = imports.add("archive", "importing:archive", "objects and chunks of one of its backup archives")
    archive.add_argument("path", metavar="FOLDER", help="the folder with the file index")
    archive.add_argument("--password-file", metavar="FILE", help="read the password from FILE (default: ask for it)")
    _state_commands(commands.group("state", "the state of DecApps: maps by path"))
    _access_commands(commands.group("access", "who may use which path of a DecApp"))
    _share_commands(commands.group("share", "what others may read"))
    _door_commands(commands.group("door", "the owner door, which leads in from other machines"))
    _trans_commands(commands.group("trans", "downloads from other devices"))
    handlers = commands.group("handlers", "what DecApps have registered to be asked")
    handlers.add("list", "handlers:list_handlers", "the registered handlers")
    watch = commands.group("events", "events of the gateway").add("watch", "events:watch", "print events as they come")
    watch.add_argument("--event", choices=("test_event", "zone_role_changed"), help="only this one")
    watch.add_argument("--limit", type=_count, metavar="N", help="end after N events")
    commands.add("openapi", "openapi:openapi", "print the OpenAPI document of the services")
    return parser


def _object_commands(objects: _Commands) -> None:
    put = objects.add("put", "objects:put", "store encoded objects")
    put.add_argument("files", nargs="+", metavar="FILE", help="file with one object; - for standard input")
    put.add_argument("--hex", action="store_true", help="the files hold one object in hex a line")
    put.add_argument("--access", metavar="N", help="access: a number, or text such as rwxrwxrwx---rwxrwx")
    put.add_argument("--dec", metavar="ID", help="on behalf of this DecApp (default: the system)")
    get = objects.add("get", "objects:get", "write the bytes of an object")
    get.add_argument("id", metavar="ID")
    get.add_argument("-o", "--output", metavar="PATH", help="file to write (default: standard output)")
    get.add_argument("--inner-path", metavar="PATH", help="path inside a Dir or an ObjectMap")
    show = objects.add("show", "show:show", "decode anything: stored ids, files, ids alone, hex")
    show.add_argument("what", nargs="+", metavar="ID|FILE|-", help="an id, a file with an object, - for standard input")
    show.add_argument("--hex", action="store_true", help="one object in hex a line; each line gives one line")
    show_list = objects.add("list", "objects:list_objects", "list stored objects in the order of their ids")
    show_list.add_argument("--type", metavar="T", help="only this type: a name such as file, or a number")
    show_list.add_argument("--limit", type=_count, metavar="N", help="at most N objects")
    delete = objects.add("delete", "objects:delete", "delete stored objects or chunks")
    delete.add_argument("ids", nargs="+", metavar="ID")


def _file_commands(files: _Commands) -> None:
    put = files.add("put", "file_put:put", "store files and folders, print their ids")
    put.add_argument("paths", nargs="+", metavar="PATH")
    put.add_argument("--rehash", action="store_true", help="read every file, also those that look as they were")
    get = files.add("get", "file_get:get", "write a stored file or folder, every hash verified")
    get.add_argument("id", metavar="ID", help="id of a File, a Dir or a chunk")
    get.add_argument("-o", "--output", metavar="PATH", required=True, help="file or folder to write")
    get.add_argument("--inner-path", metavar="PATH", help="path inside a Dir")
    get.add_argument("--replace", action="store_true", help="replace files of a folder that are there and differ")
    listing = files.add("ls", "file_list:list_files", "list the files that were put here")
    listing.add_argument("--limit", type=_count, metavar="N", help="at most N files")


def _space_commands(space: _Commands) -> None:
    space.add("show", "space:show", "what DecApps and owners keep here")
    quota = space.add("quota", "space:quota", "limit what a DecApp or an owner may keep")
    quota.add_argument("kind", choices=("dec", "owner"))
    quota.add_argument("id", metavar="ID")
    quota.add_argument("size", metavar="SIZE", help="such as 500M or 2G, or none to lift it")
    space.add("collect", "space:collect", "free what nobody needs any more, now instead of at its time")


def _backup_commands(backups: _Commands) -> None:
    init = backups.add("init", "backup_setup:init", "make a repository for backups, and its key")
    init.add_argument("target", metavar="PLACE", help="/folder, sftp://user@host/folder or s3://bucket/prefix")
    key = backups.add("key", "backup_setup:key", "show the key of the backups, or bring it back")
    key.add_argument("--restore", action="store_true", help="read the key, from the terminal or standard input")
    key.add_argument("--key-file", metavar="FILE", help="read it from FILE (with --restore)")
    create = backups.add("create", "backup:create", "take a backup")
    create.add_argument("--with-secret", action="store_true", help="the private key of the device too")
    listing = backups.add("list", "backup:list_backups", "the backups in a repository")
    verify = backups.add("verify", "backup:verify", "check that all backups are whole")
    verify.add_argument("--read-data", action="store_true", help="read and decrypt everything")
    verify.add_argument(
        "--drop-damaged", action="store_true", help="delete damaged files, so that the next backup sends them again"
    )
    restore = backups.add("restore", "backup_restore:restore", "bring a backup back")
    restore.add_argument("--dec", metavar="ID", help="only this DecApp, into the running node")
    restore.add_argument("--replace", action="store_true", help="set a store that is there aside first")
    rehearse = backups.add("rehearse", "backup:rehearse", "restore a backup for trial, compare, throw away")
    for parser in (restore, rehearse):
        parser.add_argument("--snapshot", metavar="ID", help="which backup (default: the last one)")
    forget = backups.add("forget", "backup:forget", "delete old backups, and what only they need")
    for name in ("last", "daily", "weekly"):
        forget.add_argument(f"--keep-{name}", type=_amount, metavar="N", help=f"keep so many ({name})")
    for parser in (create, listing, verify, restore, rehearse, forget):
        parser.add_argument("target", metavar="PLACE", nargs="?", help="where the backups are (default: as configured)")
    for parser in (listing, verify, restore):
        parser.add_argument("--key-file", metavar="FILE", help="file with the key, for a root that has none")


def _volume_commands(volumes: _Commands) -> None:
    add = volumes.add("add", "volume:add", "large chunks go to this folder on another disk from now on")
    add.add_argument("path", metavar="PATH", help="a folder, such as where the disk is mounted")
    add.add_argument("--same-disk", action="store_true", help="also when it is on the disk of the root")
    volumes.add("list", "volume:list_volumes", "all places of large chunks and how they are")
    drain = volumes.add("drain", "volume:drain", "move all that a volume has elsewhere; it gets nothing new")
    drain.add_argument("id", metavar="ID")
    drain.add_argument("--undo", action="store_true", help="let it take large chunks again")
    remove = volumes.add("remove", "volume:remove", "forget a volume that has been drained")
    remove.add_argument("id", metavar="ID")
    remove.add_argument("--lost", action="store_true", help="one that does not come back; lists what goes with it")


def _state_commands(states: _Commands) -> None:
    def add(name: str, function: str, text: str, path: str | None) -> argparse.ArgumentParser:
        parser = states.add(name, f"state:{function}", text)
        if path is not None:
            parser.add_argument("path", metavar="PATH", nargs="?" if path else None, default=path or None)
        _category_option(parser)
        if path is not None:
            parser.add_argument("--dec", metavar="ID", help="the DecApp whose state it is (default: the system)")
        return parser

    get = add("get", "get", "what is at a path", "")
    get.add_argument("-o", "--output", metavar="FILE", help="write the bytes of the object there")
    add("list", "list_entries", "the entries of the map or set at a path", "/")
    add("set", "set_value", "put an id at a path", "").add_argument("id", metavar="ID")
    add("remove", "remove", "remove what is at a path", "")
    add("roots", "roots", "the global root, and the roots of the DecApps", None).set_defaults(dec=None)
    export = add("export", "export", "write all objects of a state, one in hex a line", "/")
    export.add_argument("-o", "--output", metavar="FILE", help="file to write (default: standard output)")


def _access_commands(access: _Commands) -> None:
    show = access.add("show", "access:show", "the rules of a DecApp")
    grant = access.add("grant", "access:grant", "add or change a rule")
    revoke = access.add("revoke", "access:revoke", "remove a rule")
    for parser in (grant, revoke):
        parser.add_argument("path", metavar="PATH", help="the path and all below it")
    grant.add_argument(
        "access", metavar="ACCESS", help="number or letters: six groups, or one (r-x) for one caller; or 'handler'"
    )
    revoke.add_argument("--handler", dest="ask_handler", action="store_true", help="the rule that asks a handler")
    for parser in (grant, revoke):
        parser.add_argument("--caller-dec", metavar="ID", help="a rule for this DecApp alone")
        parser.add_argument("--zone", metavar="ID", help="a rule for the zone of this owner alone")
        parser.add_argument("--zone-category", choices=ZONE_CATEGORIES, help="a rule for callers at most so far away")
    for parser in (show, grant, revoke):
        _category_option(parser)
        parser.add_argument("--dec", metavar="ID", help="the DecApp whose paths they are (default: the system)")


def _share_commands(shares: _Commands) -> None:
    create = shares.add("create", "share:create", "let others read a file, a folder, or a path of a state")
    create.add_argument(
        "target", metavar="TARGET", help="an id, ID/inner/path, or a path such as /photos, followed as it changes"
    )
    create.add_argument(
        "--for",
        dest="audience",
        choices=AUDIENCES,
        default=AUDIENCES[0],
        help="anyone with the link, friends' devices, or only the zone's (default %(default)s)",
    )
    create.add_argument("--expires", metavar="TIME", help="ends after so long: 30m, 12h, 7d, 4w (default: never)")
    create.add_argument("--label", metavar="TEXT", default="", help="what it is called; also the name of a single file")
    create.add_argument("--qr", action="store_true", help="show the link as a QR code too")
    create.add_argument("--dec", metavar="ID", help="the DecApp whose path it is (default: the system)")
    shares.add("list", "share:list_shares", "all shares and whether they still open")
    shares.add("revoke", "share:revoke", "take shares back").add_argument("ids", nargs="+", metavar="ID")


def _door_commands(door: _Commands) -> None:
    door.add("show", "door:show", "where the door is, and the fingerprint of its certificate")
    door.add("password", "door:password", "set the password of the owner; typed twice, or one line of standard input")
    tokens = door.group("token", "tokens for programs: WebDAV clients, scripts")
    create = tokens.add("create", "door:create_token", "make a token; it is shown once")
    create.add_argument("name", metavar="NAME", help="what it is for")
    create.add_argument("--read-only", action="store_true", help="it may read and change nothing")
    tokens.add("list", "door:list_tokens", "all tokens")
    tokens.add("revoke", "door:revoke_tokens", "end tokens").add_argument("ids", nargs="+", metavar="ID")


def _trans_commands(trans: _Commands) -> None:
    trans.add("list", "trans:list_tasks", "the tasks of all DecApps")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        parser = trans.add(name, f"trans:{name}", text)
        parser.add_argument("id", metavar="TASK")
        return parser

    add("show", "one task: how far it is, its sources, what went wrong")
    add("pause", "stop a task; what it has fetched stays")
    add("resume", "go on with a task that is paused or has failed")
    add("priority", "whose chunks come first").add_argument("priority", choices=("low", "normal", "high"))
    add("cancel", "stop a task and forget it; its files stay")


def _category_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--category", choices=STATES, default=STATES[0], help="which state (default %(default)s)")


def _identity_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--key", choices=KEY_KINDS, default=KEY_KINDS[0], help="kind of the keys (default %(default)s)")
    parser.add_argument("--network", choices=NETWORKS, default=NETWORKS[0], help="its MetaChain (default %(default)s)")
    parser.add_argument("--name", metavar="TEXT", help="name of the owner")
    parser.add_argument(
        "--device-id-text", metavar="TEXT", help="tells the owner's devices apart (default: the MAC address)"
    )


class _Commands:
    """Sub-commands of one level, each with the common options."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._actions = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(self, name: str, handler: str, text: str) -> argparse.ArgumentParser:
        """``handler`` is ``module:function`` below ``cyfs_edge.cli``."""
        parser = self._parser(name, text)
        parser.set_defaults(handler=handler)
        return parser

    def group(self, name: str, text: str) -> _Commands:
        return _Commands(self._parser(name, text))

    def _parser(self, name: str, text: str) -> argparse.ArgumentParser:
        parser = self._actions.add_parser(name, help=text, description=text[:1].upper() + text[1:] + ".")
        _common_options(parser)
        return parser


def _common_options(parser: argparse.ArgumentParser) -> None:
    # Accepted before and after the command; where one is not given it must not undo the other place.
    parser.add_argument("--root", metavar="DIR", default=argparse.SUPPRESS, help="root directory")
    parser.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="one JSON document on standard output"
    )
    parser.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help="show the trace of an error")


def _port(text: str) -> int:
    return _number(text, 0, 65535)


def _amount(text: str) -> int:
    return _number(text, 0, 10_000)


def _count(text: str) -> int:
    return _number(text, 1, 1 << 62)


def _number(text: str, low: int, high: int) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or not low <= int(text) <= high:
        raise argparse.ArgumentTypeError(f"must be a whole number from {low} to {high}, not {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
