"""Work for gateways: what is handed over, recorded before it leaves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from domain.shelf import MOST_TRIES, LabelCommandKind
from persistence.database import Connection, given, param, statement, texts
from persistence.labels.binding import lock_labels
from persistence.labels.registry import devices_by_code
from persistence.labels.tables import Device, Label, LabelCommand, LabelFace

_MOMENT = sa.DateTime(timezone=True)
RECEIPT_WITHIN = timedelta(seconds=60)
"""A gateway that has not said RECEIVED by then is handed a face again."""
SHOWN_WITHIN = timedelta(minutes=30)
"""A face that was received and not shown by then is handed over again, which counts as a failed try."""
_OUTGOING: Any = [sa.literal_column("'PENDING'"), sa.literal_column("'SENT'")]
_now = param("now", _MOMENT)


class Handed(NamedTuple):
    """A face that is now in a gateway's hands, with its label and the label's device."""

    face: LabelFace
    label: Label
    device: Device


class Due(NamedTuple):
    """A face that is to be handed over."""

    label: str
    version: int


_DUE = statement(
    sa.select(col(LabelFace.label), col(LabelFace.version))
    .where(
        col(LabelFace.gateway) == param("gateway"),
        col(LabelFace.state).in_(_OUTGOING),
        col(LabelFace.due_at) <= _now,
    )
    .order_by(col(LabelFace.priority), col(LabelFace.due_at), col(LabelFace.label))
    .limit(param("limit", sa.Integer)),
    Due,
)
_due = given("due", label=sa.Text, version=sa.BigInteger)
_is_due = sa.and_(
    col(LabelFace.label) == _due.c.label,
    col(LabelFace.version) == _due.c.version,
    col(LabelFace.state).in_(_OUTGOING),
    col(LabelFace.due_at) <= _now,
)
_was_sent = col(LabelFace.state) == sa.literal_column("'SENT'")
_is_worn_out = sa.and_(_was_sent, col(LabelFace.tries) + 1 >= sa.literal_column(str(MOST_TRIES)))
# Where tills are held down: only a label that confirmed a face since it was bound can be showing another one,
# and one that turns to a face at a moment cannot show it before.
_HAND_OVER = statement(
    sa.update(LabelFace)
    .where(_is_due, col(Label.code) == col(LabelFace.label))
    .values(
        state=sa.case((_is_worn_out, sa.literal_column("'FAILED'")), else_=col(LabelFace.state)),
        tries=col(LabelFace.tries)
        + sa.case((_was_sent, sa.literal_column("1")), else_=sa.literal_column("0")),
        due_at=_now + RECEIPT_WITHIN,
        handed_at=sa.func.coalesce(col(LabelFace.handed_at), _now),
        in_view_since=sa.case(
            (
                col(Label.reported).is_not(None),
                sa.func.coalesce(col(LabelFace.in_view_since), sa.func.greatest(_now, LabelFace.display_at)),
            ),
            else_=col(LabelFace.in_view_since),
        ),
    )
    .returning(*(col(getattr(LabelFace, name)) for name in LabelFace.model_fields)),
    LabelFace,
)


async def hand_over(db: Connection, gateway: str, *, limit: int, now: datetime) -> tuple[list[Handed], bool]:
    """The most pressing faces for a gateway, recorded as handed over, and whether those were all.

    The transaction must hold the gateway's epoch; what is told must be committed first.
    """
    due = await _DUE.all(db, gateway=gateway, now=now, limit=limit)
    if not due:
        return [], True
    codes = sorted({one.label for one in due})
    labels = await lock_labels(db, codes)
    rows = await _HAND_OVER.all(
        db, now=now, label=[one.label for one in due], version=[one.version for one in due]
    )
    devices = await devices_by_code(db, codes)
    handed = [
        Handed(row, labels[row.label], devices[row.label])
        for row in sorted(rows, key=lambda row: (row.priority, row.made_at, row.label))
        if row.state != "FAILED"
    ]
    return handed, len(due) < limit


_AGAIN = statement(
    sa.update(LabelFace)
    .where(
        col(LabelFace.gateway) == param("of_gateway"),
        col(LabelFace.state) == sa.literal_column("'PENDING'"),
        col(LabelFace.due_at) > _now,
    )
    .values(due_at=_now)
)
_ANEW = statement(
    sa.update(LabelFace)
    .where(
        col(LabelFace.gateway) == param("of_gateway"),
        col(LabelFace.state) == sa.literal_column("'SENT'"),
    )
    .values(state=sa.literal_column("'PENDING'"), due_at=_now)
)


async def hand_again(db: Connection, gateway: str, *, now: datetime) -> None:
    """Whatever a gateway has not received is handed over again, at once."""
    await _AGAIN.run(db, of_gateway=gateway, now=now)


async def begin_anew(db: Connection, gateway: str, *, now: datetime) -> None:
    """What another controller received for a gateway counts as not received: it may be gone with it."""
    await _ANEW.run(db, of_gateway=gateway, now=now)


_NEXT_DUE = statement(
    sa.select(sa.func.min(col(LabelFace.due_at))).where(
        col(LabelFace.gateway) == param("gateway"), col(LabelFace.state).in_(_OUTGOING)
    )
)


async def next_due(db: Connection, gateway: str) -> datetime | None:
    """When there will be something to hand over to a gateway by the clock alone."""
    moment: datetime | None = await _NEXT_DUE.value(db, gateway=gateway)
    return moment


_open = given("outstanding", label=sa.Text, version=sa.BigInteger)
_STILL_OPEN = statement(
    sa.select(col(LabelFace.label), col(LabelFace.version))
    .join(
        _open,
        sa.and_(col(LabelFace.label) == _open.c.label, col(LabelFace.version) == _open.c.version),
    )
    .where(col(LabelFace.state) == sa.literal_column("'PENDING'")),
    Due,
)


async def unreceived(db: Connection, handed: Sequence[tuple[str, int]]) -> set[tuple[str, int]]:
    """Of faces that were handed over those that nothing was reported of, and that no newer one replaced."""
    rows = await _STILL_OPEN.all(
        db, label=[label for label, _ in handed], version=[version for _, version in handed]
    )
    return {(row.label, row.version) for row in rows}


# ------------------------------------------------------------------ commands

_COMMAND = statement(
    insert(LabelCommand).values(
        gateway=param("gateway"),
        label=param("label"),
        kind=param("kind"),
        seconds=param("seconds"),
        given_at=_now,
        given_by=param("by"),
        expires_at=param("expires_at", _MOMENT),
    )
)
_waiting = (
    select(LabelCommand.id)
    .where(
        col(LabelCommand.gateway) == param("gateway"),
        col(LabelCommand.handed_at).is_(None),
        col(LabelCommand.expires_at) > _now,
    )
    .order_by(col(LabelCommand.id))
    .limit(sa.literal_column("100"))
    .with_for_update(skip_locked=True)
    .cte("waiting")
)
_HAND_COMMANDS = statement(
    sa.update(LabelCommand)
    .where(col(LabelCommand.id) == _waiting.c.id)
    .values(handed_at=_now)
    .returning(*(col(getattr(LabelCommand, name)) for name in LabelCommand.model_fields)),
    LabelCommand,
)


async def command(
    db: Connection,
    *,
    gateway: str,
    label: str,
    kind: LabelCommandKind,
    seconds: int | None,
    by: str,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Has a label told to do something; forgotten when its gateway does not come for it in time."""
    await _COMMAND.run(
        db,
        gateway=gateway,
        label=label,
        kind=kind.value,
        seconds=seconds,
        by=by,
        now=now,
        expires_at=expires_at,
    )


async def hand_commands(db: Connection, gateway: str, *, now: datetime) -> list[LabelCommand]:
    """The commands that wait for a gateway, recorded as handed over."""
    return sorted(await _HAND_COMMANDS.all(db, gateway=gateway, now=now), key=lambda row: row.id)


_BARE = statement(
    sa.select(col(Label.code)).where(
        col(Label.code) == sa.any_(texts("labels")), col(Label.desired).is_(None)
    )
)


async def bare_labels(db: Connection, labels: Sequence[str]) -> set[str]:
    """Of some labels those that should show nothing."""
    return {row.code for row in await _BARE.all(db, labels=labels)}
