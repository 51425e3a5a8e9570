"""`shelfgraph import prices`: a file of prices."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache, partial

from domain.money import exact_minor
from domain.pricing.kinds import PriceKind
from domain.pricing.rules import problems
from persistence.database import Connection
from persistence.imports.files import cells
from persistence.imports.files.csv_file import Row
from persistence.imports.files.layouts import PRICES
from persistence.imports.files.reading import Part, parts_of
from persistence.imports.files.run import Job, Outcome, Steps, run
from persistence.imports.prices import PriceImportRow, merge_prices, problems_of_prices, stage_prices
from persistence.imports.staging import BadRow, Merged, analyse, drop_lines

RECORDED_BY = "import"
_COLUMN_OF = {"currency_code": "currency"}
_moment = lru_cache(maxsize=10_000)(cells.moment)


@dataclass(slots=True)
class _Draft:
    """A price as the rules read it."""

    sku: str
    kind: PriceKind
    amount: Decimal
    currency_code: str
    channel: str | None
    store: str | None
    tier: str | None
    campaign: str | None
    min_quantity: int
    valid_from: datetime | None
    valid_until: datetime | None
    source: str | None


def read_prices(
    rows: Iterable[Row], bad: list[BadRow], *, currency: str, now: datetime
) -> list[PriceImportRow]:
    """The prices that rows of a file are; rows that are none go to `bad`."""
    found = []
    for row in rows:
        before = len(bad)
        draft = _draft(row, currency, bad)
        recorded_at = row.read("recorded_at", _moment, bad)
        if recorded_at is not None and recorded_at > now:
            bad.append(BadRow(row.line, "recorded_at", "A price cannot have been set in the future."))
        if len(bad) > before or draft is None:
            continue
        bad += (
            BadRow(row.line, _COLUMN_OF.get(problem.field, problem.field), problem.text.en)
            for problem in problems(draft, now=None if recorded_at else now)
        )
        minor = exact_minor(draft.amount, draft.currency_code)
        if len(bad) > before or minor is None:
            continue
        found.append(
            PriceImportRow(
                row.line, draft.sku, draft.kind.value, minor, draft.currency_code, draft.channel, draft.store,
                draft.tier, draft.campaign, draft.min_quantity, draft.valid_from, draft.valid_until,
                draft.source, recorded_at,
            )
        )  # fmt: skip
    return found


async def import_prices(db: Connection, job: Job) -> Outcome:
    """What became of a file of prices. Raises BadFile."""

    async def stage(bad: list[BadRow]) -> int:
        await analyse(db, "variant", "price_record", "public_price")
        read = partial(read_prices, currency=job.currency, now=job.now)
        async with aclosing(parts_of(job.path, PRICES, read)) as parts:
            return await stage_prices(db, _told(parts, bad), job.tell)

    async def drop(bad: list[BadRow]) -> list[BadRow]:
        await drop_lines(db, "staged_price", bad)
        return []

    async def merge() -> dict[str, Merged]:
        merged = await merge_prices(db, recorded_by=RECORDED_BY, now=job.now, announce=job.announce)
        return {"prices": merged}

    return await run(db, job, Steps(stage, partial(problems_of_prices, db, RECORDED_BY), drop, merge))


async def _told(
    parts: AsyncIterable[Part[PriceImportRow]], bad: list[BadRow]
) -> AsyncIterator[PriceImportRow]:
    async for part in parts:
        bad += part.bad
        for row in part.made:
            yield row


def _draft(row: Row, currency: str, bad: list[BadRow]) -> _Draft | None:
    before = len(bad)
    sku = row.read("sku", cells.code, bad)
    amount = row.read("amount", cells.decimal, bad)
    store = row.read("store", cells.optional_code, bad)
    kind = row.read("kind", partial(_kind, store=store), bad)
    code = row.read("currency", partial(cells.currency, default=currency), bad)
    channel = row.read("channel", cells.optional_code, bad)
    tier = row.read("tier", cells.optional_code, bad)
    quantity = row.read("min_quantity", _quantity, bad)
    starts, ends = row.read("valid_from", _moment, bad), row.read("valid_until", _moment, bad)
    if len(bad) > before or sku is None or amount is None or kind is None or code is None:
        return None
    campaign, source = row.cells.get("campaign") or None, row.cells.get("source") or None
    return _Draft(
        sku, kind, amount, code, channel, store, tier, campaign, quantity or 1, starts, ends, source
    )


def _kind(text: str, store: str | None) -> PriceKind:
    if not text:
        return PriceKind.LIST if store is None else PriceKind.STORE
    return cells.choice(text, PriceKind)


def _quantity(text: str) -> int:
    return cells.whole(text, least=1) if text else 1
