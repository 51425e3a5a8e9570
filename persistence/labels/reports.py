"""What gateways report, taken in many at a time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from persistence.database import Connection, given, param, statement, texts
from persistence.labels.tables import Device, Label, LabelFace, LabelReported, LabelVouched

_MOMENT = sa.DateTime(timezone=True)
_now = param("now", _MOMENT)

_ids = given("ids", report_id=sa.Text)
_HEAR = statement(
    insert(LabelReported)
    .from_select(
        ["gateway", "report_id", "reported_at"],
        sa.select(param("gateway", sa.Text), _ids.c.report_id, _now).order_by(_ids.c.report_id),
    )
    .on_conflict_do_nothing()
    .returning(col(LabelReported.report_id))
)


async def hear(db: Connection, gateway: str, report_ids: Collection[str], now: datetime) -> set[str]:
    """Of a gateway's reports those that were never heard before; they are heard now."""
    rows = await _HEAR.all(db, gateway=gateway, report_id=sorted(set(report_ids)), now=now)
    return {row.report_id for row in rows}


_FACES_SINCE = statement(
    select(LabelFace)
    .join(Label, col(Label.code) == col(LabelFace.label))
    .where(
        col(LabelFace.label) == sa.any_(texts("labels")),
        col(LabelFace.made_at) >= col(Label.bound_at),
        col(LabelFace.version) >= sa.func.coalesce(Label.reported, 0),
    )
)


async def faces_in_question(db: Connection, labels: Sequence[str]) -> dict[tuple[str, int], LabelFace]:
    """By label and version: the face each label last confirmed since it was bound, and all after it."""
    return {(row.label, row.version): row for row in await _FACES_SINCE.all(db, labels=labels)}


class FaceMoved(NamedTuple):
    """How far a version got."""

    label: str
    version: int
    state: str
    tries: int
    due_at: datetime
    confirmed_at: datetime | None


_moved = given(
    "moved",
    label=sa.Text,
    version=sa.BigInteger,
    state=sa.Text,
    tries=sa.Integer,
    due_at=_MOMENT,
    confirmed_at=_MOMENT,
)
_MOVE = statement(
    sa.update(LabelFace)
    .where(col(LabelFace.label) == _moved.c.label, col(LabelFace.version) == _moved.c.version)
    .values(
        state=_moved.c.state,
        tries=_moved.c.tries,
        due_at=_moved.c.due_at,
        # What was reported left us before, whatever became of the process that handed it over.
        handed_at=sa.func.coalesce(col(LabelFace.handed_at), _now),
        confirmed_at=sa.func.coalesce(col(LabelFace.confirmed_at), _moved.c.confirmed_at),
    )
)


async def move(db: Connection, rows: Sequence[FaceMoved], now: datetime) -> None:
    """Notes how far versions got."""
    values = {name: [getattr(row, name) for row in rows] for name in FaceMoved._fields}
    await _MOVE.run(db, now=now, **values)


class Gone(NamedTuple):
    """A face that went out of view."""

    label: str
    sku: str
    amount_minor: int | None
    member_minor: int | None


class Shown(NamedTuple):
    """That a label shows a version, or will from a moment on."""

    label: str
    version: int
    since: datetime
    is_staged: bool


_shown = given("shown", label=sa.Text, version=sa.BigInteger, since=_MOMENT, is_staged=sa.Boolean)
_CONFIRM = statement(
    sa.update(Label)
    .where(col(Label.code) == _shown.c.label)
    .values(
        reported=sa.case((_shown.c.is_staged, col(Label.reported)), else_=_shown.c.version),
        staged=sa.case(
            (_shown.c.is_staged, _shown.c.version),
            (col(Label.staged) > _shown.c.version, col(Label.staged)),
            else_=sa.null(),
        ),
        parted_at=sa.case(
            (_shown.c.is_staged, col(Label.parted_at)),
            (col(Label.desired) == _shown.c.version, sa.null()),
            else_=sa.func.coalesce(col(Label.parted_at), _now),
        ),
    )
)
_is_of_label = col(LabelFace.label) == _shown.c.label
_is_in_doubt = sa.or_(col(LabelFace.in_view_until).is_(None), col(LabelFace.in_view_until) > _shown.c.since)
_OUT_OF_VIEW = statement(
    sa.update(LabelFace)
    .where(
        _is_of_label,
        col(LabelFace.version) < _shown.c.version,
        col(LabelFace.handed_at).is_not(None),
        _is_in_doubt,
    )
    .values(in_view_until=_shown.c.since)
    .returning(*(col(getattr(LabelFace, name)) for name in Gone._fields)),
    Gone,
)
_INTO_VIEW = statement(
    sa.update(LabelFace)
    .where(
        _is_of_label,
        col(LabelFace.version) >= _shown.c.version,
        col(LabelFace.handed_at).is_not(None),
    )
    # One that waits for its moment is in view from then on, however long it has been loaded.
    .values(
        in_view_since=sa.func.coalesce(
            col(LabelFace.in_view_since), sa.func.greatest(_shown.c.since, LabelFace.display_at)
        )
    )
)


async def show(db: Connection, rows: Sequence[Shown], now: datetime) -> list[Gone]:
    """The older faces that went out of view, now that labels confirmed newer ones."""
    values = {name: [getattr(row, name) for row in rows] for name in Shown._fields}
    await _CONFIRM.run(db, now=now, **values)
    columns = {name: values[name] for name in ("label", "version", "since", "is_staged")}
    gone = await _OUT_OF_VIEW.all(db, **columns)
    await _INTO_VIEW.run(db, **columns)
    return gone


class Told(NamedTuple):
    """What a device said of itself; None for what it did not say."""

    code: str
    firmware: str | None = None
    battery_millivolts: int | None = None
    rssi: int | None = None
    lqi: int | None = None
    temperature: float | None = None
    next_check_in_at: datetime | None = None


_told = given(
    "told",
    code=sa.Text,
    firmware=sa.Text,
    battery_millivolts=sa.Integer,
    rssi=sa.Integer,
    lqi=sa.Integer,
    temperature=sa.Double,
    next_check_in_at=_MOMENT,
)
_NOTE = statement(
    sa.update(Device)
    .where(col(Device.code) == _told.c.code, col(Device.gateway) == param("of_gateway", sa.Text))
    .values(
        {
            name: sa.func.coalesce(_told.c[name], col(getattr(Device, name)))
            for name in ("firmware", "battery_millivolts", "rssi", "lqi", "temperature")
        }
        | {"next_check_in_at": _told.c.next_check_in_at, "last_seen_at": _now}
    )
)


async def note(db: Connection, gateway: str, rows: Sequence[Told], now: datetime) -> None:
    """Notes that a gateway heard of devices of its own, and what they said of themselves."""
    await _NOTE.run(
        db,
        of_gateway=gateway,
        now=now,
        **{name: [getattr(row, name) for row in rows] for name in Told._fields},
    )


_VOUCH = statement(
    insert(LabelVouched).values(
        label=param("label"),
        version=param("version"),
        note=param("note"),
        vouched_at=_now,
        vouched_by=param("by"),
    )
)


async def vouch(db: Connection, label: str, version: int, *, note: str, by: str, now: datetime) -> None:
    """Keeps that a person vouched for what a label shows."""
    await _VOUCH.run(db, label=label, version=version, note=note, by=by, now=now)
