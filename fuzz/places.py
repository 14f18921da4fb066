"""What a disk or a bucket of somebody else may have where a store looks for its own: markers and names of objects."""

from __future__ import annotations

from cyfs_edge.base.ids import ChunkId
from cyfs_edge.store.chunk_files import chunk_of_name
from cyfs_edge.store.remote import parse_name, store_of_marker
from cyfs_edge.store.volume import decode_marker
from fuzz.target import Seeds, texts

_CHUNK = ChunkId.of_data(b"chunk").hex()
seeds: Seeds = texts(
    '{"format": 1, "volume": "00112233aabbccdd", "store": "ffeeddccbbaa9988"}', _CHUNK, f"{_CHUNK}-0011223344556677"
)


def run(data: bytes) -> None:
    """All of them decide about any bytes; what a name was taken for makes that name again."""
    marker, store_id = decode_marker(data), store_of_marker(data)
    assert marker is None or marker.store_id == store_id
    name = data.decode("utf-8", "replace")
    chunk_id = chunk_of_name(name)
    assert chunk_id is None or chunk_id.hex() == name
    found = parse_name(name)
    assert found is None or f"{found[0].hex()}-{found[1].hex()}" == name
