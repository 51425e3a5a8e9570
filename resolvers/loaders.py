"""Loaders: sibling fields ask one by one, the database is asked once.

A batch borrows a connection for its one statement; what was loaded is remembered for the operation only.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from functools import cached_property
from itertools import groupby
from typing import NamedTuple, TypeVar
from uuid import UUID

from aiodataloader import DataLoader

from domain.inventory import Stock
from persistence import carts as carts_db
from persistence import channels as channels_db
from persistence import stores as stores_db
from persistence.attribution import entries as entries_db
from persistence.attribution.entries import Credit
from persistence.carts import Cart
from persistence.catalog import by_key as catalog_db
from persistence.catalog.tables import Category, Product, Variant
from persistence.channels import Channel
from persistence.database import Connection, Database
from persistence.inventory import levels as levels_db
from persistence.inventory import nearest as nearest_db
from persistence.inventory import promises as promises_db
from persistence.inventory.nearest import Wanted
from persistence.inventory.tables import StockLevel
from persistence.labels import binding as binding_db
from persistence.labels import lists as labels_db
from persistence.labels import registry as registry_db
from persistence.labels.tables import Device, Label, LabelFace
from persistence.loyalty import coupons as coupons_db
from persistence.loyalty import ledger
from persistence.loyalty import orders as order_loyalty_db
from persistence.loyalty.ledger import Account
from persistence.loyalty.tables import Coupon, CouponCampaign, OrderLoyalty
from persistence.members import reads as members_db
from persistence.members import tiers as tiers_db
from persistence.members import writes as member_writes
from persistence.members.reads import Dealing
from persistence.members.tables import Member, MemberConsent, MemberIdentity, Tier
from persistence.members.writes import Look
from persistence.orders import reads as orders_db
from persistence.orders.tables import OrderEvent, OrderLine, SalesOrder
from persistence.partners import book as partners_db
from persistence.partners import operations as operations_db
from persistence.partners import webhooks as webhooks_db
from persistence.partners.tables import ApiKey, Partner, PersistedOperation, Webhook
from persistence.payments.tables import Refund
from persistence.pickup import reads as pickup_db
from persistence.pickup.reads import StoredPickup
from persistence.pricing import offer_texts as offers_db
from persistence.pricing import reads as pricing_db
from persistence.pricing.reads import Place, PricesOfSku
from persistence.pricing.tables import OfferText, PriceRecord
from persistence.promotions import reads as promotions_db
from persistence.promotions.tables import Promotion, PromotionBudget
from persistence.stores import Store

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")
GroupT = TypeVar("GroupT")


MOST_RECORDS = 2_000
"""So many records of one variant are folded into a history; more want a shorter span."""


MOST_TRACED = 500
"""So many records of one variant are judged in a trace."""


class PricesKey(NamedTuple):
    """One variant's prices in a place."""

    place: Place
    sku: str


class HistoryKey(NamedTuple):
    """One variant's prices in a place, back to a moment."""

    place: Place
    sku: str
    since: datetime


class SpanKey(NamedTuple):
    """One variant's prices in a place over a span of time, from the place's moment to before another."""

    place: Place
    sku: str
    until: datetime


class StockKey(NamedTuple):
    """One variant's stock in some stores, named in the order of their codes, as a channel sees it."""

    channel: str
    now: datetime
    stores: tuple[str, ...]
    sku: str


class OfferKey(NamedTuple):
    """One variant's worded offer in a store on a day."""

    store: str
    day: date
    sku: str


