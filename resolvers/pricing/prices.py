"""Prices in the graph: one price out, why it is that one, and setting and ending them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

import strawberry

from domain.access import PRICE_READERS, PRICE_WRITERS
from domain.catalog.content import ContentUnit
from domain.locales import translated
from domain.money import Money as Amount
from domain.pricing import comparison, schedule, selection, unit_price
from domain.pricing.held import Held, held_down
from domain.pricing.kinds import PriceKind
from domain.pricing.records import PriceContext, starts_at
from domain.pricing.trace import held_for_labels, trace
from domain.pricing.version import microseconds
from domain.promotions.offer_texts import OfferKind, in_order, understood
from persistence.pricing.reads import PricesOfSku, StoredPrice
from persistence.pricing.tables import OfferText as StoredOffer
from persistence.pricing.tables import PriceRecord as StoredRecord
from resolvers.context import Context, Info
from resolvers.fields import field
from resolvers.loaders import MOST_TRACED, HistoryKey, OfferKey, PricesKey
from resolvers.places import Resolved
from resolvers.scalars import BigInt
from resolvers.shapes import FromRow, Money, Node, global_id, shape

TRACE_DAYS = 30
_FOR_ONE = 1


@shape(PRICE_READERS)
class UnitPrice:
    amount: Money
    per: Decimal
    unit: ContentUnit


@shape(PRICE_READERS)
class UpcomingPrice:
    amount: Money
    from_: datetime | None = strawberry.field(name="from")
    waiting_for_labels: int = strawberry.field(
        description="so many labels have to confirm it, or be vouched for, before tills charge it"
    )


@shape(PRICE_READERS)
class PriceRange:
    min: Money
    max: Money


class Content(NamedTuple):
    """What a variant holds, for its unit price."""

    amount: Decimal | None
    unit: ContentUnit | None


class Behind(Protocol):
    """Where a price comes from, for what goes with it; amounts in minor units."""

    async def compare_minor(self, context: Context) -> int | None:
        """The regular price that may be shown beside an offer."""

    def member_minor(self) -> int | None:
        """The best member price."""

    def upcoming(self) -> UpcomingPrice | None:
        """The next price known."""


class Selected(NamedTuple):
    """A price that was selected among the records of its variant."""

    asked: Resolved
    priced: PriceContext
    prices: PricesOfSku
    selected: selection.Selection[StoredPrice]
    held: Held | None = None

    async def compare_minor(self, context: Context) -> int | None:
        """Looked up only where an offer won; none beside a price that labels hold down, which is no offer."""
        winner, regular = self.selected
        if self.held is not None or regular is None or regular is winner:
            return None
        # More than the days that count: the offer may continue others that began a while before it.
        days = timedelta(days=comparison.COMPARISON_DAYS)
        since = starts_at(winner) - days - comparison.LONGEST_CONTINUED
        key = HistoryKey(self.asked.place, winner.sku, since)
        history = await context.loaders.price_history.load(key)
        return None if history is None else comparison.compare_at(history.records, self.priced, self.selected)

    def member_minor(self) -> int | None:
        """Of the tiers that the variant's records name; none that is above what everybody is charged."""
        best = comparison.member_amount(self.prices.records, self.priced)
        return best if best is None or self.held is None or best < self.held.amount_minor else None

    def upcoming(self) -> UpcomingPrice | None:
        """The one that waits for labels, else the next one that is scheduled."""
        if self.held is not None:
            winner = self.selected.winner
            return UpcomingPrice(
                amount=Money.of(winner.amount_minor, winner.currency_code),
                from_=None,
                waiting_for_labels=self.held.labels,
            )
        following = schedule.upcoming(self.prices.records, self.priced)
        if following is None:
            return None
        return UpcomingPrice(
            amount=Money.of(following.amount_minor, self.selected.winner.currency_code),
            from_=following.starts_at,
            waiting_for_labels=0,
        )


