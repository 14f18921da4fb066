"""The real slow hash."""

from __future__ import annotations

from cyfs_edge.host.passwords import MEMORY, PASSES, Argon2Hasher
from cyfs_edge.host.worker import ThreadWorker


async def test_a_hash_fits_its_password_only_and_carries_its_cost() -> None:
    worker = ThreadWorker()
    hasher = Argon2Hasher(worker)
    held = await hasher.hash(b"correct horse battery")
    assert held.startswith(b"$argon2id$v=19$m=%d,t=%d,p=1$" % (MEMORY // 1024, PASSES))
    assert held != await hasher.hash(b"correct horse battery")
    assert await hasher.verify(b"correct horse battery", held)
    assert not await hasher.verify(b"correct horse batterz", held)
    for damaged in (b"", held[:-1], b"$argon2id$nonsense", b"x" * 500):
        assert not await hasher.verify(b"correct horse battery", damaged)
    worker.close()
