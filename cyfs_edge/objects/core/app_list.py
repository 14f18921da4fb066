"""The apps of an owner: AppStatus, AppList, AppStoreList, AppExtInfo (docs/protocol/core-objects.md §3.5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from cyfs_edge.base.ids import ObjectId
from cyfs_edge.base.proto import ID, STRING, UINT32, Message, pb
from cyfs_edge.objects.content import ContentFormat, DescFlag, Json
from cyfs_edge.objects.core.json_view import show_object
from cyfs_edge.objects.core.kinds import object_of_type
from cyfs_edge.objects.core.types import NoContent, core_type
from cyfs_edge.objects.envelope import NamedObject

CATEGORY_APP: Final = "app"
CATEGORY_SERVICE: Final = "service"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppStatusDesc(Message):
    """``id``: a dec id."""

    id: ObjectId = pb(1, ID)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppStatusBody(Message):
    """``status``: 1 on, 0 off."""

    version: str = pb(1, STRING)
    status: int = pb(2, UINT32)


APP_STATUS: Final = core_type(401, "AppStatus", AppStatusDesc, AppStatusBody, sub_desc=DescFlag.OWNER)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppListDesc(Message):
    """``category``: ``app`` or ``service``."""

    id: str = pb(1, STRING)
    category: str = pb(2, STRING)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppListItem(Message):
    app_id: ObjectId = pb(1, ID)
    app_status: NamedObject = pb(2, object_of_type(401, "AppStatus"))


@dataclass(frozen=True, slots=True, kw_only=True)
class AppListBody(Message):
    """``source``: written sorted by app id; an app may occur twice, the last one counts."""

    source: tuple[AppListItem, ...] = pb(1, AppListItem, repeated=True)

    @property
    def app_list(self) -> dict[ObjectId, NamedObject]:
        """Dec id → its AppStatus."""
        return {item.app_id: item.app_status for item in self.source}


def app_list_body_json(body: AppListBody) -> Json:
    return {str(app_id): show_object(status) for app_id, status in body.app_list.items()}


APP_LIST: Final = core_type(
    402, "AppList", AppListDesc, AppListBody, sub_desc=DescFlag.OWNER, body_json=app_list_body_json
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppStoreListBody(Message):
    app_store_list: tuple[ObjectId, ...] = pb(1, ID, repeated=True)


APP_STORE_LIST: Final = core_type(
    405,
    "AppStoreList",
    NoContent,
    AppStoreListBody,
    sub_desc=DescFlag.OWNER,
    desc_format=ContentFormat.RAW,
    desc_json=None,
    body_json=None,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppExtInfoDesc(Message):
    """``id``: the name of the app, whose owner is this object's owner."""

    id: str = pb(1, STRING)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppExtInfoBody(Message):
    """``info``: JSON text."""

    info: str = pb(1, STRING)


APP_EXT_INFO: Final = core_type(
    406, "AppExtInfo", AppExtInfoDesc, AppExtInfoBody, sub_desc=DescFlag.OWNER, desc_json=None, body_json=None
)

CODECS: Final = {401: APP_STATUS, 405: APP_STORE_LIST, 406: APP_EXT_INFO}


def make_app_status(owner: ObjectId, app_id: ObjectId, version: str, on: bool, *, update_time: int) -> NamedObject:
    """``update_time``: bucky µs, here and below."""
    body = AppStatusBody(version=version, status=int(on))
    return APP_STATUS.build(AppStatusDesc(id=app_id), body, update_time=update_time, owner=owner)


def app_list_body(statuses: Iterable[NamedObject]) -> AppListBody:
    """The body that lists these AppStatus objects; of several for one app the last one counts."""
    apps = {APP_STATUS.decode(status).desc.id: status for status in statuses}
    return AppListBody(source=tuple(AppListItem(app_id=app_id, app_status=apps[app_id]) for app_id in sorted(apps)))


def make_app_list(
    owner: ObjectId, id: str, category: str, statuses: Iterable[NamedObject] = (), *, update_time: int
) -> NamedObject:
    """``statuses``: AppStatus objects."""
    desc = AppListDesc(id=id, category=category)
    return APP_LIST.build(desc, app_list_body(statuses), update_time=update_time, owner=owner)


def make_app_store_list(owner: ObjectId, app_store_list: Sequence[ObjectId], *, update_time: int) -> NamedObject:
    body = AppStoreListBody(app_store_list=tuple(app_store_list))
    return APP_STORE_LIST.build(NoContent(), body, update_time=update_time, owner=owner)


def make_app_ext_info(owner: ObjectId, app_name: str, info: str, *, update_time: int) -> NamedObject:
    """``owner``: of the app. ``info``: JSON text."""
    body = AppExtInfoBody(info=info)
    return APP_EXT_INFO.build(AppExtInfoDesc(id=app_name), body, update_time=update_time, owner=owner)
