"""Payments: what a payment provider can do for us, and what we make of what it tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from domain.money import Money
from domain.refusals import Text


class PaymentState(StrEnum):
    """Where a payment stands, and an order with its payments."""

    PENDING = "PENDING"
    AUTHORISED = "AUTHORISED"
    CAPTURED = "CAPTURED"
    DECLINED = "DECLINED"
    CANCELLED = "CANCELLED"
    PARTIALLY_REFUNDED = "PARTIALLY_REFUNDED"
    REFUNDED = "REFUNDED"


class RefundState(StrEnum):
    """Where a refund stands: PENDING until the provider has answered for it."""

    PENDING = "PENDING"
    DONE = "DONE"
    FAILED = "FAILED"


class Outcome(StrEnum):
    """What a provider says became of a payment. CLOSED: nobody can pay it any more."""

    PENDING = "PENDING"
    CAPTURED = "CAPTURED"
    DECLINED = "DECLINED"
    CLOSED = "CLOSED"


@dataclass(frozen=True, slots=True)
class PaymentAsked:
    """A payment as a provider is asked for it.

    `id` is its merchant order number: a repeated start is known by it. `token` is what the client brought
    along, such as an openid or an auth code; `reference` the provider's own number, once it gave one.
    """

    id: UUID
    order_number: str
    amount: Money
    token: str | None
    started_at: datetime
    expires_at: datetime
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a payment: the amount is the one the provider took, None while it took none.

    `reason` is for the shopper, such as why a card was declined.
    """

    outcome: Outcome
    amount: Money | None = None
    reference: str | None = None
    reason: Text | None = None


@dataclass(frozen=True, slots=True)
class NextAction:
    """What the client does next to pay: `payload` are the parameters for the provider's SDK, a JSON text."""

    kind: str
    payload: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Started:
    """The answer to a start: how the payment stands already, and what the client does next if it does not."""

    standing: Standing
    next_action: NextAction | None = None


@dataclass(frozen=True, slots=True)
class RefundAsked:
    """Money to give back of a payment; `id` is our refund number, by which a repeat is known."""

    id: UUID
    payment: PaymentAsked
    amount: Money
    reason: str


@dataclass(frozen=True, slots=True)
class RefundStanding:
    """What a provider says of a refund."""

    state: RefundState
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """A provider's word that something happened to a payment; `event_id` is unique for the provider."""

    event_id: str
    payment_id: UUID
    standing: Standing


@dataclass(frozen=True, slots=True)
class RefundNotice:
    """A provider's word on a refund; `event_id` is unique for the provider."""

    event_id: str
    refund_id: UUID
    standing: RefundStanding


@dataclass(frozen=True, slots=True)
class Reply:
    """What a provider wants to hear after its notice, as HTTP."""

    status: int
    body: bytes
    content_type: str = "application/json"


class ProviderAway(Exception):  # noqa: N818 - a state of the world, not a bug
    """The provider did not answer, or not in time: what was asked may have happened or not; ask again."""


class NotGenuine(Exception):  # noqa: N818 - says what the notice is
    """A notice that its provider did not sign."""


class Unreadable(NotGenuine):
    """A notice that says nothing we can read."""


class TokenRefused(Exception):  # noqa: N818 - says what became of it
    """What the client brought along can't be used with this provider; nothing was asked of it."""


class PaymentProvider(Protocol):
    """A way to be paid. Each call has a timeout of its own, and raises ProviderAway when nobody knows.

    Every call may come twice with the same ids and then has the first one's effect. What a provider tells by
    a notice it also answers to `query`: notices may be lost, late, repeated and out of order.
    """

    @property
    def code(self) -> str:
        """Its name in `payment.provider` and in the path of its webhook."""

    @property
    def at_the_till(self) -> bool:
        """True when the money changes hands before a cashier: for tills only, never asked about again."""

    async def start(self, payment: PaymentAsked) -> Started:
        """Begins a payment; raises TokenRefused before anything was asked of the provider."""

    async def query(self, payment: PaymentAsked) -> Standing:
        """How the payment stands with the provider."""

    async def close(self, payment: PaymentAsked) -> Standing:
        """Makes sure that nobody pays any more: CLOSED, or CAPTURED when somebody was faster."""

    async def refund(self, refund: RefundAsked) -> RefundStanding:
        """Gives money back, or says how far that got when it was asked before."""

    def read_notice(self, headers: Mapping[str, str], body: bytes) -> Notice | RefundNotice:
        """What a webhook call says, its signature checked; header names are in lower case.

        Raises NotGenuine, Unreadable.
        """

    def reply(self, refused: Text | None) -> Reply:
        """What to answer a notice: taken when `refused` is None, else why not, so that it comes again."""
