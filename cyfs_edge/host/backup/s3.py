"""A bucket of an S3 store as the place of backups (port ``BackupTarget``)."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.backup.ports import TargetFile
from cyfs_edge.host.backup.root_files import BACKUP_FOLDER
from cyfs_edge.wire.backup.address import Address

T = TypeVar("T")

CREDENTIALS = f"{BACKUP_FOLDER}/s3.toml"
CREDENTIALS_MAX = 64 * 1024
_CONNECT_S = 30
_READ_S = 120
_ATTEMPTS = 4
_MISSING = ("404", "NoSuchKey", "NotFound")
_DENIED = ("403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch")
_FULL = ("507", "QuotaExceeded", "InsufficientStorage", "EntityTooLarge", "XMinioStorageFull")


class S3Target:
    """Calls run in threads. An object appears whole when its put is acknowledged; that is what S3 promises."""

    __slots__ = ("_address", "_client", "_errors")

    def __init__(self, address: Address, client: Any, errors: ModuleType) -> None:
        """Use :meth:`connect`."""
        self._address = address
        self._client = client
        self._errors = errors

    @classmethod
    async def connect(cls, library: ModuleType, address: Address, root: Path, environ: Mapping[str, str]) -> S3Target:
        """``library``: boto3. Its own sources of credentials are asked when ``etc/backup/s3.toml`` is not there."""
        given = _credentials(root / CREDENTIALS)

        def work() -> tuple[Any, ModuleType]:
            config = import_module("botocore.config").Config
            options: dict[str, Any] = {
                "connect_timeout": _CONNECT_S,
                "read_timeout": _READ_S,
                "retries": {"max_attempts": _ATTEMPTS},
                "s3": {"addressing_style": "path" if address.endpoint else "auto"},
            }
            # Newer releases add checksums that other servers than Amazon's refuse.
            for name in ("request_checksum_calculation", "response_checksum_validation"):
                if name in config.OPTION_DEFAULTS:
                    options[name] = "when_required"
            client = library.session.Session().client(
                "s3",
                endpoint_url=address.endpoint,
                region_name=address.region or environ.get("AWS_DEFAULT_REGION") or "us-east-1",
                aws_access_key_id=given.get("access_key"),
                aws_secret_access_key=given.get("secret_key"),
                config=config(**options),
            )
            return client, import_module("botocore.exceptions")

        client, errors = await asyncio.to_thread(work)
        return cls(address, client, errors)

    @property
    def text(self) -> str:
        return self._address.text

    def _key(self, path: str) -> str:
        return f"{self._address.path}/{path}" if self._address.path else path

    async def make(self) -> None:
        await self._run("looking for the bucket", lambda: self._client.head_bucket(Bucket=self._address.host))

    async def list(self, folder: str) -> AsyncIterator[TargetFile]:
        token: str | None = None
        cut = len(self._key(""))
        while True:
            more = {} if token is None else {"ContinuationToken": token}
            page = await self._run(
                f"listing {folder}",
                partial(
                    self._client.list_objects_v2,
                    Bucket=self._address.host,
                    Prefix=self._key(folder) + "/",
                    **more,
                ),
            )
            for item in page.get("Contents", ()):
                yield TargetFile(item["Key"][cut:], int(item["Size"]))
            token = page.get("NextContinuationToken")
            if not page.get("IsTruncated") or token is None:
                return

    async def read(self, path: str, start: int = 0, size: int | None = None) -> bytes:
        if size == 0:
            return b""
        options: dict[str, str] = {}
        if start or size is not None:
            options["Range"] = f"bytes={start}-{'' if size is None else start + size - 1}"

        def work() -> bytes:
            answer = self._client.get_object(Bucket=self._address.host, Key=self._key(path), **options)
            data: bytes = answer["Body"].read()
            return data if size is None else data[:size]

        return await self._run(f"reading {path}", work)

    async def write(self, path: str, parts: Sequence[bytes]) -> None:
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        await self._run(
            f"writing {path}",
            lambda: self._client.put_object(Bucket=self._address.host, Key=self._key(path), Body=body),
        )

    async def delete(self, path: str) -> None:
        await self._run(
            f"deleting {path}", lambda: self._client.delete_object(Bucket=self._address.host, Key=self._key(path))
        )

    async def close(self) -> None:
        self._client.close()

    async def _run(self, doing: str, work: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(work)
        except self._errors.ClientError as error:
            raise self._error(_code_of(error.response), doing, error) from error
        except self._errors.NoCredentialsError as error:
            raise CyfsError(
                ErrorCode.PERMISSION_DENIED,
                f"{self.text} needs credentials: access_key and secret_key in {CREDENTIALS} of the root",
            ) from error
        except (self._errors.BotoCoreError, OSError) as error:
            raise self._error(ErrorCode.CONNECT_FAILED, doing, error) from error

    def _error(self, code: ErrorCode, doing: str, error: Exception) -> CyfsError:
        return CyfsError(code, f"the backup place {self.text} failed at {doing}: {error}")


def _code_of(response: Mapping[str, Any]) -> ErrorCode:
    error = str(response.get("Error", {}).get("Code", ""))
    status = str(response.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))
    for codes, code in (
        (_MISSING, ErrorCode.NOT_FOUND),
        (_DENIED, ErrorCode.PERMISSION_DENIED),
        (_FULL, ErrorCode.OUT_OF_LIMIT),
    ):
        if error in codes or status in codes:
            return code
    return ErrorCode.IO_ERROR


def _credentials(path: Path) -> dict[str, str]:
    try:
        with path.open("rb") as file:
            data = file.read(CREDENTIALS_MAX)
        found = tomllib.loads(data.decode("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise CyfsError(ErrorCode.INVALID_FORMAT, f"{path} cannot be read: {error}") from None
    return {name: value for name, value in found.items() if isinstance(value, str)}
