"""An S3-compatible server as ``ObjectStorage`` (``remote.py``), through boto3, which is loaded when it is wanted."""

from __future__ import annotations

import hashlib
import os
import time
import tomllib
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.store.remote import StorageError

T = TypeVar("T")

CONNECT_TIMEOUT_S = 5.0
ATTEMPTS = 2
SLOWEST = 64 * 1024
"""Bytes a second: a server that gives an object more slowly, after the timeout, counts as one that does not answer."""
CREDENTIALS_MAX = 16 * 1024
_PIECE = 256 * 1024


@dataclass(frozen=True, slots=True)
class Credentials:
    access_key: str
    secret_key: str


@dataclass(frozen=True, slots=True)
class S3Settings:
    """``timeout``: seconds without a byte from the server. ``prefix``: what the names of this store begin with."""

    endpoint: str
    bucket: str
    prefix: str
    region: str
    credentials: Credentials
    timeout: float
    connections: int


def load_credentials(path: Path | None, environ: Mapping[str, str]) -> Credentials:
    """From a TOML file with ``access_key`` and ``secret_key`` that only its owner may read, else the environment.

    ``INVALID_PARAM``: neither has them. ``PERMISSION_DENIED``: the file is open to others, or not to us.
    """
    if path is None:
        found: Mapping[str, object] = {
            "access_key": environ.get("AWS_ACCESS_KEY_ID"),
            "secret_key": environ.get("AWS_SECRET_ACCESS_KEY"),
        }
        source = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment"
    else:
        source = f"access_key and secret_key in {path}"
        try:
            with open(path, "rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                data = file.read(CREDENTIALS_MAX)
            if mode & 0o077:
                raise CyfsError(ErrorCode.PERMISSION_DENIED, f"{path} is open to other users; chmod 600 {path}")
            found = tomllib.loads(data.decode())
        except OSError as error:
            raise CyfsError(ErrorCode.PERMISSION_DENIED, f"the credentials cannot be read: {error}") from error
        except ValueError as error:
            raise CyfsError(ErrorCode.INVALID_PARAM, f"{path} is not TOML: {error}") from None
    access_key, secret_key = found.get("access_key"), found.get("secret_key")
    if not isinstance(access_key, str) or not isinstance(secret_key, str) or not access_key or not secret_key:
        raise CyfsError(ErrorCode.INVALID_PARAM, f'[chunks] engine = "s3" needs {source}')
    return Credentials(access_key, secret_key)


class S3Storage:
    __slots__ = ("_bucket", "_client", "_errors", "_monotonic", "_prefix", "_timeout", "settings", "where")

    def __init__(self, settings: S3Settings, monotonic: Callable[[], float] = time.monotonic) -> None:
        """``NOT_SUPPORT`` without boto3. Asks nothing of the server yet."""
        try:
            boto3 = import_module("boto3")
        except ImportError:
            raise CyfsError(
                ErrorCode.NOT_SUPPORT,
                '[chunks] engine = "s3" needs boto3; apt install python3-boto3, or pip install "cyfs-edge[s3]"',
            ) from None
        # Comes with boto3.
        exceptions = import_module("botocore.exceptions")
        self._errors: tuple[type[Exception], ...] = (exceptions.BotoCoreError, exceptions.ClientError, OSError)
        self.settings = settings
        self._bucket = settings.bucket
        self._prefix = settings.prefix.strip("/") + "/" if settings.prefix.strip("/") else ""
        self._timeout = settings.timeout
        self._monotonic = monotonic
        self.where = f"{settings.endpoint.rstrip('/')}/{settings.bucket}/{self._prefix}"
        self._client = boto3.session.Session().client(
            "s3",
            endpoint_url=settings.endpoint,
            region_name=settings.region,
            aws_access_key_id=settings.credentials.access_key,
            aws_secret_access_key=settings.credentials.secret_key,
            config=_client_config(settings),
        )

    def _call(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except self._errors as error:
            raise StorageError(str(error)) from error

    def put(self, name: str, data: bytes) -> None:
        # The server compares; of all checksums this is the one that every server knows.
        digest = b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
        self._call(
            lambda: self._client.put_object(Bucket=self._bucket, Key=self._prefix + name, Body=data, ContentMD5=digest)
        )

    def get(self, name: str, limit: int) -> bytes | None:
        try:
            return self._call(lambda: self._read(self._prefix + name, limit))
        except StorageError as error:
            # Only of the object: a missing bucket is a fault.
            response = getattr(error.__cause__, "response", None)
            if isinstance(response, dict) and response.get("Error", {}).get("Code") == "NoSuchKey":
                return None
            raise

    def _read(self, key: str, limit: int) -> bytes:
        deadline = self._monotonic() + self._timeout + limit / SLOWEST
        body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
        pieces: list[bytes] = []
        left = limit + 1
        try:
            while left and (piece := body.read(min(left, _PIECE))):
                pieces.append(piece)
                left -= len(piece)
                if self._monotonic() > deadline:
                    raise StorageError(f"it gave {limit + 1 - left} of {limit} bytes in the time for all of them")
        finally:
            body.close()
        return b"".join(pieces)

    def delete(self, names: list[str]) -> None:
        objects = [{"Key": self._prefix + name} for name in names]
        answer: Any = self._call(
            lambda: self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True})
        )
        errors = answer.get("Errors")
        if errors:
            raise StorageError(f"{len(errors)} objects are not deleted, the first: {errors[0].get('Message')}")

    def list(self, after: str) -> list[str]:
        options = {"StartAfter": self._prefix + after} if after else {}
        page: Any = self._call(
            lambda: self._client.list_objects_v2(Bucket=self._bucket, Prefix=self._prefix, **options)
        )
        return [str(one["Key"])[len(self._prefix) :] for one in page.get("Contents", ())]


def _client_config(settings: S3Settings) -> Any:
    config = import_module("botocore.config").Config
    options: dict[str, Any] = {
        "connect_timeout": CONNECT_TIMEOUT_S,
        "read_timeout": settings.timeout,
        "retries": {"total_max_attempts": ATTEMPTS, "mode": "standard"},
        "max_pool_connections": settings.connections,
        "s3": {"addressing_style": "path"},
    }
    try:
        # What newer releases add to each request by themselves not every server understands.
        return config(
            request_checksum_calculation="when_required", response_checksum_validation="when_required", **options
        )
    except TypeError:
        return config(**options)