@shape(PRICE_READERS, description="What one costs in a context, and what goes with it.")
class Price:
    behind: strawberry.Private[Behind]
    content: strawberry.Private[Content]

    amount: Money = strawberry.field(description="what is paid for one")
    kind: PriceKind
    source: str = strawberry.field(description="code of the price or campaign that won")
    valid_from: datetime | None
    valid_until: datetime | None = strawberry.field(description="validUntil is exclusive")
    version: BigInt = strawberry.field(
        description="rises with time and every change among this variant's prices; in one context equal "
        "versions mean equal prices; web, till and label tell the same number"
    )

    @field(
        description="The regular price when an offer won, and only when it is not above the lowest price in "
        "force here in the 7 days before the offer began."
    )
    async def compare_at(self, info: Info) -> Money | None:
        return self._money(await self.behind.compare_minor(info.context))

    @field(description="Per standard unit (100 g, 100 mL, 1 m, 1 piece), when the net content is known.")
    def unit_price(self) -> UnitPrice | None:
        amount, unit = self.content
        if amount is None or unit is None:
            return None
        paid = Amount(self.amount.minor_units, self.amount.currency_code)
        per = unit_price.unit_price(paid, amount, unit)
        if per is None:
            return None
        return UnitPrice(
            amount=Money.of(per.amount.minor_units, per.amount.currency_code), per=per.per, unit=per.unit
        )

    @field(description="The best member price, shown to those who have none.")
    def member_amount(self) -> Money | None:
        return self._money(self.behind.member_minor())

    @field(
        description="The next price already known here: scheduled, or decided and waiting for shelf labels "
        "to confirm."
    )
    def upcoming(self) -> UpcomingPrice | None:
        return self.behind.upcoming()

    def _money(self, minor: int | None) -> Money | None:
        return None if minor is None else Money.of(minor, self.amount.currency_code)


@shape(PRICE_READERS, description="One record that was considered for a price, and what became of it.")
class PriceCandidate:
    id: strawberry.ID
    kind: PriceKind
    source: str
    amount: Money
    channel: str | None
    store: str | None
    tier: str | None
    campaign: str | None
    min_quantity: int
    valid_from: datetime | None
    valid_until: datetime | None
    won: bool
    reason: str = strawberry.field(
        description="machine-readable: WON, WRONG_CHANNEL, NOT_YET_VALID, LESS_SPECIFIC, HIGHER_PRICE, "
        "HELD_FOR_LABELS …"
    )
    explanation: str = strawberry.field(description="The same in a sentence, in the caller's language.")


@shape(PRICE_READERS)
class PriceTrace:
    at: datetime
    charged: Money | None = strawberry.field(
        description="what is charged: the winner, unless labels hold it down"
    )
    complete: bool = strawberry.field(
        description="false when the variant has more records than a trace judges: of 500 those of the place "
        "come first, then those set last"
    )
    candidates: list[PriceCandidate]


@shape(PRICE_WRITERS, description="A price somebody set: for whom, where and when.")
class PriceRecord(FromRow[StoredRecord], Node):
    tag = "Pr"
    row: strawberry.Private[StoredRecord]
    sku: str
    kind: PriceKind
    channel: str | None
    store: str | None
    tier: str | None
    campaign: str | None
    min_quantity: int
    valid_from: datetime | None
    valid_until: datetime | None
    source: str

    @field()
    def amount(self) -> Money:
        return Money.of(self.row.amount_minor, self.row.currency_code)


strawberry.enum(
    OfferKind,
    description="BUY_FOR: so many for an amount. BUY_SAVE: so many, and an amount less. BUY_PERCENT: so many "
    "at a percentage off. BUY_GET: so many, and so many more at a percentage off, 100 being free.",
)


@shape(PRICE_READERS, description="One thing an offer says.")
class OfferMeaning:
    kind: OfferKind
    quantity: int
    amount: Decimal | None
    percent: Decimal | None
    get: int | None


