"""Whatever happens to stock in whatever order: it is what a model of it says, and the books are right."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

import asyncpg
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from domain.channels import StockPolicy
from domain.inventory import Demand, StockMovementReason
from persistence.database import connect
from persistence.inventory import books, counter, holds, writes
from persistence.inventory import settings as stock_settings
from persistence.inventory.expiry import note_expired
from persistence.inventory.promises import stocks_by_sku
from persistence.inventory.sql import LOCK
from persistence.inventory.tables import StockLevel
from resolvers.inventory.stock import out_of_bounds
from tests.chance import examples
from tests.inventory.model import Model, Place
from tests.makers import make_channel, make_product, make_store

T = TypeVar("T")
STORES, SKUS = ("east", "north"), ("RICE", "TEA")
PLACES: list[Place] = [(store, sku) for store in STORES for sku in SKUS]
POLICIES = {"app": StockPolicy.SHARED, "jd": StockPolicy.ALLOTTED, "live": StockPolicy.BORROW}
BEGIN = datetime(2027, 3, 1, 12, tzinfo=UTC)
HOLDERS = [uuid4() for _ in range(4)]

places = st.sampled_from(PLACES)
channels = st.sampled_from(list(POLICIES))
holders = st.sampled_from(HOLDERS)
units = st.integers(1, 8)


class StockMachine(RuleBasedStateMachine):
    """Runs each step on PostgreSQL and on the model, inside a transaction that is rolled back."""

    def __init__(self, runner: asyncio.Runner, db: asyncpg.Connection) -> None:
        super().__init__()
        self.runner, self.db = runner, db
        self.now = BEGIN
        self.model = Model(POLICIES)
        self.transaction = db.transaction()
        self.run(self.transaction.start())
        for place in PLACES:
            self._move(place, 10, StockMovementReason.RECEIPT)

    def run(self, doing: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(doing)

    def teardown(self) -> None:
        self.run(self.transaction.rollback())

    def _locked(self, place: Place) -> StockLevel:
        self.model.note_expired([place], self.now)
        store, sku = place
        return self.run(writes.lock_levels(self.db, store, [sku], self.now))[sku]

    def _move(self, place: Place, delta: int, reason: StockMovementReason) -> None:
        self._locked(place)
        store, sku = place
        moves = [writes.Move(sku, delta)]
        by = {"reference": None, "moved_by": "tests", "now": self.now}
        self.run(writes.move(self.db, store, moves, reason=reason, **by))
        self.model.on_hand[place] += delta

    # -------------------------------------------------------------- what happens

    @rule(minutes=st.integers(1, 20))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(place=places, delta=st.integers(-12, 12).filter(bool))
    def adjust(self, place: Place, delta: int) -> None:
        refused = out_of_bounds(0, self._locked(place), delta) is not None
        left = self.model.on_hand[place] + delta - self.model.reserved(place)
        assert refused is (delta < 0 and left < 0)
        if not refused:
            self._move(place, delta, StockMovementReason.CORRECTION)

    @rule(place=places, counted=st.integers(0, 15))
    def count(self, place: Place, counted: int) -> None:
        level = self._locked(place)
        if counted != level.on_hand:
            self._move(place, counted - level.on_hand, StockMovementReason.COUNT)

    @rule(sku=st.sampled_from(SKUS), quantity=units, back=st.booleans())
    def transfer(self, sku: str, quantity: int, back: bool) -> None:
        levels = {store: self._locked((store, sku)) for store in STORES}
        source, target = reversed(STORES) if back else STORES
        if out_of_bounds(0, levels[source], -quantity) is None:
            self._move((source, sku), -quantity, StockMovementReason.TRANSFER_OUT)
            self._move((target, sku), quantity, StockMovementReason.TRANSFER_IN)

    @rule(place=places, channel=channels, quantity=st.integers(0, 8))
    def allot(self, place: Place, channel: str, quantity: int) -> None:
        self._locked(place)
        store, sku = place
        self.run(stock_settings.allot(self.db, channel, store, {sku: quantity}, self.now))
        self.model.remaining[channel, place] = quantity

    @rule(place=places, quantity=st.integers(0, 5))
    def keep_back(self, place: Place, quantity: int) -> None:
        self._locked(place)
        store, sku = place
        self.run(stock_settings.keep_back(self.db, store, {sku: quantity}, self.now))
        self.model.safety_stock[place] = quantity

    @rule(
        wanted=st.dictionaries(places, units, min_size=1, max_size=3),
        channel=channels,
        holder=holders,
        minutes=st.integers(1, 30),
    )
    def reserve(self, wanted: dict[Place, int], channel: str, holder: UUID, minutes: int) -> None:
        until = self.now + timedelta(minutes=minutes)
        short = self.run(
            holds.reserve(
                self.db,
                [Demand(*place, quantity) for place, quantity in wanted.items()],
                channel=channel,
                policy=POLICIES[channel],
                holder=holder,
                expires_at=until,
                now=self.now,
            )
        )
        assert short == self.model.reserve(wanted, channel, holder, until, self.now)

    @rule(holder=holders)
    def release(self, holder: UUID) -> None:
        given_back = self.run(holds.release(self.db, holder, now=self.now))
        assert given_back == self.model.release(holder)

    @rule(holder=holders)
    def sell(self, holder: UUID) -> None:
        sold = self.run(holds.sell(self.db, holder, reference="A-1", moved_by="tests", now=self.now))
        assert sold == self.model.sell(holder)

    @rule()
    def worker_comes_by(self) -> None:
        stores, skus = zip(*PLACES, strict=True)
        self.run(LOCK.run(self.db, stores=stores, skus=skus))
        self.run(note_expired(self.db, stores, skus, self.now))
        self.model.note_expired(PLACES, self.now)

    @rule(place=places, quantity=units)
    def sell_offline(self, place: Place, quantity: int) -> None:
        by = {"reference": "till-7", "moved_by": "tests", "now": self.now}
        flagged = self.run(counter.sell_offline(self.db, [Demand(*place, quantity)], **by))
        self.model.on_hand[place] -= quantity
        assert bool(flagged) is (self.model.on_hand[place] < self.model.reserved(place))

    @rule(place=places, quantity=units, restock=st.booleans())
    def take_back(self, place: Place, quantity: int, restock: bool) -> None:
        by = {"reference": "R-1", "moved_by": "tests", "now": self.now}
        lines = [counter.Returned(*place, quantity, restock)]
        self.run(counter.take_back(self.db, lines, **by))
        self.model.on_hand[place] += quantity if restock else 0

    # -------------------------------------------------------------- what always holds

    @invariant()
    def levels_are_what_the_model_says(self) -> None:
        rows = self.run(self.db.fetch("SELECT store, sku, on_hand, reserved, oversold_at FROM stock_level"))
        for store, sku, on_hand, reserved, oversold_at in rows:
            assert (on_hand, reserved) == (self.model.on_hand[store, sku], self.model.reserved((store, sku)))
            assert (oversold_at is not None) is (on_hand < reserved)

    @invariant()
    def the_books_are_right(self) -> None:
        assert self.run(books.differences(self.db)) == []

    @invariant()
    def every_channel_sees_what_the_model_says(self) -> None:
        for channel in POLICIES:
            seen = self.run(stocks_by_sku(self.db, SKUS, STORES, channel=channel, now=self.now))
            for store, sku in PLACES:
                assert seen[sku][store] == self.model.stock((store, sku), channel, self.now)


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def db(fresh_database: str, runner: asyncio.Runner) -> Iterator[asyncpg.Connection]:
    async def furnished() -> asyncpg.Connection:
        connection = await connect(fresh_database)
        for channel, policy in POLICIES.items():
            await make_channel(connection, channel, stock_policy=policy)
        for store in STORES:
            await make_store(connection, store, till_channel="app")
        await make_product(connection, skus=SKUS)
        return connection

    connection = runner.run(furnished())
    yield connection
    runner.run(connection.close())


def test_stock_is_what_the_model_says(runner: asyncio.Runner, db: asyncpg.Connection) -> None:
    run_state_machine_as_test(
        lambda: StockMachine(runner, db), settings=settings(max_examples=examples(12), deadline=None)
    )
