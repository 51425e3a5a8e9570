"""Stock as it ought to be, in plain Python: what the tests hold the database against."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from domain.channels import StockPolicy
from domain.inventory import Demand, HoldState, Shortage, Stock, promised

Place = tuple[str, str]


@dataclass
class Hold:
    """Units kept for somebody; `own` of them came from the channel's allotment."""

    holder: UUID
    place: Place
    channel: str
    quantity: int
    own: int
    expires_at: datetime
    state: HoldState = HoldState.HELD


@dataclass
class Model:
    """Levels, allotments and holds; every method does what the function of the same name does."""

    policies: dict[str, StockPolicy]
    on_hand: Counter[Place] = field(default_factory=Counter)
    safety_stock: Counter[Place] = field(default_factory=Counter)
    remaining: Counter[tuple[str, Place]] = field(default_factory=Counter)
    holds: list[Hold] = field(default_factory=list)

    def held(self, place: Place) -> list[Hold]:
        """The holds that the counter of a place still has, expired or not."""
        return [hold for hold in self.holds if hold.place == place and hold.state is HoldState.HELD]

    def held_by(self, holder: UUID) -> list[Hold]:
        """What somebody holds, expired or not, as long as nobody has noted it."""
        return [hold for hold in self.holds if hold.holder == holder and hold.state is HoldState.HELD]

    def reserved(self, place: Place) -> int:
        """The counter of a place."""
        return sum(hold.quantity for hold in self.held(place))

    def stock(self, place: Place, channel: str, now: datetime) -> Stock:
        """What a channel sees of a place: nothing that has expired is kept from anybody."""
        lapsed = [hold for hold in self.held(place) if hold.expires_at <= now]
        own = {
            name: self.remaining[name, place] + sum(hold.own for hold in lapsed if hold.channel == name)
            for name in self.policies
        }
        return Stock(
            on_hand=self.on_hand[place],
            reserved=self.reserved(place) - sum(hold.quantity for hold in lapsed),
            safety_stock=self.safety_stock[place],
            allotted=own[channel],
            allotted_all=sum(own.values()),
        )

    def note_expired(self, places: Iterable[Place], now: datetime, renewing: UUID | None = None) -> None:
        """Ends the holds of some places that have expired."""
        for place in places:
            for hold in self.held(place):
                if hold.expires_at <= now:
                    self._give_back(hold, HoldState.RENEWED if hold.holder == renewing else HoldState.EXPIRED)

    def reserve(
        self, wanted: dict[Place, int], channel: str, holder: UUID, expires_at: datetime, now: datetime
    ) -> list[Shortage]:
        """Keeps all of it, or says what is short."""
        policy = self.policies[channel]
        stocks = {place: self.stock(place, channel, now) for place in wanted}
        short = [
            Shortage(*place, units, promised(stocks[place], policy))
            for place, units in sorted(wanted.items())
            if promised(stocks[place], policy) < units
        ]
        if short:
            return short
        self.note_expired(wanted, now, renewing=holder)
        for hold in self.holds:
            if hold.holder == holder and hold.state is HoldState.EXPIRED:
                hold.state = HoldState.RENEWED
        for place, units in wanted.items():
            stock = stocks[place]
            own = 0 if policy is StockPolicy.SHARED else min(units, stock.allotted, stock.free)
            self.remaining[channel, place] -= own
            self.holds.append(Hold(holder, place, channel, units, own, expires_at))
        return []

    def release(self, holder: UUID) -> list[Demand]:
        """Gives back all that somebody holds."""
        return self._end(self.held_by(holder), HoldState.RELEASED)

    def sell(self, holder: UUID) -> list[Demand]:
        """Sells all that somebody holds, or nothing when any of it went to others."""
        if any(hold.holder == holder and hold.state is HoldState.EXPIRED for hold in self.holds):
            return []
        sold = self._end(self.held_by(holder), HoldState.SOLD)
        for store, sku, units in sold:
            self.on_hand[store, sku] -= units
        return sold

    def _end(self, holds: list[Hold], state: HoldState) -> list[Demand]:
        units: Counter[Place] = Counter()
        for hold in holds:
            units[hold.place] += hold.quantity
            if state is HoldState.SOLD:
                hold.state = state
            else:
                self._give_back(hold, state)
        return [Demand(*place, count) for place, count in sorted(units.items())]

    def _give_back(self, hold: Hold, state: HoldState) -> None:
        hold.state = state
        self.remaining[hold.channel, hold.place] += hold.own
