"""The client for DecApps (docs/sdk.md)."""

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.objects.core.dec_app import dec_id
from cyfs_edge.objects.envelope import NamedObject, decode_object
from cyfs_edge.objects.object_map import MapContentType
from cyfs_edge.sdk.global_state import Found, GlobalState, Page
from cyfs_edge.sdk.handlers import HandlerAnswer, HandlerCall
from cyfs_edge.sdk.meta import friends
from cyfs_edge.sdk.op_env import IsolateEnv, MapInfo, MapItem, PathEnv, RootInfo, SingleEnv
from cyfs_edge.sdk.stack import CyfsStack
from cyfs_edge.sdk.storage import StateStorage
from cyfs_edge.wire.handler import Action, Category, Chain
from cyfs_edge.wire.requests import CryptoFlag, NdnLevel, NonLevel, QueryKind, Referer, SignType, VerifyType
from cyfs_edge.wire.rmeta import Specified
from cyfs_edge.wire.router_event import EventAnswer, EventCategory
from cyfs_edge.wire.source import ZoneCategory
from cyfs_edge.wire.state import RootType, StateAccess

__all__ = [
    "CyfsStack",
    "CyfsError",
    "ErrorCode",
    "ObjectId",
    "ChunkId",
    "NamedObject",
    "decode_object",
    "dec_id",
    "NonLevel",
    "NdnLevel",
    "QueryKind",
    "Referer",
    "CryptoFlag",
    "SignType",
    "VerifyType",
    "GlobalState",
    "RootType",
    "RootInfo",
    "StateAccess",
    "MapContentType",
    "MapItem",
    "MapInfo",
    "Found",
    "Page",
    "PathEnv",
    "SingleEnv",
    "IsolateEnv",
    "StateStorage",
    "Specified",
    "ZoneCategory",
    "friends",
    "Chain",
    "Category",
    "Action",
    "HandlerCall",
    "HandlerAnswer",
    "EventCategory",
    "EventAnswer",
]
