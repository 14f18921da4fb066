"""Hypothesis strategies for the values and objects of the protocol, shared by all tests."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from hypothesis import strategies as st

from cyfs_edge.base.area import CARRIER_MAX, CITY_MAX, COUNTRY_MAX, Area
from cyfs_edge.base.bucky_error import BuckyError, ErrorOrigin
from cyfs_edge.base.codec import VARINT_MAX
from cyfs_edge.base.endpoint import Endpoint, EndpointArea, Protocol
from cyfs_edge.base.errors import DEC_ERROR_BASE, DEC_ERROR_END, META_ERROR_BASE, META_ERROR_END, ErrorCode
from cyfs_edge.base.ids import ChunkId, UniqueId, make_object_id
from cyfs_edge.base.keys import MNPublicKey, PrivateKey, PublicKey, PublicKeyValue, SignatureKind
from cyfs_edge.base.object_link import ObjectLink
from cyfs_edge.base.signatures import RefIndex, Signature, SignatureSource
from cyfs_edge.objects.app_group import make_app_group
from cyfs_edge.objects.builder import BodyParts, build_object
from cyfs_edge.objects.contract import Contract, ContractType, make_contract
from cyfs_edge.objects.device import DeviceCategory, make_device
from cyfs_edge.objects.diff import make_diff
from cyfs_edge.objects.dir import DirBody, DirEntry, DirList, DirRange, make_dir
from cyfs_edge.objects.envelope import NamedObject
from cyfs_edge.objects.file import make_bundle, make_file, make_file_in_file
from cyfs_edge.objects.group import CommonGroupBody, GroupMember, make_org, make_simple_group
from cyfs_edge.objects.object_map import (
    DiffMapEntries,
    DiffMapItem,
    DiffSetEntries,
    DiffSetItem,
    HubEntries,
    MapClass,
    MapContentType,
    MapEntries,
    ObjectMap,
    SetEntries,
    make_object_map,
)
from cyfs_edge.objects.people import make_people
from cyfs_edge.objects.proof_of_service import ProofOfService, ProofType, make_proof_of_service
from cyfs_edge.objects.tx import Caller, CallerKind, Tx, make_tx
from cyfs_edge.objects.union_account import make_union_account
from tests.vector_count import load

PRIVATE_KEYS = {
    vector["name"].removeprefix("key_"): PrivateKey.decode(bytes.fromhex(vector["hex"]))
    for vector in load("objects.json")["vectors"]
    if vector["kind"] == "keypair"
}
"""Public test keys, by name: rsa1024a, rsa2048a, rsa2048b, secpa."""

# No prime is needed to carry a key around.
_RSA3072 = PublicKey.from_rsa_numbers((1 << 3071) + 1, 65537)

# ---- values ---------------------------------------------------------------------------------------------------------

u8s = st.integers(0, 0xFF)
u16s = st.integers(0, 0xFFFF)
u32s = st.integers(0, 0xFFFF_FFFF)
u64s = st.integers(0, (1 << 64) - 1)
u128s = st.integers(0, (1 << 128) - 1)
i32s = st.integers(-(1 << 31), (1 << 31) - 1)
i64s = st.integers(-(1 << 63), (1 << 63) - 1)
varints = st.one_of(st.integers(0, 20_000), st.integers(0, VARINT_MAX))
times = st.one_of(st.integers(13_000_000_000_000_000, 14_000_000_000_000_000), u64s)
texts = st.text(max_size=24)
blobs = st.binary(max_size=60)
hashes = st.binary(min_size=32, max_size=32)

areas = st.builds(
    Area, st.integers(0, COUNTRY_MAX), st.integers(0, CARRIER_MAX), st.integers(0, CITY_MAX), st.integers(0, 0xFF)
)
object_ids = st.builds(
    make_object_id,
    hashes,
    st.one_of(st.integers(1, 15).filter(lambda code: code != 7), st.integers(17, 0xFFFF)),
    area=st.none() | areas,
    single_key=st.booleans(),
    mn_key=st.booleans(),
    owner=st.booleans(),
)
chunk_ids = st.builds(ChunkId.of_hash, hashes, u32s)
unique_ids = st.builds(UniqueId, st.binary(min_size=16, max_size=16))
object_links = st.builds(ObjectLink, object_ids, st.none() | object_ids)
endpoints = st.builds(
    Endpoint,
    st.sampled_from([EndpointArea.LAN, EndpointArea.DEFAULT, EndpointArea.WAN]),
    st.sampled_from([Protocol.TCP, Protocol.UDP]),
    st.builds(IPv4Address, u32s) | st.builds(IPv6Address, u128s),
    u16s,
)
"""Those that come back as they were written: not mapped WAN."""

public_keys = st.sampled_from([key.public() for key in PRIVATE_KEYS.values()] + [_RSA3072])
mn_public_keys = st.builds(MNPublicKey, u8s, st.lists(public_keys, max_size=4).map(tuple))
public_key_values: st.SearchStrategy[PublicKeyValue] = public_keys | mn_public_keys

signature_sources: st.SearchStrategy[SignatureSource] = st.one_of(
    st.builds(RefIndex, u8s), object_links, public_key_values
)


@st.composite
def signatures(draw: st.DrawFn) -> Signature:
    """Well formed, but made by nobody."""
    source = draw(signature_sources)
    kind = draw(st.sampled_from(SignatureKind))
    key_index = draw(st.integers(0, 63)) if isinstance(source, RefIndex | ObjectLink) else 0
    return Signature(source, key_index, draw(times), kind, draw(st.binary(min_size=kind.size, max_size=kind.size)))


signature_lists = st.none() | st.lists(signatures(), max_size=3).map(tuple)

bucky_errors = st.builds(
    BuckyError,
    st.one_of(
        st.sampled_from(ErrorCode),
        st.integers(META_ERROR_BASE, META_ERROR_END),
        st.integers(DEC_ERROR_BASE, DEC_ERROR_END),
    ),
    texts,
    st.one_of(st.none(), st.builds(ErrorOrigin), st.builds(ErrorOrigin, u32s), st.builds(ErrorOrigin, text=texts)),
)

# ---- objects without a type -----------------------------------------------------------------------------------------

body_parts = st.builds(
    BodyParts,
    blobs,
    times,
    u8s,
    u8s,
    st.none() | hashes,
    st.none() | object_ids,
    st.none() | blobs,
)
typeless_objects = st.builds(
    build_object,
    st.one_of(st.just(16), st.integers(17, 0xFFFF)),
    desc_content=blobs,
    desc_version=u8s,
    desc_format=u8s,
    dec_id=st.none() | object_ids,
    ref_objects=st.none() | st.lists(object_links, max_size=3),
    prev=st.none() | object_ids,
    create_timestamp=st.none() | hashes,
    create_time=st.none() | times,
    expired_time=st.none() | times,
    owner=st.none() | object_ids,
    area=st.none() | areas,
    author=st.none() | object_ids,
    public_key=st.none() | public_key_values,
    body=st.none() | body_parts,
    nonce=st.none() | u128s,
)

# ---- standard objects -----------------------------------------------------------------------------------------------

_maybe_ids = st.none() | object_ids
_maybe_times = st.none() | times
_maybe_texts = st.none() | texts
_id_lists = st.lists(object_ids, max_size=4)

people = st.builds(
    make_people,
    public_keys,
    update_time=times,
    create_time=_maybe_times,
    owner=_maybe_ids,
    area=st.none() | areas,
    ood_list=_id_lists,
    name=_maybe_texts,
    icon=_maybe_ids,
    ood_work_mode=_maybe_texts,
)
devices = st.builds(
    make_device,
    public_keys,
    unique_ids,
    update_time=times,
    category=st.sampled_from(DeviceCategory),
    area=st.none() | areas,
    create_time=_maybe_times,
    owner=_maybe_ids,
    endpoints=st.lists(endpoints, max_size=4),
    sn_list=_id_lists,
    passive_pn_list=_id_lists,
    name=_maybe_texts,
    bdt_version=st.none() | u32s,
)
_members = st.lists(st.builds(GroupMember, id=object_ids, title=texts), max_size=4)
_common_group_bodies = st.builds(
    CommonGroupBody,
    name=_maybe_texts,
    icon=_maybe_texts,
    description=_maybe_texts,
    members=_members.map(tuple),
    ood_list=_id_lists.map(tuple),
    prev_shell_id=_maybe_ids,
    version=u64s,
)
groups = st.one_of(
    st.builds(
        make_simple_group,
        unique_ids,
        _members,
        _common_group_bodies,
        create_time=_maybe_times,
        update_time=times,
        area=st.none() | areas,
    ),
    st.builds(
        make_org,
        unique_ids,
        _maybe_ids,
        _members,
        _common_group_bodies,
        create_time=_maybe_times,
        update_time=times,
        area=st.none() | areas,
    ),
)
app_groups = st.builds(make_app_group, create_time=_maybe_times, update_time=times, owner=_maybe_ids)
actions = st.builds(
    build_object,
    st.just(13),
    dec_id=_maybe_ids,
    ref_objects=st.none() | st.lists(object_links, max_size=3),
    prev=_maybe_ids,
    create_timestamp=st.none() | hashes,
    create_time=_maybe_times,
    expired_time=_maybe_times,
    owner=_maybe_ids,
    body=st.none()
    | st.builds(BodyParts, update_time=times, prev_version=st.none() | hashes, user_data=st.none() | blobs),
    nonce=st.none() | u128s,
)
union_accounts = st.builds(make_union_account, object_ids, object_ids, u8s, create_time=_maybe_times, update_time=times)
_chunk_lists = st.lists(chunk_ids, max_size=4)
files = st.one_of(
    st.builds(
        make_file,
        _maybe_ids,
        u64s,
        hashes,
        _chunk_lists,
        update_time=times,
        create_time=_maybe_times,
        author=_maybe_ids,
        dec_id=_maybe_ids,
    ),
    st.builds(make_bundle, _maybe_ids, _chunk_lists, update_time=times, create_time=_maybe_times),
    st.builds(make_file_in_file, _maybe_ids, u64s, hashes, object_ids, update_time=times, create_time=_maybe_times),
)
_plain_object_ids = object_ids.filter(lambda object_id: not object_id.is_chunk)
dir_entries = st.builds(DirEntry, _plain_object_ids | chunk_ids | st.builds(DirRange, u32s, u32s), u32s)
dir_lists = st.builds(DirList, st.dictionaries(texts, dir_entries, max_size=4), st.none() | chunk_ids)
dir_bodies = st.one_of(
    st.builds(DirBody, st.dictionaries(object_ids, blobs, max_size=3)), st.builds(DirBody, chunk_id=chunk_ids)
)
dirs = st.builds(
    make_dir,
    _maybe_ids,
    dir_lists | chunk_ids,
    update_time=times,
    attributes=u32s,
    create_time=_maybe_times,
    author=_maybe_ids,
    dec_id=_maybe_ids,
    body=st.none() | dir_bodies,
)
diffs = st.builds(make_diff, object_ids, _chunk_lists, create_time=_maybe_times, update_time=times, owner=_maybe_ids)
proofs = st.builds(
    make_proof_of_service,
    st.builds(ProofOfService, st.sampled_from(ProofType), blobs),
    blobs,
    create_time=_maybe_times,
    update_time=times,
    owner=_maybe_ids,
)
callers = st.one_of(
    st.one_of(people, devices, groups, union_accounts).map(lambda obj: Caller.of_desc(obj.desc)),
    st.builds(Caller, st.sampled_from([CallerKind.MINER, CallerKind.ID]), object_ids),
)
txs = st.builds(
    make_tx,
    st.builds(Tx, i64s, callers, u8s, u16s, u32s, blobs),
    blobs,
    create_time=_maybe_times,
    update_time=times,
)
contracts = st.builds(
    make_contract,
    st.builds(Contract, st.sampled_from(ContractType), blobs),
    blobs,
    owner=object_ids,
    create_time=_maybe_times,
    update_time=times,
    author=_maybe_ids,
)
_map_contents: st.SearchStrategy[tuple[MapContentType, object]] = st.one_of(
    st.tuples(st.just(MapContentType.MAP), st.builds(MapEntries, st.dictionaries(texts, object_ids, max_size=5))),
    st.tuples(
        st.just(MapContentType.DIFFMAP),
        st.builds(
            DiffMapEntries,
            st.dictionaries(texts, st.builds(DiffMapItem, _maybe_ids, _maybe_ids, _maybe_ids), max_size=5),
        ),
    ),
    st.tuples(st.just(MapContentType.SET), st.builds(SetEntries, st.frozensets(object_ids, max_size=5))),
    st.tuples(
        st.just(MapContentType.DIFFSET),
        st.builds(DiffSetEntries, st.frozensets(st.builds(DiffSetItem, _maybe_ids, _maybe_ids), max_size=5)),
    ),
    st.tuples(st.sampled_from(MapContentType), st.builds(HubEntries, st.dictionaries(u16s, object_ids, max_size=5))),
)
object_map_contents = st.builds(
    lambda map_class, total, size, depth, content: ObjectMap(map_class, total, size, depth, *content),
    st.sampled_from(MapClass),
    u64s,
    u64s,
    u8s,
    _map_contents,
)
object_maps = st.builds(
    make_object_map, object_map_contents, owner=_maybe_ids, dec_id=_maybe_ids, update_time=_maybe_times
)

STANDARD_OBJECTS: dict[str, st.SearchStrategy[NamedObject]] = {
    "people": people,
    "device": devices,
    "group": groups,
    "app_group": app_groups,
    "union_account": union_accounts,
    "file": files,
    "dir": dirs,
    "diff": diffs,
    "proof_of_service": proofs,
    "tx": txs,
    "action": actions,
    "object_map": object_maps,
    "contract": contracts,
}
standard_objects = st.one_of(*STANDARD_OBJECTS.values())
named_objects = standard_objects | typeless_objects


def signed(objects: st.SearchStrategy[NamedObject]) -> st.SearchStrategy[NamedObject]:
    """The same objects with any lists of signatures."""
    return st.builds(
        lambda obj, desc_signs, body_signs: obj.with_parts(desc_signs=desc_signs, body_signs=body_signs),
        objects,
        signature_lists,
        signature_lists,
    )
