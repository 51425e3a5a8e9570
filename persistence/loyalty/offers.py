"""What points can be exchanged for."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from persistence.database import Connection, param, statement
from persistence.loyalty.tables import PointsOffer

MOST_OFFERS = 500
_now = param("now", sa.DateTime(timezone=True))
_runs = sa.and_(
    sa.or_(col(PointsOffer.valid_from).is_(None), col(PointsOffer.valid_from) <= _now),
    sa.or_(col(PointsOffer.valid_until).is_(None), col(PointsOffer.valid_until) > _now),
)
_channel = param("channel", sa.Text)
_RUNNING = statement(
    select(PointsOffer)
    .where(
        _runs,
        sa.or_(
            sa.func.cardinality(col(PointsOffer.channels)) == 0,
            _channel == sa.any_(col(PointsOffer.channels)),
        ),
    )
    .order_by(col(PointsOffer.points), col(PointsOffer.code))
    .limit(MOST_OFFERS)
)
_ONE = statement(select(PointsOffer).where(col(PointsOffer.code) == param("code"), _runs))
_TERMS = ("names", "points", "campaign", "channels", "valid_from", "valid_until", "recorded_by")
_row = insert(PointsOffer).values({name: param(name) for name in ("code", *_TERMS)})
_SET = statement(
    _row.on_conflict_do_update(
        index_elements=["code"],
        set_={name: _row.excluded[name] for name in _TERMS} | {"recorded_at": sa.func.clock_timestamp()},
    )
)


async def running(db: Connection, channel: str, now: datetime) -> list[PointsOffer]:
    """What points can be exchanged for in a channel at a moment, the cheapest first."""
    return await _RUNNING.all(db, channel=channel, now=now)


async def offer(db: Connection, code: str, now: datetime) -> PointsOffer | None:
    """The offer under a code, if it runs at a moment."""
    return await _ONE.one_or_none(db, code=code, now=now)


async def set_offer(db: Connection, **values: object) -> None:
    """Makes or replaces an offer by its code."""
    await _SET.run(db, **values)
