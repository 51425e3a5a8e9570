"""Money that changes hands before a cashier: cash, and a card terminal that speaks to nobody but its bank."""

from __future__ import annotations

from collections.abc import Mapping

from domain.payments import (
    NotGenuine,
    Notice,
    Outcome,
    PaymentAsked,
    RefundAsked,
    RefundNotice,
    RefundStanding,
    RefundState,
    Reply,
    Standing,
    Started,
)
from domain.refusals import Text


class AtTheCounter:
    """A payment that is done when the cashier says so, and given back over the counter likewise."""

    at_the_till = True

    def __init__(self, code: str) -> None:
        self.code = code

    async def start(self, payment: PaymentAsked) -> Started:
        """Captured: the cashier has the money, or the terminal's slip, whose number is the token."""
        return Started(Standing(Outcome.CAPTURED, payment.amount, payment.token))

    async def query(self, payment: PaymentAsked) -> Standing:
        """As it was started."""
        return Standing(Outcome.CAPTURED, payment.amount, payment.reference)

    async def close(self, payment: PaymentAsked) -> Standing:
        """As it was started."""
        return await self.query(payment)

    async def refund(self, refund: RefundAsked) -> RefundStanding:
        """Done: whoever takes the goods back hands the money over."""
        return RefundStanding(RefundState.DONE)

    def read_notice(self, headers: Mapping[str, str], body: bytes) -> Notice | RefundNotice:
        """Nothing: nobody notifies of cash."""
        raise NotGenuine

    def reply(self, refused: Text | None) -> Reply:
        """Nothing there."""
        return Reply(404, b"")
