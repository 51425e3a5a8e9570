"""Why each record won or lost: one case per reason, and the sentences people read."""

from __future__ import annotations

from typing import Any

import pytest

from domain.pricing.reasons import Reason
from domain.pricing.trace import Candidate, trace
from tests.pricing.making import DAY, NOON, TICK, Record, context, price

LISTED = price(amount=100_00)


def fate(row: Record, *others: Record, **where: Any) -> Candidate[Record]:
    return next(c for c in trace([*others, row], context(**where)) if c.row is row)


@pytest.mark.parametrize(
    ("row", "others", "reason"),
    [
        (LISTED, [], Reason.WON),
        (price(store="harbour"), [], Reason.WRONG_STORE),
        (price(channel="pos"), [], Reason.WRONG_CHANNEL),
        (price(tier="gold"), [], Reason.WRONG_TIER),
        (price(campaign="live-8"), [], Reason.WRONG_CAMPAIGN),
        (price(min_quantity=2), [], Reason.QUANTITY_TOO_LOW),
        (price(currency="CNY"), [], Reason.WRONG_CURRENCY),
        (price("STORE"), [], Reason.INCOMPLETE),
        (price(recorded_at=NOON + TICK), [], Reason.NOT_YET_RECORDED),
        (price(valid_from=NOON + TICK), [], Reason.NOT_YET_VALID),
        (price(valid_until=NOON), [], Reason.NO_LONGER_VALID),
        (LISTED, [price(amount=120_00, sequence=2)], Reason.SUPERSEDED),
        (LISTED, [price(amount=120_00, channel="app", sequence=2)], Reason.LESS_SPECIFIC),
        (LISTED, [price(amount=120_00, min_quantity=2, sequence=2)], Reason.LESS_SPECIFIC),
        (
            price("LIST", store="central"),
            [price("STORE", 120_00, store="central", sequence=2)],
            Reason.SET_EARLIER,
        ),
        (LISTED, [price("SALE", 99_99, sequence=2)], Reason.HIGHER_PRICE),
        (price("SALE", 100_01, sequence=2), [LISTED], Reason.HIGHER_PRICE),
        (price("SALE", 100_00, sequence=1), [price(channel="app", sequence=2)], Reason.LESS_SPECIFIC),
        (
            price("SALE", 90_00, sequence=2),
            [LISTED, price("CLEARANCE", 90_00, sequence=3)],
            Reason.SET_EARLIER,
        ),
        (price("SALE", 90_00), [], Reason.NO_REGULAR_PRICE),
        (price("SALE", 70_00), [price("LIVE", 80_00, campaign="x", sequence=2)], Reason.NO_REGULAR_PRICE),
    ],
)
def test_every_reason(row: Record, others: list[Record], reason: Reason) -> None:
    quantity = 2 if others and others[0].min_quantity == 2 else 1
    campaign = "x" if others and others[0].campaign == "x" else None
    assert fate(row, *others, quantity=quantity, campaign=campaign).reason is reason


def test_every_reason_of_the_engine_has_its_case() -> None:
    cases = test_every_reason.pytestmark[0].args[1]
    assert {reason for _, _, reason in cases} == set(Reason) - {Reason.HELD_FOR_LABELS}


def test_a_trace_reads_as_an_account() -> None:
    rows = [
        price("LIST", 100_00, sequence=1),
        price("SALE", 88_00, channel="app", valid_from=NOON, valid_until=NOON + DAY, sequence=2),
        price("MEMBER", 80_00, tier="gold", sequence=3),
        price("STORE", 95_50, store="harbour", min_quantity=6, sequence=4),
    ]
    assert [(c.reason, c.explanation.en, c.explanation.zh) for c in trace(rows, context(store=None))] == [
        (
            Reason.WON,
            "Sale price HKD 88.00, channel app, from 2025-06-01 12:00:00 UTC, until 2025-06-02 12:00:00 UTC: "
            "it is paid, the lowest offer here.",
            "促销价 HKD 88.00，渠道 app，2025-06-01 12:00:00 UTC 起，2025-06-02 12:00:00 UTC 止："
            "成交价，为此处最低优惠。",
        ),
        (
            Reason.HIGHER_PRICE,
            "List price HKD 100.00: a lower price is paid (sale price HKD 88.00, channel app, "
            "from 2025-06-01 12:00:00 UTC, until 2025-06-02 12:00:00 UTC).",
            "标价 HKD 100.00：有更低的价格（促销价 HKD 88.00，渠道 app，"
            "2025-06-01 12:00:00 UTC 起，2025-06-02 12:00:00 UTC 止）。",
        ),
        (
            Reason.WRONG_TIER,
            "Member price HKD 80.00, tier gold: no tier was named here.",
            "会员价 HKD 80.00，会员等级 gold：此处未指明会员等级。",
        ),
        (
            Reason.WRONG_STORE,
            "Store price HKD 95.50, store harbour, from 6 pieces: no store was named here.",
            "门店价 HKD 95.50，门店 harbour，满 6 件：此处未指明门店。",
        ),
    ]
