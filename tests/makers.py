"""Rows for tests, written straight into the tables: say what the test is about, the rest is made up.

Every maker takes the connection first and answers the natural key (or the row) of what it made; codes that
are left out are numbered, so that tests sharing a database do not meet.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import SQLModel

from domain.catalog.content import ContentUnit
from domain.channels import ChannelKind, StockPolicy
from domain.members.consents import ConsentPurpose
from domain.orders.states import FulfilmentKind, OrderState
from domain.payments import PaymentState
from domain.pricing.kinds import PriceKind
from domain.stores import StoreService
from persistence.catalog.tables import Attribute, Category, Product, Variant
from persistence.catalog.words import search_words, vector
from persistence.channels import Channel
from persistence.database import Connection, Statement, param, statement
from persistence.inventory.tables import StockAllotment, StockLevel
from persistence.members import writes
from persistence.members.tables import Member, MemberIdentity, Tier
from persistence.orders.tables import SalesOrder
from persistence.pricing.tables import OfferText, PriceRecord, PublicPrice
from persistence.stores import Hours, Store
from persistence.vault import Vault

_numbers = itertools.count(1)
_statements: dict[tuple[str, ...], Statement[UUID]] = {}

ALWAYS_OPEN: list[Hours] = [{"weekday": day, "opens": "00:00", "closes": "24:00"} for day in range(7)]


class MadeProduct(NamedTuple):
    """A product that was made."""

    id: UUID
    handle: str
    skus: list[str]


async def make_tier(db: Connection, code: str | None = None, *, rank: int = 50, active: bool = True) -> str:
    """The code of a new tier; member, silver, gold, platinum and diamond are there already."""
    code = code or f"tier-{next(_numbers)}"
    await _insert(db, Tier, code=code, names={"en": code}, rank=rank, earn_rate=Decimal(1), active=active)
    return code


async def make_member(
    db: Connection, vault: Vault | None = None, *, tier: str = "member", name: str | None = None, **known: str
) -> UUID:
    """The id of a new member; `known` are the subjects by provider, which a vault seals."""
    member_id = uuid4()
    sealed = None if vault is None or name is None else vault.seal(name, member_id.bytes)
    await _insert(db, Member, id=member_id, tier=tier, name=sealed)
    for provider, subject in known.items() if vault is not None else ():
        blind = vault.blind(provider, subject)
        await _insert(
            db,
            MemberIdentity,
            member_id=member_id,
            provider=provider,
            blind=blind,
            subject=vault.seal(subject, blind),
        )
    return member_id


async def make_consent(
    db: Connection, member_id: UUID, *purposes: ConsentPurpose, granted: bool = True
) -> None:
    """Purposes that a member granted, or withdrew."""
    said = [writes.Said(purpose, granted) for purpose in purposes]
    await writes.consent(db, member_id, said, policy_version="2026-01", channel="app", now=datetime.now(UTC))


async def make_channel(
    db: Connection,
    code: str | None = None,
    *,
    kind: ChannelKind = ChannelKind.APP,
    currency: str = "HKD",
    stock_policy: StockPolicy = StockPolicy.SHARED,
    active: bool = True,
) -> str:
    """The code of a new channel."""
    code = code or f"channel-{next(_numbers)}"
    await _insert(
        db,
        Channel,
        code=code,
        names={"en": code.title()},
        kind=kind.value,
        currency_code=currency,
        stock_policy=stock_policy.value,
        active=active,
    )
    return code


async def make_store(
    db: Connection,
    code: str | None = None,
    *,
    till_channel: str | None = None,
    names: Mapping[str, str] | None = None,
    city: str = "Hong Kong",
    at: tuple[float, float] = (22.2819, 114.1582),
    time_zone: str = "Asia/Hong_Kong",
    hours: Sequence[Hours] = ALWAYS_OPEN,
    services: Sequence[StoreService] = (StoreService.PICKUP, StoreService.DELIVERY),
    active: bool = True,
) -> str:
    """The code of a new store at a (latitude, longitude); a till channel is made for it unless given."""
    code = code or f"store-{next(_numbers)}"
    await _insert(
        db,
        Store,
        code=code,
        names=dict(names or {"en": code.title()}),
        addresses={"en": f"1 {code.title()} Road"},
        city=city,
        latitude=at[0],
        longitude=at[1],
        time_zone=time_zone,
        opening_hours=list(hours),
        services=[service.value for service in services],
        till_channel=till_channel or await make_channel(db, kind=ChannelKind.POS),
        active=active,
    )
    return code


async def make_category(
    db: Connection,
    code: str | None = None,
    *,
    above: Sequence[str] = (),
    names: Mapping[str, str] | None = None,
) -> str:
    """The code of a new category; `above` are the codes from the root down to its parent."""
    code = code or f"category-{next(_numbers)}"
    await _insert(
        db,
        Category,
        code=code,
        names=dict(names or {"en": code.title()}),
        parent=above[-1] if above else None,
        path=[*above, code],
    )
    return code


async def make_product(
    db: Connection,
    handle: str | None = None,
    *,
    names: Mapping[str, str] | None = None,
    brands: Mapping[str, str] | None = None,
    descriptions: Mapping[str, str] | None = None,
    category: str | None = None,
    attributes: Mapping[str, str] | None = None,
    skus: Sequence[str] | None = None,
    gtins: Sequence[str | None] = (),
    net_content: Decimal | None = None,
    net_content_unit: ContentUnit | None = None,
    units_sold: int = 0,
    created_at: datetime | None = None,
    updated_at: datetime | None = None,
) -> MadeProduct:
    """A new product with a variant for each sku (one, named after the handle, unless given)."""
    handle = handle or f"product-{next(_numbers)}"
    skus = [handle.upper()] if skus is None else list(skus)
    names = dict(names or {"en": handle.replace("-", " ").title()})
    found_by = search_words(
        names=names, brands=(brands or {}).values(), descriptions=(descriptions or {}).values()
    )
    times = {
        name: at for name, at in (("created_at", created_at), ("updated_at", updated_at)) if at is not None
    }
    made: UUID = await _insert(
        db,
        Product,
        handle=handle,
        names=names,
        brands=dict(brands) if brands else None,
        brand=next(iter(brands.values())) if brands else None,
        descriptions=dict(descriptions) if descriptions else None,
        category=category,
        attributes=_attributes(attributes),
        letters=found_by.letters,
        sort_en=found_by.sort_en,
        sort_zh=found_by.sort_zh,
        units_sold=units_sold,
        words=found_by[:4],
        **times,
    )
    for position, sku in enumerate(skus):
        await _insert(
            db,
            Variant,
            sku=sku,
            product_id=made,
            position=position,
            gtin=gtins[position] if position < len(gtins) else None,
            net_content=net_content,
            net_content_unit=net_content_unit.value if net_content_unit else None,
        )
    return MadeProduct(made, handle, skus)


async def make_price(
    db: Connection, sku: str, minor: int, *, kind: PriceKind = PriceKind.LIST, **more: object
) -> UUID:
    """The id of a price record, recorded now; channel, store, tier, window … as the record has them."""
    number = next(_numbers)
    values = {"source": f"made-{number}", "sequence": number, "recorded_by": "tests"} | more
    return await _insert(
        db, PriceRecord, sku=sku, kind=kind.value, amount_minor=minor, currency_code="HKD", **values
    )


async def make_public_price(
    db: Connection, sku: str, minor: int | None, *, channel: str = "", store: str = ""
) -> None:
    """A row of the price projection; no channel or store means any, no amount "not for sale here"."""
    await _insert(db, PublicPrice, channel=channel, store=store, sku=sku, amount_minor=minor)


async def make_stock(
    db: Connection, store: str, sku: str, on_hand: int, *, reserved: int = 0, safety_stock: int = 0
) -> None:
    """A stock level."""
    await _insert(
        db, StockLevel, store=store, sku=sku, on_hand=on_hand, reserved=reserved, safety_stock=safety_stock
    )


async def make_allotment(db: Connection, channel: str, store: str, sku: str, remaining: int) -> None:
    """What a channel has left of its own; the level is there already."""
    await _insert(db, StockAllotment, channel=channel, store=store, sku=sku, remaining=remaining)
    await db.execute(
        "UPDATE stock_level SET allotted = allotted + $3 WHERE store = $1 AND sku = $2", store, sku, remaining
    )


async def make_offer_text(
    db: Connection, store: str, sku: str, text: str, *, since: date, until: date | None = None
) -> None:
    """An offer in a shop's own words."""
    await _insert(db, OfferText, store=store, sku=sku, texts={"en": text}, since=since, until=until)


