"""What was paid before: a variant's prices over a span of time, and the lowest of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import cast

import strawberry

from domain.access import PRICE_READERS
from domain.pricing import comparison
from domain.pricing.history import segments
from domain.pricing.kinds import PriceKind
from domain.pricing.records import starts_at
from domain.pricing.selection import select
from domain.pricing.version import microseconds
from domain.refusals import RequestCode, RequestError, Text
from persistence.paging import Place as Cursors
from persistence.paging import moment
from resolvers.context import Context
from resolvers.loaders import MOST_RECORDS, HistoryKey, PricesKey, SpanKey
from resolvers.places import Resolved
from resolvers.scalars import BigInt
from resolvers.shapes import Money, PageInfo, page_size, shape

SHOWN_DAYS = 31
LONGEST_DAYS = 1100
LOWEST_OF_DAYS = (7, 30)
_USUAL = timedelta(days=30)
_FOR_ONE = 1
_CURSORS = Cursors(["price history"], [moment])


@shape(PRICE_READERS, description="A stretch of time in all of which one price was paid.")
class PricePeriod:
    amount: Money
    kind: PriceKind
    source: str
    version: BigInt = strawberry.field(description="the price's version when the period began")
    from_: datetime = strawberry.field(
        name="from", description="where the price began to be paid, or the span that was asked for begins"
    )
    until: datetime | None = strawberry.field(
        description="exclusive; null: still paid where the span that was asked for ends"
    )


@shape(PRICE_READERS)
class PricePeriodEdge:
    cursor: str
    node: PricePeriod


@shape(
    PRICE_READERS,
    description="The latest period first; times at which the variant was not for sale are left out.",
)
class PriceHistory:
    edges: list[PricePeriodEdge]
    nodes: list[PricePeriod]
    page_info: PageInfo


@shape(PRICE_READERS, description="What a price may lawfully be compared with.")
class LowestPrice:
    amount: Money
    from_: datetime = strawberry.field(name="from", description="where the days begin that were looked at")
    until: datetime = strawberry.field(
        description="where they end: when the offer that is paid began, without one the moment asked for"
    )


async def history_of(
    context: Context,
    asked: Resolved,
    sku: str,
    *,
    first: int,
    after: str | None,
    since: datetime | None,
    until: datetime | None,
) -> PriceHistory:
    """What one piece cost in a resolved context, a page at a time.

    Raises BAD_USER_INPUT for a span that is too long or has too many records, FORBIDDEN for days that are for
    staff only.
    """
    first = page_size(first)
    ends = until or asked.at
    since = since or ends - _USUAL
    _must_be_shown(context, since, ends)
    if after is not None:
        (mark,) = _CURSORS.values(after)
        ends = min(ends, cast("datetime", mark))
    place = asked.place._replace(at=since, now=False)
    prices = await context.loaders.price_spans.load(SpanKey(place, sku, ends))
    records = () if prices is None else prices.records
    if len(records) == MOST_RECORDS:
        raise RequestError.bad_input(
            en=f"That span has {MOST_RECORDS} price records and more; ask for a shorter one.",
            zh=f"该时段的价格记录达到或超过 {MOST_RECORDS} 条，请缩短时段。",
        )
    found = segments(records, asked.priced(since, _FOR_ONE), since, ends)
    edges = []
    for begins, ended, winner in found[: -first - 1 : -1]:
        # Where a price changes the version does; only the first may have begun before the span.
        changed_at = begins if begins > since or prices is None else prices.changed_at
        period = PricePeriod(
            amount=Money.of(winner.amount_minor, winner.currency_code),
            kind=winner.kind,
            source=winner.source,
            version=BigInt(microseconds(changed_at or winner.recorded_at)),
            from_=begins,
            until=None if ended == ends and after is None else ended,
        )
        edges.append(PricePeriodEdge(cursor=_CURSORS.cursor([begins]), node=period))
    return PriceHistory(
        edges=edges,
        nodes=[edge.node for edge in edges],
        page_info=PageInfo(
            has_next_page=len(found) > first,
            has_previous_page=after is not None,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
    )


def _must_be_shown(context: Context, since: datetime, until: datetime) -> None:
    if until - since > timedelta(days=LONGEST_DAYS):
        raise RequestError.bad_input(
            en=f"A price history spans at most {LONGEST_DAYS} days.",
            zh=f"价格历史至多跨 {LONGEST_DAYS} 天。",
        )
    if since < context.now - timedelta(days=SHOWN_DAYS) and not context.viewer.is_staff:
        raise RequestError(
            RequestCode.FORBIDDEN,
            Text(
                en=f"Prices of more than {SHOWN_DAYS} days ago are for staff.",
                zh=f"{SHOWN_DAYS} 天以前的价格仅供员工查询。",
            ),
        )


async def lowest_of(context: Context, asked: Resolved, sku: str, days: int) -> LowestPrice | None:
    """The lowest price in a resolved context over the days before the offer that is paid began.

    Without an offer: over the last days. None when the variant is not, or was not, for sale there.
    """
    if days not in LOWEST_OF_DAYS:
        raise RequestError.bad_input(
            en=f"days is 7 or 30, not {days}.", zh=f"days 须为 7 或 30，而不是 {days}。"
        )
    now = await context.loaders.prices.load(PricesKey(asked.place, sku))
    if now is None:
        return None
    priced = asked.priced(now.at, _FOR_ONE)
    selected = select(now.records, priced)
    if selected is None:
        return None
    # More than the days that count: an offer may continue others that began a while before it.
    since = min(starts_at(selected.winner), now.at) - timedelta(days=days) - comparison.LONGEST_CONTINUED
    history = await context.loaders.price_history.load(HistoryKey(asked.place, sku, since))
    if history is None:
        return None
    until = comparison.compared_until(history.records, priced, selected)
    begins = until - timedelta(days=days)
    minor = comparison.lowest_in_force(history.records, priced, begins, until)
    if minor is None:
        return None
    return LowestPrice(amount=Money.of(minor, priced.currency_code), from_=begins, until=until)
