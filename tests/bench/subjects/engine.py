"""The price engine by itself: one selection, and one trace, over the records of a busy variant."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from domain.pricing.kinds import PriceKind
from domain.pricing.records import PriceContext
from domain.pricing.selection import select
from domain.pricing.trace import trace
from persistence.pricing.reads import StoredPrice
from tests.bench.stage import Stage
from tests.bench.subject import Column, Findings, subject
from tests.bench.timing import each

_NOW = datetime(2026, 11, 22, 9, 18, tzinfo=UTC)
_SELECTION = PriceContext(
    at=_NOW, channel="app", currency_code="HKD", store="store-3", tier="gold", campaign=None, quantity=1
)


def _record(number: int, kind: PriceKind, minor: int, **more: object) -> StoredPrice:
    values: dict[str, object] = {
        "sku": "MILK", "at": _NOW, "changed_at": _NOW, "id": UUID(int=number), "kind": kind,
        "amount_minor": minor, "currency_code": "HKD", "channel": None, "store": None, "tier": None,
        "campaign": None, "min_quantity": 1, "valid_from": None, "valid_until": None,
        "source": f"record-{number}", "sequence": number, "recorded_at": _NOW - timedelta(days=30 - number),
    }  # fmt: skip
    return StoredPrice(**(values | more))  # type: ignore[arg-type]


def busy_variant() -> list[StoredPrice]:
    """20 records of a variant: list prices, ten stores' prices, and offers that fit and that do not."""
    soon, past = _NOW + timedelta(days=2), _NOW - timedelta(days=2)
    return [
        _record(1, PriceKind.LIST, 2590),
        _record(2, PriceKind.LIST, 2490, channel="app"),
        _record(3, PriceKind.LIST, 2450, channel="jd"),
        *(_record(4 + store, PriceKind.STORE, 2400 + store, store=f"store-{store}") for store in range(10)),
        _record(14, PriceKind.SALE, 2290, channel="app", valid_until=soon),
        _record(15, PriceKind.SALE, 2190, valid_from=past - timedelta(days=5), valid_until=past),
        _record(16, PriceKind.SALE, 1990, valid_from=soon),
        _record(17, PriceKind.MEMBER, 2250, tier="gold"),
        _record(18, PriceKind.MEMBER, 2350, tier="silver"),
        _record(19, PriceKind.LIVE, 1890, campaign="room-8"),
        _record(20, PriceKind.LIST, 2100, min_quantity=6),
    ]


@subject("engine", "the price engine: select and trace over 20 records", place=4)
async def engine(_: Stage) -> Findings:
    """CPU of one call in this process."""
    records = busy_variant()
    selected = select(records, _SELECTION)
    assert selected is not None
    assert selected.winner.id == UUID(int=17)
    found = Findings(
        f"Price engine: {len(records)} records of one variant",
        (Column("what", "call"), Column("cpu_us", "CPU", "µs", 1), Column("per_second", "calls/s per core")),
    )
    calls: dict[str, Callable[..., object]] = {"select": select, "trace": trace}
    for name, call in calls.items():
        took = each(partial(call, records, _SELECTION))
        found.rows.append({"what": name, "cpu_us": took.cpu_us, "per_second": 1e6 / took.cpu_us})
    return found