async def make_order(
    db: Connection, *, channel: str, store: str | None = None, member: str | None = None, **more: object
) -> UUID:
    """The id of a completed order of 10.00 that was carried out, without lines."""
    values: dict[str, object] = {
        "placed_by": "tests",
        "state": OrderState.COMPLETED.value,
        "payment_state": PaymentState.CAPTURED.value,
        "fulfilment": FulfilmentKind.CARRY_OUT.value,
        "fulfilment_store": store,
        "currency_code": "HKD",
        "items_minor": 1000,
        "discounts_minor": 0,
        "shipping_minor": 0,
        "total_minor": 1000,
    } | more
    return await _insert(db, SalesOrder, channel=channel, store=store, member=member, **values)


def _attributes(values: Mapping[str, str] | None) -> list[Attribute]:
    return [{"name": name, "value": value} for name, value in (values or {}).items()]


async def _insert(db: Connection, table: type[SQLModel], words: Sequence[str] = (), **values: object) -> UUID:
    """The id of the new row, None for tables without one; `words` are the texts a product is found by."""
    found_by = {f"words_{number}": text for number, text in enumerate(words)}
    key = (table.__name__, *values)
    if key not in _statements:
        columns = {name: param(name) for name in values}
        if found_by:
            columns["words"] = vector(*(param(name, sa.Text) for name in found_by))
        clause = insert(table).values(columns)
        has_id = "id" in table.model_fields
        _statements[key] = statement(clause.returning(sa.column("id", sa.Uuid)) if has_id else clause)
    written: UUID = await _statements[key].value(db, **values, **found_by)
    return written