class Loaders:
    """The loaders of one operation, or of one event of a stream; each is made when first used."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._batches: set[asyncio.Task[object]] = set()

    def abandon(self) -> None:
        """Cancels the batches under way, and with them their statements."""
        for batch in self._batches:
            batch.cancel()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        """A connection for one batch: a task of its own, which outlives its askers unless abandoned."""
        task = asyncio.current_task()
        if task is not None:
            self._batches.add(task)
        try:
            async with self._database.connection() as db:
                yield db
        finally:
            if task is not None:
                self._batches.discard(task)

    def _one(
        self, fetch: Callable[[Connection, Sequence[KeyT]], Awaitable[dict[KeyT, ValueT]]]
    ) -> DataLoader[KeyT, ValueT | None]:
        """A loader over a query that answers a dict by key; absent keys load as None."""

        async def batch(keys: list[KeyT]) -> list[ValueT | None]:
            async with self._connection() as db:
                found = await fetch(db, keys)
            return [found.get(key) for key in keys]

        return DataLoader(batch)

    def _many(
        self, fetch: Callable[[Connection, Sequence[KeyT]], Awaitable[dict[KeyT, list[ValueT]]]]
    ) -> DataLoader[KeyT, list[ValueT]]:
        """A loader over a query that answers lists by key; absent keys load as the empty list."""

        async def batch(keys: list[KeyT]) -> list[list[ValueT]]:
            async with self._connection() as db:
                found = await fetch(db, keys)
            return [found.get(key, []) for key in keys]

        return DataLoader(batch)

    @cached_property
    def prices(self) -> DataLoader[PricesKey, PricesOfSku | None]:
        """The records that are or will be valid in a place; one statement a place."""

        async def batch(keys: list[PricesKey]) -> list[PricesOfSku | None]:
            found: dict[PricesKey, PricesOfSku] = {}
            async with self._connection() as db:
                for place, group in groupby(sorted(keys, key=_by_place), key=lambda key: key.place):
                    skus = [key.sku for key in group]
                    prices = await pricing_db.current_prices(db, skus, place)
                    found.update({PricesKey(place, sku): prices[sku] for sku in prices})
            return [found.get(key) for key in keys]

        return DataLoader(batch)

    @cached_property
    def price_history(self) -> DataLoader[HistoryKey, PricesOfSku | None]:
        """The records of a place back to a moment; one statement a place, as far back as any of them asks."""

        async def batch(keys: list[HistoryKey]) -> list[PricesOfSku | None]:
            found: dict[tuple[Place, str], PricesOfSku] = {}
            async with self._connection() as db:
                for place, group in groupby(sorted(keys, key=_by_place), key=lambda key: key.place):
                    asked = list(group)
                    since = min(key.since for key in asked)
                    skus = list({key.sku for key in asked})
                    prices = await pricing_db.prices_since(db, skus, place, since=since)
                    found.update({(place, sku): prices[sku] for sku in prices})
            return [found.get((key.place, key.sku)) for key in keys]

        return DataLoader(batch)

    @cached_property
    def price_spans(self) -> DataLoader[SpanKey, PricesOfSku | None]:
        """The records of a place over a span, at most `MOST_RECORDS` of a variant; one statement a span."""

        async def batch(keys: list[SpanKey]) -> list[PricesOfSku | None]:
            found: dict[SpanKey, PricesOfSku] = {}
            async with self._connection() as db:
                for (place, until), group in groupby(sorted(keys, key=_by_span), key=lambda key: key[::2]):
                    skus = [key.sku for key in group]
                    prices = await pricing_db.prices_between(db, skus, place, until=until, most=MOST_RECORDS)
                    found.update({SpanKey(place, sku, until): prices[sku] for sku in prices})
            return [found.get(key) for key in keys]

        return DataLoader(batch)

    @cached_property
    def price_traces(self) -> DataLoader[HistoryKey, PricesOfSku | None]:
        """The records of every place back to a moment, one more than `MOST_TRACED` of a variant at most.

        One statement for each place and moment.
        """

        async def batch(keys: list[HistoryKey]) -> list[PricesOfSku | None]:
            found: dict[HistoryKey, PricesOfSku] = {}
            async with self._connection() as db:
                for (place, since), group in groupby(sorted(keys, key=_by_history), key=lambda key: key[::2]):
                    skus = [key.sku for key in group]
                    prices = await pricing_db.prices_everywhere(
                        db, skus, place, since=since, most=MOST_TRACED + 1
                    )
                    found.update({HistoryKey(place, sku, since): prices[sku] for sku in prices})
            return [found.get(key) for key in keys]

        return DataLoader(batch)

    @cached_property
    def offer_text(self) -> DataLoader[OfferKey, OfferText | None]:
        """The offer a store words on a day; one statement for each store and day."""

        async def batch(keys: list[OfferKey]) -> list[OfferText | None]:
            found: dict[OfferKey, OfferText] = {}
            async with self._connection() as db:
                for (store, day), group in groupby(sorted(keys), key=lambda key: (key.store, key.day)):
                    offers = await offers_db.offer_texts(db, store, [key.sku for key in group], day)
                    found.update({OfferKey(store, day, sku): offers[sku] for sku in offers})
            return [found.get(key) for key in keys]

        return DataLoader(batch)

    @cached_property
    def price_records(self) -> DataLoader[UUID, PriceRecord | None]:
        """Price records by id."""
        return self._one(pricing_db.records_by_id)

    @cached_property
    def promotion(self) -> DataLoader[UUID, Promotion | None]:
        """Promotions by id."""
        return self._one(promotions_db.promotions_by_id)

    @cached_property
    def promotion_by_code(self) -> DataLoader[str, Promotion | None]:
        """Promotions by code."""
        return self._one(promotions_db.promotions_by_code)

    @cached_property
    def promotion_budget(self) -> DataLoader[str, PromotionBudget | None]:
        """Budgets by their promotion's code."""
        return self._one(promotions_db.budgets_by_code)

    @cached_property
    def stock(self) -> DataLoader[StockKey, list[Stock]]:
        """A variant's stock in some stores; one statement for each channel and choice of stores."""

        async def batch(keys: list[StockKey]) -> list[list[Stock]]:
            found: dict[StockKey, list[Stock]] = {}
            async with self._connection() as db:
                for (channel, now, stores), group in groupby(sorted(keys), key=lambda key: key[:3]):
                    skus = [key.sku for key in group]
                    stocks = await promises_db.stocks_by_sku(db, skus, stores, channel=channel, now=now)
                    for sku, by_store in stocks.items():
                        found[StockKey(channel, now, stores, sku)] = list(by_store.values())
            return [found.get(key, []) for key in keys]

        return DataLoader(batch)

    @cached_property
    def channel(self) -> DataLoader[str, Channel | None]:
        """Channels by code."""
        return self._one(channels_db.channels_by_code)

    @cached_property
    def channel_by_id(self) -> DataLoader[UUID, Channel | None]:
        """Channels by id."""
        return self._one(channels_db.channels_by_id)

    @cached_property
    def store(self) -> DataLoader[str, Store | None]:
        """Stores by code, closed ones too."""
        return self._one(stores_db.stores_by_code)

    @cached_property
    def store_by_id(self) -> DataLoader[UUID, Store | None]:
        """Stores by id, closed ones too."""
        return self._one(stores_db.stores_by_id)

    @cached_property
    def category(self) -> DataLoader[str, Category | None]:
        """Categories by code."""
        return self._one(catalog_db.categories_by_code)

    @cached_property
    def category_by_id(self) -> DataLoader[UUID, Category | None]:
        """Categories by id."""
        return self._one(catalog_db.categories_by_id)

    @cached_property
    def children_of_category(self) -> DataLoader[str, list[Category]]:
        """Categories by their parent's code."""
        return self._many(catalog_db.categories_by_parent)

    @cached_property
    def product(self) -> DataLoader[UUID, Product | None]:
        """Products by id."""
        return self._one(catalog_db.products_by_id)

    @cached_property
    def product_by_handle(self) -> DataLoader[str, Product | None]:
        """Products by handle."""
        return self._one(catalog_db.products_by_handle)

    @cached_property
    def variant(self) -> DataLoader[UUID, Variant | None]:
        """Variants by id."""
        return self._one(catalog_db.variants_by_id)

    @cached_property
    def variant_by_sku(self) -> DataLoader[str, Variant | None]:
        """Variants by sku."""
        return self._one(catalog_db.variants_by_sku)

    @cached_property
    def variant_by_gtin(self) -> DataLoader[str, Variant | None]:
        """Variants by GTIN."""
        return self._one(catalog_db.variants_by_gtin)

    @cached_property
    def variants_of_product(self) -> DataLoader[UUID, list[Variant]]:
        """Variants by their product's id, in their order."""
        return self._many(catalog_db.variants_by_product)

    @cached_property
    def cart(self) -> DataLoader[UUID, Cart | None]:
        """Carts by id, those over and bought too."""
        return self._one(carts_db.carts_by_id)

    @cached_property
    def order(self) -> DataLoader[UUID, SalesOrder | None]:
        """Orders by id."""
        return self._one(orders_db.orders_by_id)

    @cached_property
    def lines_of_order(self) -> DataLoader[UUID, list[OrderLine]]:
        """An order's lines, in their order."""
        return self._many(orders_db.lines_by_order)

    @cached_property
    def events_of_order(self) -> DataLoader[UUID, list[OrderEvent]]:
        """What happened to an order, in that order."""
        return self._many(orders_db.events_by_order)

    @cached_property
    def refunds_of_order(self) -> DataLoader[UUID, list[Refund]]:
        """An order's refunds, the earliest first."""
        return self._many(orders_db.refunds_by_order)

    @cached_property
    def tier(self) -> DataLoader[str, Tier | None]:
        """Tiers by code, those given up too."""
        return self._one(tiers_db.tiers_by_code)

    @cached_property
    def member(self) -> DataLoader[UUID, Member | None]:
        """Members by id."""
        return self._one(members_db.members_by_id)

    @cached_property
    def identities_of_member(self) -> DataLoader[UUID, list[MemberIdentity]]:
        """A member's identities, in the order they were linked."""
        return self._many(members_db.identities_by_member)

    @cached_property
    def consents_of_member(self) -> DataLoader[UUID, list[MemberConsent]]:
        """What a member last said of each purpose."""
        return self._many(members_db.consents_by_member)

    @cached_property
    def dealing(self) -> DataLoader[Dealing, bool | None]:
        """Whether a store has had to do with a member."""
        return self._one(members_db.dealings)

    @cached_property
    def look(self) -> DataLoader[Look, bool | None]:
        """Writes down that somebody looks at a member, once for each operation."""
        return self._one(member_writes.looked)

    @cached_property
    def pickup(self) -> DataLoader[UUID, StoredPickup | None]:
        """Pickups by id."""
        return self._one(pickup_db.pickups_by_id)

    @cached_property
    def pickup_of_order(self) -> DataLoader[UUID, StoredPickup | None]:
        """An order's pickup, if it is to be collected."""
        return self._one(pickup_db.pickups_by_order)

    @cached_property
    def partner(self) -> DataLoader[UUID, Partner | None]:
        """A partner by its key."""
        return self._one(partners_db.partners_by_id)

    @cached_property
    def partner_by_code(self) -> DataLoader[str, Partner | None]:
        """A partner by its code."""
        return self._one(partners_db.partners_by_code)

    @cached_property
    def keys_of_partner(self) -> DataLoader[str, list[ApiKey]]:
        """The API keys of a partner by its code, the newest first."""
        return self._many(partners_db.keys_of_partners)

    @cached_property
    def webhook(self) -> DataLoader[UUID, Webhook | None]:
        """A webhook by its key."""
        return self._one(webhooks_db.webhooks_by_id)

    @cached_property
    def webhooks_of_partner(self) -> DataLoader[str, list[Webhook]]:
        """The webhooks of a partner by its code."""
        return self._many(webhooks_db.webhooks_by_partner)

    @cached_property
    def persisted_operation(self) -> DataLoader[UUID, PersistedOperation | None]:
        """A published document by its key."""
        return self._one(operations_db.operations_by_id)

    @cached_property
    def credits_of_order(self) -> DataLoader[UUID, list[Credit]]:
        """To whom an order is credited."""
        return self._many(entries_db.credits_by_order)

    @cached_property
    def points_account(self) -> DataLoader[str, Account | None]:
        """What members' points are made of, by the subject of their tokens."""
        return self._one(ledger.accounts)

    @cached_property
    def loyalty_of_order(self) -> DataLoader[UUID, OrderLoyalty | None]:
        """What orders have to do with loyalty, by their ids."""
        return self._one(order_loyalty_db.of_orders)

    @cached_property
    def coupon(self) -> DataLoader[UUID, Coupon | None]:
        """Coupons by id."""
        return self._one(coupons_db.coupons_by_id)

    @cached_property
    def coupon_campaign(self) -> DataLoader[str, CouponCampaign | None]:
        """Coupon campaigns by code, those that are over too."""
        return self._one(coupons_db.campaigns)

    @cached_property
    def nearest_with_stock(self) -> DataLoader[Wanted, str | None]:
        """The nearest other store that has what is wanted."""
        return self._one(nearest_db.nearest_with_stock)

    @cached_property
    def stock_level(self) -> DataLoader[UUID, StockLevel | None]:
        """Stock levels by id."""
        return self._one(levels_db.levels_by_id)

    @cached_property
    def device(self) -> DataLoader[str, Device | None]:
        """Devices by code, whatever became of them."""
        return self._one(registry_db.devices_by_code)

    @cached_property
    def device_by_id(self) -> DataLoader[UUID, Device | None]:
        """Devices by id, whatever became of them."""
        return self._one(registry_db.devices_by_id)

    @cached_property
    def label(self) -> DataLoader[str, Label | None]:
        """What labels are bound to, by code."""
        return self._one(binding_db.labels_by_code)

    @cached_property
    def label_face(self) -> DataLoader[tuple[str, int], LabelFace | None]:
        """Faces by their label's code and version."""
        return self._one(labels_db.faces)

    @cached_property
    def queue_depth(self) -> DataLoader[str, int | None]:
        """How many faces are on their way, by gateway; None where there are none."""
        return self._one(labels_db.queued)


def _by_place(key: PricesKey | HistoryKey | SpanKey) -> tuple[str, str, datetime, str]:
    place = key.place
    return place.channel, place.store or "", place.at, key.sku


def _by_history(key: HistoryKey) -> tuple[datetime, tuple[str, str, datetime, str]]:
    return key.since, _by_place(key)


def _by_span(key: SpanKey) -> tuple[datetime, tuple[str, str, datetime, str]]:
    return key.until, _by_place(key)
