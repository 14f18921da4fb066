"""Reads the sources of the configuration (docs/cli.md, "Configuration"); what they mean is ``wire/config.py``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.cli.roots import Root
from cyfs_edge.wire.config import (
    CONFIG_SIZE_MAX,
    Config,
    Settings,
    build_config,
    merge,
    parse_config,
    parse_environment,
    parse_flags,
)

ADMIN_FILE = Path("/etc/cyfs/cyfs-edge.toml")


def load_config(root: Root, environ: Mapping[str, str], flags: Mapping[str, object]) -> tuple[Config, Settings]:
    """The configuration in force for ``root``, and what each source set."""
    settings = merge(
        _read_file(root.config_file),
        _read_file(ADMIN_FILE),
        parse_environment(environ),
        parse_flags(flags),
    )
    return build_config(str(root.path), settings), settings


def _read_file(path: Path) -> Settings:
    try:
        with path.open("rb") as file:
            data = file.read(4 * CONFIG_SIZE_MAX + 1)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise CyfsError(ErrorCode.INVALID_PARAM, f"{path}, line {line}: not UTF-8") from None
    return parse_config(text, str(path))
