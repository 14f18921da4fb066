"""Checking the signatures of objects with the key of a signer (docs/protocol/objects.md §4)."""

from __future__ import annotations

from cyfs_edge.base.keys import MNPublicKey, PublicKeyValue
from cyfs_edge.base.signatures import Signature, verify
from cyfs_edge.objects.envelope import NamedObject


def valid_signs(key: PublicKeyValue, digest: bytes, signs: tuple[Signature, ...] | None) -> list[int]:
    """Indexes of the signatures that ``key`` made over ``digest``.

    For an MN key: those that any of its keys made, when at least ``threshold`` different keys have signed; else none.
    """
    if not isinstance(key, MNPublicKey):
        return [index for index, sign in enumerate(signs or ()) if verify(key, digest, sign)]
    by_key = [[index for index, sign in enumerate(signs or ()) if verify(one, digest, sign)] for one in key.keys]
    if sum(1 for found in by_key if found) < key.threshold:
        return []
    return sorted({index for found in by_key for index in found})


def signed_by(signer: NamedObject, digest: bytes, signs: tuple[Signature, ...] | None) -> bool:
    """True when the own key of ``signer`` made one of ``signs`` over ``digest``."""
    key = signer.desc.public_key
    return key is not None and bool(valid_signs(key, digest, signs))
