"""Type 402, which two types share (docs/protocol/core-objects.md §3.7 and §4.1).

An AppCmdList that holds commands is never a readable AppList: its field 2 is a message with an AppCmd, whose first
bytes ``01 9a`` are not UTF-8. An empty one has no field 2 at all, and no AppList is without category.
"""

from __future__ import annotations

from typing import Final

from cyfs_edge.base.codec import Reader
from cyfs_edge.base.errors import CodecError
from cyfs_edge.objects.content import ContentFormat, DescFlag, Json
from cyfs_edge.objects.core.app_cmd import AppCmdListDesc, cmd_list_json
from cyfs_edge.objects.core.app_list import AppListBody, AppListDesc, app_list_body_json
from cyfs_edge.objects.core.json_view import show
from cyfs_edge.objects.core.types import CoreCodec


def _read_desc(reader: Reader) -> AppListDesc | AppCmdListDesc:
    try:
        desc = AppListDesc.decode(reader.data, reader.pos, reader.end)
    except CodecError:
        return AppCmdListDesc.decode(reader.data, reader.pos, reader.end)
    return desc if desc.category else AppCmdListDesc(id=desc.id)


def _read_body(reader: Reader) -> AppListBody:
    return AppListBody.decode(reader.data, reader.pos, reader.end)


def _desc_json(desc: AppListDesc | AppCmdListDesc) -> Json:
    return show(desc) if isinstance(desc, AppListDesc) else cmd_list_json(desc)


APP_LIST_OR_CMD_LIST: Final[CoreCodec[AppListDesc | AppCmdListDesc, AppListBody]] = CoreCodec(
    "AppList",
    _read_desc,
    _read_body,
    sub_desc=DescFlag.OWNER,
    desc_json=_desc_json,
    body_json=app_list_body_json,
    code=402,
    desc_format=ContentFormat.PROTOBUF,
    body_format=ContentFormat.PROTOBUF,
)

CODECS: Final = {402: APP_LIST_OR_CMD_LIST}
