"""The identity of a node on disk: ``etc/desc`` under the root (docs/protocol/objects.md §9, docs/protocol/services.md
§1).

The file that decides is ``device.desc``: it is written last, so a root has the whole identity or none. Every file is
written beside its place, synced, and renamed into it. Secrets are readable by their owner only; nothing that is there
is overwritten.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectTypeCode
from cyfs_edge.base.keys import PrivateKey
from cyfs_edge.core.identity import ExtInfo
from cyfs_edge.objects.envelope import NamedObject, decode_object

DEVICE_DESC = "device.desc"
DEVICE_SEC = "device.sec"
ZONE_OWNER_DESC = "zone_owner.desc"
EXT_INFO = "ext_info"

FILE_MAX = 1 << 20
"""Largest file that is read, in bytes."""
KNOWN_MAX = 1024
"""Most known objects that are loaded."""
DEPTH_MAX = 8
"""Deepest folder below ``etc/desc`` that is searched for known objects."""

_PUBLIC_MODE = 0o644
_SECRET_MODE = 0o600
_OWNER_TYPES = (ObjectTypeCode.PEOPLE, ObjectTypeCode.GROUP)


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """What ``etc/desc`` says.

    device_key: ``None`` without ``device.sec``. owner: that of the device, ``None`` when no file has it. known: all
    other objects found. warnings: one sentence for each file that was passed over or needs attention.
    """

    device: NamedObject
    device_key: PrivateKey | None
    owner: NamedObject | None
    ext_info: ExtInfo | None
    known: list[NamedObject]
    warnings: list[str]

    def require_key(self) -> PrivateKey:
        """The device key, which a node cannot run without."""
        if self.device_key is None:
            raise CyfsError(
                ErrorCode.NOT_FOUND,
                f"{DEVICE_SEC} is missing: this root knows the device {self.device.object_id} but not its private key. "
                "Put the file back, or move etc/desc away and run `cyfs-edge init --restore`",
            )
        return self.device_key


def identity_folder(root: Path) -> Path:
    return root / "etc" / "desc"


def load_identity(root: Path) -> NodeIdentity:
    """Reads the identity of a root.

    Raises ``NOT_FOUND`` (no ``device.desc``), ``UN_SUPPORT`` (another object in it), ``INVALID_FORMAT`` (undecodable
    device or key), ``UNMATCH`` (the key is not the device's), ``PERMISSION_DENIED``, ``IO_ERROR``. Whatever else is
    wrong is a warning.
    """
    folder = identity_folder(root)
    warnings: list[str] = []
    device = _load_device(folder / DEVICE_DESC)
    device_key = _load_key(folder / DEVICE_SEC, device, warnings)
    known = _load_known(folder, warnings)
    owner = _load_owner(folder / ZONE_OWNER_DESC, device, known, warnings)
    ext_info = _load_ext_info(folder / EXT_INFO, warnings)
    return NodeIdentity(device, device_key, owner, ext_info, known, warnings)


def save_identity(
    root: Path, *, device: NamedObject, device_key: PrivateKey, owner: NamedObject, ext_info: ExtInfo
) -> None:
    """Writes a new identity; when this returns it is on the disk.

    After a failure or a crash on the way the root has no identity, and saving again succeeds; files left from before
    are kept beside, as ``<name>.1`` and so on. Raises ``ALREADY_EXISTS`` when the root has one, ``UN_SUPPORT`` or
    ``UNMATCH`` when device, key and owner do not belong together, ``PERMISSION_DENIED``, ``IO_ERROR``.
    """
    _check_device(device, "the device")
    _check_key(device_key, device, "the private key")
    if owner.type_code not in _OWNER_TYPES or owner.object_id != device.owner:
        raise CyfsError(ErrorCode.UNMATCH, f"the device belongs to {device.owner}, not to {owner.object_id}")
    folder = identity_folder(root)
    try:
        _make_folders(folder)
        if os.path.lexists(folder / DEVICE_DESC):
            raise CyfsError(
                ErrorCode.ALREADY_EXISTS,
                f"{folder} already has an identity. Take another root, or move that folder away first",
            )
        _write_new(folder / DEVICE_SEC, device_key.encode(), _SECRET_MODE)
        _write_new(folder / ZONE_OWNER_DESC, owner.raw, _PUBLIC_MODE)
        _write_new(folder / EXT_INFO, ext_info.to_json().encode(), _PUBLIC_MODE)
        _write_new(folder / DEVICE_DESC, device.raw, _PUBLIC_MODE)
    except OSError as error:
        raise _os_error(error, folder, "the identity was not saved") from error


def _load_device(path: Path) -> NamedObject:
    data = _read(path)
    if data is None:
        raise CyfsError(
            ErrorCode.NOT_FOUND, f"{path} is missing: this root has no identity yet. Make one with `cyfs-edge init`"
        )
    try:
        device = decode_object(data)
    except CodecError as error:
        raise _undecodable(path, error) from None
    _check_device(device, str(path))
    return device


def _load_key(path: Path, device: NamedObject, warnings: list[str]) -> PrivateKey | None:
    data = _read(path)
    if data is None:
        return None
    try:
        key = PrivateKey.decode(data)
    except CodecError as error:
        raise _undecodable(path, error) from None
    _check_key(key, device, str(path))
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        warnings.append(f"{path} can be read by others: chmod 600 it")
    return key


def _load_owner(path: Path, device: NamedObject, known: list[NamedObject], warnings: list[str]) -> NamedObject | None:
    """The owner of the device: from its own file, else from the known objects."""
    owner = _load_object(path, warnings)
    if owner is not None and owner.object_id != device.owner:
        warnings.append(f"{path} holds {owner.object_id}, but the device belongs to {device.owner}")
        known.append(owner)
        owner = None
    return owner or next((one for one in known if one.object_id == device.owner), None)


def _load_ext_info(path: Path, warnings: list[str]) -> ExtInfo | None:
    try:
        data = _read(path)
        return None if data is None else ExtInfo.from_json(data)
    except CyfsError as error:
        warnings.append(f"{path} was passed over: {error.message}")
        return None


def _load_known(folder: Path, warnings: list[str]) -> list[NamedObject]:
    known: list[NamedObject] = []
    special = (folder / DEVICE_DESC, folder / ZONE_OWNER_DESC)
    for path in _desc_files(folder, 0, warnings):
        if path in special:
            continue
        if len(known) == KNOWN_MAX:
            warnings.append(f"{folder} has more than {KNOWN_MAX} objects: the rest was passed over")
            break
        obj = _load_object(path, warnings)
        if obj is not None:
            known.append(obj)
    return known


def _desc_files(folder: Path, depth: int, warnings: list[str]) -> Iterator[Path]:
    """All ``*.desc`` below, in the order of their names. Links to folders are not followed."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        warnings.append(f"{folder} was passed over: {error.strerror}")
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if depth == DEPTH_MAX:
                warnings.append(f"{entry.path} was passed over: folders are nested too deep")
            else:
                yield from _desc_files(Path(entry.path), depth + 1, warnings)
        elif entry.name.endswith(".desc") and entry.is_file():
            yield Path(entry.path)


def _load_object(path: Path, warnings: list[str]) -> NamedObject | None:
    try:
        data = _read(path)
        return None if data is None else decode_object(data)
    except CyfsError as error:
        warnings.append(f"{path} was passed over: {error.message}")
        return None


def _check_device(device: NamedObject, what: str) -> None:
    if device.type_code is not ObjectTypeCode.DEVICE:
        raise CyfsError(ErrorCode.UN_SUPPORT, f"{what} must be a Device, but is {device.object_id}")


def _check_key(key: PrivateKey, device: NamedObject, what: str) -> None:
    if key.public() != device.desc.public_key:
        raise CyfsError(
            ErrorCode.UNMATCH, f"{what} is not the key of the device {device.object_id}: one of the two is wrong"
        )


def _undecodable(path: Path, error: CodecError) -> CyfsError:
    return CyfsError(ErrorCode.INVALID_FORMAT, f"{path} is damaged: {error.message} (at byte {error.offset})")


def _read(path: Path) -> bytes | None:
    """The content, ``None`` when there is no such file."""
    try:
        with path.open("rb") as file:
            data = file.read(FILE_MAX + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _os_error(error, path, "it cannot be read") from error
    if len(data) > FILE_MAX:
        raise CyfsError(ErrorCode.INVALID_FORMAT, f"{path} is larger than {FILE_MAX} bytes")
    return data


def _make_folders(folder: Path) -> None:
    """``folder`` and what is missing above it, each entry on the disk."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(exist_ok=True)
        _sync_folder(one.parent)


def _write_new(path: Path, data: bytes, mode: int) -> None:
    """Puts a file in its place in one step. One that is there with another content is set aside first."""
    if os.path.lexists(path) and not _holds(path, data):
        _set_aside(path)
    beside = path.with_name(f".{path.name}.new")
    with suppress(FileNotFoundError):
        beside.unlink()
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "wb") as file:
            os.fchmod(file.fileno(), mode)  # whatever the umask is
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError:
        with suppress(OSError):
            beside.unlink()
        raise
    _sync_folder(path.parent)


def _holds(path: Path, data: bytes) -> bool:
    return path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data


def _set_aside(path: Path) -> None:
    number = 1
    while os.path.lexists(aside := path.with_name(f"{path.name}.{number}")):
        number += 1
    path.rename(aside)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _os_error(error: OSError, path: Path, what: str) -> CyfsError:
    code = ErrorCode.PERMISSION_DENIED if isinstance(error, PermissionError) else ErrorCode.IO_ERROR
    return CyfsError(code, f"{path}: {what}: {error.strerror}", path=str(path))
