"""Lists of labels: a store's or a gateway's, all of them or those that somebody has to look at."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from domain.devices import BATTERY_LOW_MILLIVOLTS, LATE_AFTER, LOST_AFTER, DeviceContact
from domain.shelf import FaceState, LabelContent
from persistence import paging
from persistence.database import Connection, Statement, param, statement, texts
from persistence.labels.tables import Device, Label, LabelFace
from persistence.paging import Page, Place, page_of

_MOMENT = sa.DateTime(timezone=True)
_BY_CODE = Place(("label", "code"), (paging.text,))
_now = param("now", _MOMENT)

_desired, _upcoming = aliased(LabelFace), aliased(LabelFace)


def _of_label(face: Any, version: Any) -> Any:
    return sa.and_(col(face.label) == col(Label.code), col(face.version) == version)


IS_IN_SYNC: Any = sa.or_(
    col(Label.desired).is_(None), col(Label.reported).is_not_distinct_from(col(Label.desired))
)
CONTENT: Any = sa.case(
    (
        IS_IN_SYNC,
        sa.case(
            (col(_upcoming.state) == FaceState.STAGED, LabelContent.STAGED.value),
            else_=LabelContent.IN_SYNC.value,
        ),
    ),
    (col(_desired.state) == FaceState.FAILED, LabelContent.FAILED.value),
    (col(_desired.state) == FaceState.PENDING, LabelContent.PENDING.value),
    else_=LabelContent.SENT.value,
)
"""What `domain.shelf.content_of` says, of a row of LABELS."""
CONTACT: Any = sa.case(
    (col(Device.last_seen_at).is_(None), DeviceContact.NEVER_SEEN.value),
    (col(Device.asleep), DeviceContact.ASLEEP.value),
    (col(Device.last_seen_at) <= _now - LOST_AFTER, DeviceContact.LOST.value),
    (
        sa.func.coalesce(Device.next_check_in_at, col(Device.last_seen_at) + LATE_AFTER) < _now,
        DeviceContact.LATE.value,
    ),
    else_=DeviceContact.ONLINE.value,
)
"""What `domain.devices.contact_at` says, of a row of LABELS."""
LABELS: Any = (
    sa.inspect(Label)
    .local_table.join(sa.inspect(Device).local_table, col(Device.code) == col(Label.code))
    .outerjoin(_desired, _of_label(_desired, col(Label.desired)))
    .outerjoin(_upcoming, _of_label(_upcoming, col(Label.upcoming)))
)
"""Labels beside their devices, the faces they should show, and those that come next."""


class Which(NamedTuple):
    """Which labels are asked for; None means whichever."""

    content: Collection[LabelContent] | None = None
    contact: Collection[DeviceContact] | None = None
    stale_for_seconds: int | None = None
    sku: str | None = None
    battery_low: bool | None = None


def _conditions(where: tuple[str, ...]) -> list[Any]:
    found: dict[str, Any] = {
        "store": col(Label.store) == param("store", sa.Text),
        "gateway": col(Label.gateway) == param("gateway", sa.Text),
        "content": sa.any_(texts("content")) == CONTENT,
        "contact": sa.any_(texts("contact")) == CONTACT,
        "stale_for_seconds": sa.and_(
            sa.not_(IS_IN_SYNC),
            col(Label.parted_at)
            <= _now - sa.func.make_interval(0, 0, 0, 0, 0, 0, param("stale_for_seconds", sa.Integer)),
        ),
        "sku": col(Label.sku) == param("sku", sa.Text),
        "battery_low": sa.func.coalesce(col(Device.battery_millivolts) < BATTERY_LOW_MILLIVOLTS, sa.false())
        == param("battery_low", sa.Boolean),
        "after": col(Label.code) > param("after", sa.Text),
    }
    return [found[name] for name in where]


@lru_cache
def _page(where: tuple[str, ...]) -> Statement[Label]:
    return statement(
        sa.select(*(col(getattr(Label, name)) for name in Label.model_fields))
        .select_from(LABELS)
        .where(*_conditions(where))
        .order_by(col(Label.code))
        .limit(param("limit", sa.Integer)),
        Label,
    )


@lru_cache
def _count(where: tuple[str, ...]) -> Statement[int]:
    return statement(sa.select(sa.func.count()).select_from(LABELS).where(*_conditions(where)))


def check(after: str | None) -> None:
    """Raises BAD_USER_INPUT for a cursor that is none of a list of labels."""
    if after is not None:
        _BY_CODE.values(after)


def _values(of: dict[str, str], which: Which, now: datetime) -> dict[str, object]:
    asked = {name: value for name, value in which._asdict().items() if value is not None}
    for name in ("content", "contact"):
        if name in asked:
            asked[name] = [one.value for one in asked[name]]
    return {**of, **asked, "now": now}


async def page(
    db: Connection,
    of: dict[str, str],
    which: Which,
    *,
    first: int,
    after: str | None,
    now: datetime,
) -> Page[Label]:
    """A page of the labels of a store or gateway (`of` names it: {"store": code}), by code."""
    values = _values(of, which, now)
    if after is not None:
        values["after"] = _BY_CODE.values(after)[0]
    names = tuple(name for name in values if name != "now")
    rows = await _page(names).all(db, limit=first + 1, **values)
    return page_of(rows, first, place=_BY_CODE, values=lambda row: (row.code,), began=after is None)


async def count(db: Connection, of: dict[str, str], which: Which, *, now: datetime) -> int:
    """How many labels of a store or gateway are asked for."""
    values = _values(of, which, now)
    names = tuple(name for name in values if name != "now")
    return int(await _count(names).value(db, **values))


_FACES = statement(
    select(LabelFace).where(
        sa.tuple_(col(LabelFace.label), col(LabelFace.version)).in_(
            sa.select(
                *(
                    sa.func.unnest(texts("labels"), param("versions", sa.ARRAY(sa.BigInteger)))
                    .table_valued(sa.column("label", sa.Text), sa.column("version", sa.BigInteger))
                    .render_derived()
                ).c
            )
        )
    )
)


async def faces(db: Connection, keys: Collection[tuple[str, int]]) -> dict[tuple[str, int], LabelFace]:
    """By label and version: the faces that are still kept."""
    asked = list(keys)
    rows = await _FACES.all(db, labels=[key[0] for key in asked], versions=[key[1] for key in asked])
    return {(row.label, row.version): row for row in rows}


_QUEUED = statement(
    sa.select(col(LabelFace.gateway), sa.func.count().label("queued"))
    .where(
        col(LabelFace.gateway) == sa.any_(texts("gateways")),
        col(LabelFace.state).in_([sa.literal_column("'PENDING'"), sa.literal_column("'SENT'")]),
    )
    .group_by(col(LabelFace.gateway))
)


async def queued(db: Connection, gateways: Collection[str]) -> dict[str, int]:
    """By gateway: the faces it has still to be handed or to get onto their labels."""
    return {row.gateway: row.queued for row in await _QUEUED.all(db, gateways=list(gateways))}
