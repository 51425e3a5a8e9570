"""How far a store's shelf is from the truth, counted where the labels are."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col

from domain.devices import DeviceContact
from domain.shelf import LabelContent
from persistence.database import Connection, param, statement
from persistence.labels.lists import CONTACT, CONTENT, IS_IN_SYNC, LABELS
from persistence.labels.tables import Label, LabelFace
from persistence.pricing.tables import PublicPrice

_MOMENT = sa.DateTime(timezone=True)
_now = param("now", _MOMENT)
_is_lost = DeviceContact.LOST.value == CONTACT
_is_failed = sa.and_(sa.not_(_is_lost), LabelContent.FAILED.value == CONTENT)
_is_pending = sa.and_(
    sa.not_(_is_lost), CONTENT.in_([sa.literal_column("'PENDING'"), sa.literal_column("'SENT'")])
)


class Standing(NamedTuple):
    """A store's bound labels, each counted once."""

    labels: int
    lost: int
    failed: int
    pending: int
    parted_at: datetime | None


def _count(condition: Any) -> Any:
    return sa.func.count().filter(condition)


_STANDING = statement(
    sa.select(
        sa.func.count().label("labels"),
        _count(_is_lost).label("lost"),
        _count(_is_failed).label("failed"),
        _count(_is_pending).label("pending"),
        sa.func.min(col(Label.parted_at)).filter(sa.not_(IS_IN_SYNC)).label("parted_at"),
    )
    .select_from(LABELS)
    .where(col(Label.store) == param("store"), col(Label.sku).is_not(None)),
    Standing,
)


async def standing(db: Connection, store: str, now: datetime) -> Standing:
    """How the bound labels of a store stand; `parted_at`: since when the worst of them is wrong."""
    return await _STANDING.one(db, store=store, now=now)


_in_view, _shown = aliased(LabelFace), aliased(LabelFace)
_may_show = sa.and_(
    col(_in_view.in_view_since) <= _now,
    sa.func.coalesce(_in_view.in_view_until, sa.literal_column("'infinity'::timestamptz")) > _now,
)
_cap = (
    sa.select(
        col(_in_view.store),
        col(_in_view.sku),
        sa.func.min(col(_in_view.amount_minor)).label("amount_minor"),
    )
    .where(
        col(_in_view.store) == param("store", sa.Text), col(_in_view.in_view_since).is_not(None), _may_show
    )
    .group_by(col(_in_view.store), col(_in_view.sku))
    .subquery("cap")
)


def _public(channel: Any, store: Any) -> Any:
    return (
        sa.select(col(PublicPrice.sku), col(PublicPrice.amount_minor))
        .where(
            col(PublicPrice.sku) == col(Label.sku),
            col(PublicPrice.channel).in_([channel, sa.literal_column("''")]),
            col(PublicPrice.store).in_([store, sa.literal_column("''")]),
        )
        # The projection's most specific row counts: store and channel, store, channel, neither.
        .order_by(col(PublicPrice.store).desc(), col(PublicPrice.channel).desc())
        .limit(sa.literal_column("1"))
        .correlate(Label)
        .lateral("public")
    )


class Differing(NamedTuple):
    """A label that shows another price than the till charges; amounts in minor units."""

    code: str
    sku: str
    position: str | None
    shown_minor: int | None
    charged_minor: int


_price = _public(param("channel", sa.Text), param("store", sa.Text))
# PostgreSQL leaves nulls out of LEAST: without a cap the price itself is charged.
_charged = sa.func.least(_price.c.amount_minor, _cap.c.amount_minor)
_DIFFERING = statement(
    sa.select(
        col(Label.code),
        col(Label.sku),
        col(Label.position),
        col(_shown.amount_minor).label("shown_minor"),
        _charged.label("charged_minor"),
    )
    .select_from(
        sa.inspect(Label)
        .local_table.join(_price, sa.true())
        .join(
            _shown,
            sa.and_(col(_shown.label) == col(Label.code), col(_shown.version) == col(Label.reported)),
        )
        .outerjoin(_cap, sa.and_(_cap.c.store == col(Label.store), _cap.c.sku == col(Label.sku)))
    )
    .where(
        col(Label.store) == param("store", sa.Text),
        col(Label.sku).is_not(None),
        _price.c.amount_minor.is_not(None),
        _charged.is_distinct_from(col(_shown.amount_minor)),
    )
    .order_by(col(Label.code)),
    Differing,
)


async def differing(db: Connection, store: str, channel: str, now: datetime) -> list[Differing]:
    """The labels of a store that confirmed another price than its tills charge everybody, by code."""
    return await _DIFFERING.all(db, store=store, channel=channel, now=now)
