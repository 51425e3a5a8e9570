"""Which price is paid, on both sides of each boundary."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest

from domain.pricing.kinds import PriceKind
from domain.pricing.records import PriceContext, is_regular
from domain.pricing.selection import select
from tests.pricing.making import DAY, NOON, TICK, Record, context, price


def paid(*rows: Record, **where: Any) -> int | None:
    selection = select(rows, context(**where))
    return None if selection is None else selection.winner.amount_minor


@pytest.mark.parametrize(
    ("fields", "where", "sold"),
    [
        ({}, {}, True),
        ({"channel": "app"}, {}, True),
        ({"channel": "pos"}, {}, False),
        ({"store": "central"}, {}, True),
        ({"store": "harbour"}, {}, False),
        ({"store": "central"}, {"store": None}, False),
        ({"tier": "gold"}, {"tier": "gold"}, True),
        ({"tier": "gold"}, {"tier": "silver"}, False),
        ({"tier": "gold"}, {}, False),
        ({"campaign": "live-8"}, {"campaign": "live-8"}, True),
        ({"campaign": "live-8"}, {"campaign": "live-9"}, False),
        ({"campaign": "live-8"}, {}, False),
        ({"min_quantity": 3}, {"quantity": 3}, True),
        ({"min_quantity": 3}, {"quantity": 2}, False),
        ({"currency": "CNY"}, {}, False),
        ({"currency": "CNY"}, {"currency": "CNY"}, True),
        ({"valid_from": NOON}, {}, True),
        ({"valid_from": NOON}, {"at": NOON - TICK}, False),
        ({"valid_until": NOON}, {"at": NOON - TICK}, True),
        ({"valid_until": NOON}, {}, False),
        ({"recorded_at": NOON}, {}, True),
        ({"recorded_at": NOON}, {"at": NOON - TICK}, False),
        ({"valid_from": NOON - DAY, "recorded_at": NOON}, {"at": NOON - TICK}, False),
        ({"valid_from": NOON, "recorded_at": NOON - DAY}, {"at": NOON - TICK}, False),
    ],
)
def test_a_record_counts_where_and_when_it_says(
    fields: Mapping[str, Any], where: Mapping[str, Any], sold: bool
) -> None:
    assert paid(price(**fields), **where) == (100_00 if sold else None)


@pytest.mark.parametrize(
    ("kind", "needs"),
    [
        ("STORE", {"store": "central"}),
        ("MEMBER", {"tier": "gold"}),
        ("LIVE", {"campaign": "live-8"}),
        ("GROUP_BUY", {"campaign": "live-8"}),
        ("BARGAIN", {"campaign": "live-8"}),
        ("LIST", {}),
        ("SALE", {}),
        ("CLEARANCE", {}),
    ],
)
def test_a_kind_without_what_it_must_name_never_wins(kind: str, needs: dict[str, str]) -> None:
    listed, where = price(amount=100_00), {"tier": "gold", "campaign": "live-8"}
    complete, bare = price(kind, 80_00, sequence=2, **needs), price(kind, 80_00, sequence=2)
    assert paid(listed, complete, **where) == 80_00
    assert paid(listed, bare, **where) == (100_00 if needs else 80_00)


@pytest.mark.parametrize(
    ("at", "amount"),
    [(NOON - TICK, 100_00), (NOON, 90_00), (NOON + DAY - TICK, 90_00), (NOON + DAY, 100_00)],
)
def test_the_record_set_last_is_in_force_and_gives_way_when_it_ends(at: datetime, amount: int) -> None:
    rows = [price(amount=100_00), price(amount=90_00, sequence=2, valid_from=NOON, valid_until=NOON + DAY)]
    assert paid(*rows, at=at) == amount


def test_a_record_set_last_wins_its_slot_even_when_it_is_dearer_and_starts_earlier() -> None:
    rows = [
        price("SALE", 70_00, sequence=1, valid_from=NOON - DAY),
        price("SALE", 90_00, sequence=2, valid_from=NOON - 2 * DAY),
        price("LIST", 100_00, sequence=3),
    ]
    assert paid(*rows) == 90_00


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", PriceKind.CLEARANCE),
        ("channel", "app"),
        ("store", "central"),
        ("tier", "gold"),
        ("campaign", "live-8"),
        ("min_quantity", 2),
    ],
)
def test_records_that_differ_in_one_scope_are_two_slots(field: str, value: object) -> None:
    cheap, later = price("SALE", 70_00, sequence=2), price("SALE", 90_00, sequence=3)
    where = {"tier": "gold", "campaign": "live-8", "quantity": 2}
    assert paid(price(), cheap, later, **where) == 90_00
    assert paid(price(), cheap, later._replace(**{field: value}), **where) == 70_00


def test_prices_in_two_currencies_stand_side_by_side() -> None:
    rows = [price(amount=100_00), price(amount=92_00, currency="CNY", sequence=2)]
    assert (paid(*rows), paid(*rows, currency="CNY")) == (100_00, 92_00)


SCOPES: list[dict[str, str]] = [
    {"store": "central", "channel": "app"},
    {"store": "central"},
    {"channel": "app"},
    {},
]


@pytest.mark.parametrize(("more", "less"), [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)])
@pytest.mark.parametrize("amount", [90_00, 110_00])
@pytest.mark.parametrize("kind", ["LIST", "STORE"])
def test_the_more_specific_regular_price_is_paid_whatever_its_amount(
    more: int, less: int, amount: int, kind: str
) -> None:
    if "store" not in SCOPES[more]:
        kind = "LIST"
    specific = price(kind, amount, sequence=1, **SCOPES[more])
    assert paid(specific, price(sequence=2, **SCOPES[less])) == amount


def test_within_a_scope_the_highest_quantity_band_is_paid() -> None:
    bands = [
        price(amount=95_00, min_quantity=3, sequence=1),
        price(amount=97_00, min_quantity=6, sequence=2),
        price(amount=100_00, sequence=3),
    ]
    amounts = [paid(*bands, quantity=n) for n in (1, 2, 3, 5, 6, 60)]
    assert amounts == [100_00, 100_00, 95_00, 95_00, 97_00, 97_00]
    assert paid(*bands, price("STORE", 99_00, store="central", sequence=4), quantity=6) == 99_00


def test_two_regular_prices_of_one_scope_and_band_leave_it_to_the_one_set_last() -> None:
    listed = price("LIST", 98_00, store="central", sequence=2)
    assert paid(listed, price("STORE", 99_00, store="central", sequence=1)) == 98_00
    assert paid(listed, price("STORE", 99_00, store="central", sequence=3)) == 99_00


@pytest.mark.parametrize(("offer", "amount"), [(99_99, 99_99), (100_01, 100_00)])
def test_the_lower_of_offer_and_regular_price_is_paid(offer: int, amount: int) -> None:
    assert paid(price(), price("SALE", offer, sequence=2)) == amount


@pytest.mark.parametrize(
    ("regular", "offer", "winner"),
    [
        ({"sequence": 1}, {"sequence": 2}, "SALE"),
        ({"sequence": 2}, {"sequence": 1}, "LIST"),
        ({"sequence": 1, "store": "central"}, {"sequence": 2}, "LIST"),
        ({"sequence": 2, "channel": "app"}, {"sequence": 1, "store": "central"}, "SALE"),
        ({"sequence": 2, "store": "central"}, {"sequence": 1, "store": "central", "channel": "app"}, "SALE"),
    ],
)
def test_at_one_amount_the_more_specific_wins_then_the_one_set_last(
    regular: Mapping[str, Any], offer: Mapping[str, Any], winner: str
) -> None:
    selection = select([price("LIST", **regular), price("SALE", **offer)], context())
    assert selection is not None
    assert selection.winner.kind == winner
    assert selection.regular is not None
    assert selection.regular.kind == "LIST"


@pytest.mark.parametrize("kind", [kind for kind in PriceKind if not is_regular(kind)])
def test_without_a_regular_price_only_live_and_group_buy_sell(kind: PriceKind) -> None:
    offer = price(kind, 80_00, tier="gold", campaign="live-8", sequence=2)
    where = {"tier": "gold", "campaign": "live-8"}
    assert paid(offer, **where) == (80_00 if kind in ("LIVE", "GROUP_BUY") else None)
    assert paid(offer, price(), **where) == 80_00


def test_an_offer_that_can_not_stand_alone_is_not_paid_beside_one_that_can() -> None:
    rows = [price("LIVE", 80_00, campaign="live-8"), price("SALE", 70_00, sequence=2)]
    selection = select(rows, context(campaign="live-8"))
    assert selection is not None
    assert (selection.winner.amount_minor, selection.regular) == (80_00, None)
    assert paid(*rows, price(sequence=3), campaign="live-8") == 70_00


def test_without_records_nothing_is_for_sale() -> None:
    assert select([], context()) is None


def test_of_the_shopper_only_the_tier_enters() -> None:
    """Evidence against pricing by person: the engine has no place to put one."""
    fields = {field.name for field in dataclasses.fields(PriceContext)}
    assert fields == {"at", "channel", "currency_code", "store", "tier", "campaign", "quantity"}
    with pytest.raises((AttributeError, TypeError)):
        object.__setattr__(context(), "member_id", "m-1")
