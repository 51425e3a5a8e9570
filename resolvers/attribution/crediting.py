"""Every cent of revenue is credited to somebody, in the transaction that brings it in or gives it back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from domain.attribution import Party, Rule, Touched, amounts, shares
from persistence.attribution import entries as entries_db
from persistence.attribution.entries import Credit
from persistence.attribution.tables import AttributionRule
from persistence.carts import StoredTouch
from persistence.database import Connection
from resolvers.context import Work


class Sold(Protocol):
    """What a sale is credited by."""

    @property
    def store(self) -> str | None: ...
    @property
    def channel(self) -> str: ...
    @property
    def currency_code(self) -> str: ...
    @property
    def placed_at(self) -> datetime: ...
    @property
    def touches(self) -> list[StoredTouch]: ...


class _Parts(NamedTuple):
    """The shares of a sale, and the version of the rule that says so (0: none was needed)."""

    by_party: dict[Party, int]
    rule: int


def shares_of(sold: Sold, rule: AttributionRule | None) -> dict[Party, int]:
    """By party: its share of a sale under a rule."""
    return shares(
        [_touched(one) for one in sold.touches],
        None if rule is None else Rule(rule.which, rule.days, rule.share),
        seller=Party(sold.store, None, sold.channel),
        placed_at=sold.placed_at,
    )


def _touched(touch: StoredTouch) -> Touched:
    at = datetime.fromisoformat(touch["at"])
    return Touched(at, touch.get("store"), touch.get("clerk"))


async def credit(work: Work, order_id: UUID, sold: Sold, net_minor: int) -> None:
    """Credits what a sale that was just paid brought in."""
    parts = await _parts(work.db, sold)
    wanted = [
        Credit(*party, parts.by_party[party], amount)
        for party, amount in amounts(net_minor, parts.by_party).items()
    ]
    await _add(work, order_id, sold, parts.rule, wanted)


async def credit_again(work: Work, order_id: UUID, sold: Sold, net_minor: int) -> None:
    """Credits what is left of a sale after some of it was given back: everybody loses a share of that."""
    before = (await entries_db.credits_by_order(work.db, [order_id])).get(order_id, [])
    if not before:
        return  # nothing of it was ever brought in
    parts = {one.party: one.share for one in before}
    now = amounts(net_minor, parts)
    wanted = [one._replace(amount_minor=now[one.party] - one.amount_minor) for one in before]
    rule = await entries_db.rule_at(work.db, sold.placed_at) if _has_store(sold.touches) else None
    await _add(work, order_id, sold, 0 if rule is None else rule.version, wanted)


async def _parts(db: Connection, sold: Sold) -> _Parts:
    # Most sales come of no code: they need no rule, and ask for none.
    rule = await entries_db.rule_at(db, sold.placed_at) if _has_store(sold.touches) else None
    return _Parts(shares_of(sold, rule), 0 if rule is None else rule.version)


def _has_store(touches: Sequence[StoredTouch]) -> bool:
    return any(touch.get("store") is not None for touch in touches)


async def _add(work: Work, order_id: UUID, sold: Sold, rule: int, wanted: Sequence[Credit]) -> None:
    changed = [one for one in wanted if one.amount_minor]
    if changed:
        await entries_db.add(
            work.db, order_id, changed, rule=rule, currency_code=sold.currency_code, at=work.now
        )
