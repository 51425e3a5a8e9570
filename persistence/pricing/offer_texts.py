"""Offers as the shops word them, for the places and days they hold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa
from sqlmodel import col, select

from persistence.database import Connection, param, statement, texts
from persistence.pricing.tables import OfferText

_ON_A_DAY = statement(
    select(OfferText)
    .where(
        col(OfferText.store) == param("store"),
        col(OfferText.sku) == sa.any_(texts("skus")),
        col(OfferText.since) <= param("day", sa.Date),
        sa.or_(col(OfferText.until).is_(None), col(OfferText.until) > param("day", sa.Date)),
    )
    .order_by(col(OfferText.sku), col(OfferText.since))
)


async def offer_texts(db: Connection, store: str, skus: Sequence[str], day: date) -> dict[str, OfferText]:
    """By sku: the offer a store words for it on a day of its own calendar, the latest begun of several.

    `since` is the first day of an offer, `until` the first day without it.
    """
    return {row.sku: row for row in await _ON_A_DAY.all(db, store=store, skus=skus, day=day)}
