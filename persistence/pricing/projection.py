"""The projection of public prices, kept by those who change prices and who wake at their boundaries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.pricing.public_prices import project
from persistence.channels import Channel
from persistence.database import Connection, given, statement, texts
from persistence.pricing.reads import prices_in_public
from persistence.pricing.tables import PublicPrice

_ANY = ""
"""How a row says "any channel" or "any store"."""

_CHANNELS = statement(
    sa.select(col(Channel.code), col(Channel.currency_code)).where(col(Channel.active).is_(True))
)
_wanted = given("wanted", channel=sa.Text, store=sa.Text, sku=sa.Text, amount_minor=sa.BigInteger)
_DELETE = statement(
    sa.delete(PublicPrice).where(
        col(PublicPrice.sku) == sa.any_(texts("skus")),
        ~sa.exists().where(
            _wanted.c.channel == col(PublicPrice.channel),
            _wanted.c.store == col(PublicPrice.store),
            _wanted.c.sku == col(PublicPrice.sku),
        ),
    )
)


def _merge() -> Any:
    new = insert(PublicPrice).from_select(
        ["channel", "store", "sku", "amount_minor"],
        # In the order of the key, as everybody writes it, so that two writers never wait for each other.
        sa.select(*_wanted.c).order_by(_wanted.c.channel, _wanted.c.store, _wanted.c.sku),
    )
    return new.on_conflict_do_update(
        index_elements=["channel", "store", "sku"],
        set_={"amount_minor": new.excluded.amount_minor},
        where=col(PublicPrice.amount_minor).is_distinct_from(new.excluded.amount_minor),
    )


_MERGE = statement(_merge())


async def refresh(db: Connection, skus: Sequence[str], at: datetime) -> None:
    """Makes the public prices of these variants what their records say at a moment; equal rows stay.

    The variants must be locked, so that no record comes between what is read and what is written.
    """
    if not skus:
        return
    channels = {row.code: row.currency_code for row in await _CHANNELS.all(db)}
    found = await prices_in_public(db, skus, at=at)
    rows = [
        (channel or _ANY, store or _ANY, sku, amount)
        for sku, prices in found.items()
        for (channel, store), amount in project(prices.records, prices.at, channels).items()
    ]
    columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[], [], [], []]
    wanted = dict(zip(("channel", "store", "sku", "amount_minor"), columns, strict=True))
    await _DELETE.run(db, skus=skus, **wanted)
    await _MERGE.run(db, **wanted)
