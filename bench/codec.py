"""Rates of the object layer, on one core."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

from bench import samples
from cyfs_edge.base.errors import ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.base.keys import KeyKind, PrivateKey
from cyfs_edge.base.signatures import RefIndex, sign, verify
from cyfs_edge.base.text import decode_base58, encode_base58
from cyfs_edge.objects.core.text_storage import make_text
from cyfs_edge.objects.envelope import decode_object


def rate(work: Callable[[], object], seconds: float = 0.5) -> float:
    """Calls a second, from the best of three runs."""
    best = 0.0
    for _ in range(3):
        count, start = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - start) < seconds / 3:
            for _ in range(20):
                work()
            count += 20
        best = max(best, count / elapsed)
    return best


def measure(owner: ObjectId) -> dict[str, float]:
    """Operations a second."""
    obj = samples.objects(1, owner)[0]
    raw, object_id = obj.raw, bytes(obj.object_id)
    text, digest = str(obj.object_id), hashlib.sha256(b"x").digest()
    figures = {
        "decode and id of a 300-byte object": rate(lambda: decode_object(raw)),
        "build and encode a 300-byte object": rate(
            lambda: make_text("object-1", "", "x" * 227, owner=owner, update_time=5)
        ),
        "id to base58": rate(lambda: encode_base58(object_id)),
        "base58 to id": rate(lambda: decode_base58(text)),
    }
    for kind in (KeyKind.RSA1024, KeyKind.RSA2048, KeyKind.SECP256K1):
        key = PrivateKey.generate(kind)
        public, made = key.public(), sign(key, RefIndex(254), digest, 5)
        assert verify(public, digest, made), ErrorCode.INVALID_SIGNATURE
        name = kind.name.lower().replace("_", "-")
        figures[f"verify {name}"] = rate(lambda public=public, made=made: verify(public, digest, made))  # type: ignore[misc]
        figures[f"sign {name}"] = rate(lambda key=key: sign(key, RefIndex(254), digest, 5))  # type: ignore[misc]
    return figures