@shape(PRICE_READERS, description="An offer as a shop words it: for people to read, never computed with.")
class OfferText(FromRow[StoredOffer]):
    row: strawberry.Private[StoredOffer]
    since: date
    until: date | None = strawberry.field(description="exclusive")

    @field(description="In the caller's language.")
    def text(self, info: Info) -> str:
        return translated(self.row.texts, info.context.locale, info.context.house.default_locale)

    @field(
        description="What it says, where that can't be mistaken and all its languages agree, else null; "
        "amounts are in the shop's currency."
    )
    def meanings(self) -> list[OfferMeaning] | None:
        found = understood(self.row.texts.values())
        if found is None:
            return None
        return [OfferMeaning(**asdict(one)) for one in sorted(found, key=in_order)]


async def offer_of(context: Context, asked: Resolved, sku: str) -> OfferText | None:
    """The offer that the context's store words that day, by its own calendar; None without a store."""
    store = None if asked.store is None else await context.house.directory.store(asked.store)
    if store is None:
        return None
    day = asked.at.astimezone(ZoneInfo(store.time_zone)).date()
    row = await context.loaders.offer_text.load(OfferKey(store.code, day, sku))
    return None if row is None else OfferText.of(row)


async def price_of(
    context: Context, asked: Resolved, sku: str, content: Content, quantity: int = _FOR_ONE
) -> Price | None:
    """The price of a variant in a resolved context; None when it is not for sale there."""
    prices = await context.loaders.prices.load(PricesKey(asked.place, sku))
    if prices is None:
        return None
    priced = asked.priced(prices.at, quantity)
    selected = selection.select(prices.records, priced)
    if selected is None:
        return None
    winner = selected.winner
    held = held_down(winner.amount_minor, prices.in_view, asked.tier)
    # A record that won has been recorded, so its variant's prices have changed at least then.
    changed_at = prices.changed_at or winner.recorded_at
    return Price(
        behind=Selected(asked, priced, prices, selected, held),
        content=content,
        amount=Money.of(winner.amount_minor if held is None else held.amount_minor, winner.currency_code),
        kind=winner.kind,
        source=winner.source,
        valid_from=winner.valid_from,
        valid_until=winner.valid_until,
        version=BigInt(microseconds(changed_at) if held is None else held.version),
    )


async def trace_of(context: Context, asked: Resolved, sku: str, quantity: int = _FOR_ONE) -> PriceTrace:
    """The records of a variant that are, will be or lately were valid, judged for a resolved context.

    A campaign's code unlocks its price: only staff are shown the records of campaigns they did not name.
    Nobody is shown those of a channel that is not there for them.
    """
    place = asked.place
    key = HistoryKey(place, sku, place.at - timedelta(days=TRACE_DAYS))
    prices = await context.loaders.price_traces.load(key)
    if prices is None:
        return PriceTrace(at=asked.at, charged=None, complete=True, candidates=[])
    charged: Money | None = None
    judged = trace(prices.records[:MOST_TRACED], asked.priced(prices.at, quantity))
    if place.at_till and judged and judged[0].won:
        here = await context.loaders.prices.load(PricesKey(place, sku))
        winner = judged[0].row
        held = held_down(winner.amount_minor, () if here is None else here.in_view, asked.tier)
        if held is not None:
            charged = Money.of(held.amount_minor, winner.currency_code)
            judged[0] = held_for_labels(judged[0], charged.amount, held.labels)
    locale, sees_campaigns = context.locale, context.viewer.is_staff
    candidates = [
        PriceCandidate(
            id=global_id(PriceRecord.tag, row.id),
            kind=row.kind,
            source=row.source,
            amount=Money.of(row.amount_minor, row.currency_code),
            channel=row.channel,
            store=row.store,
            tier=row.tier,
            campaign=row.campaign,
            min_quantity=row.min_quantity,
            valid_from=row.valid_from,
            valid_until=row.valid_until,
            won=won,
            reason=reason.value,
            explanation=explanation.in_language(locale),
        )
        for row, won, reason, explanation in judged
        if (sees_campaigns or row.campaign is None or row.campaign == asked.campaign)
        and (row.channel is None or context.viewer.trades_in(row.channel))
    ]
    if charged is None and candidates and candidates[0].won:
        charged = candidates[0].amount
    return PriceTrace(
        at=prices.at,
        charged=charged,
        complete=len(prices.records) <= MOST_TRACED,
        candidates=candidates,
    )
