"""The client for DecApps (docs/sdk.md)."""

from cyfs_edge.base.access import Permission
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import NULL_ID, ChunkId, ObjectId
from cyfs_edge.objects.core.dec_app import dec_id
from cyfs_edge.objects.core.text_storage import STORAGE, TEXT, make_storage, make_text
from cyfs_edge.objects.envelope import NamedObject, decode_object
from cyfs_edge.objects.object_map import MapContentType
from cyfs_edge.sdk.global_state import Found, GlobalState, Page
from cyfs_edge.sdk.handlers import HandlerCall, permit, respond
from cyfs_edge.sdk.meta import friends
from cyfs_edge.sdk.ndn import DataReply, FileInfo
from cyfs_edge.sdk.op_env import IsolateEnv, PathEnv, SingleEnv
from cyfs_edge.sdk.stack import CyfsStack
from cyfs_edge.sdk.storage import StateStorage
from cyfs_edge.sdk.util import ZoneInfo, bucky_now
from cyfs_edge.wire.handler import Action, Answer, Category, Chain
from cyfs_edge.wire.requests import CryptoFlag, NdnLevel, NonLevel, QueryKind, Referer, SignType, VerifyType
from cyfs_edge.wire.rmeta import AskHandler, Specified
from cyfs_edge.wire.router_event import EventAnswer, EventCategory
from cyfs_edge.wire.source import Source, ZoneCategory
from cyfs_edge.wire.state import RootType, StateAccess
from cyfs_edge.wire.state_reply import MapInfo, MapItem, RootInfo

__all__ = [
    "CyfsStack",
    "CyfsError",
    "ErrorCode",
    "ObjectId",
    "ChunkId",
    "NamedObject",
    "decode_object",
    "NULL_ID",
    "TEXT",
    "STORAGE",
    "dec_id",
    "make_text",
    "make_storage",
    "bucky_now",
    "NonLevel",
    "NdnLevel",
    "DataReply",
    "FileInfo",
    "QueryKind",
    "Referer",
    "CryptoFlag",
    "SignType",
    "VerifyType",
    "ZoneInfo",
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
    "Permission",
    "Specified",
    "AskHandler",
    "ZoneCategory",
    "Source",
    "friends",
    "Chain",
    "Category",
    "Action",
    "Answer",
    "HandlerCall",
    "respond",
    "permit",
    "EventCategory",
    "EventAnswer",
]
