"""How the graph says no: in the payload when the caller can mend it, at the top when the call may not be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from domain.money import Money


class RefusalCode(StrEnum):
    """Why a mutation was refused; the closed set of the whole graph (`UserErrorCode` on the wire)."""

    INVALID_INPUT = "INVALID_INPUT"
    NOT_FOUND = "NOT_FOUND"
    CONFLICT = "CONFLICT"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    INSUFFICIENT_STOCK = "INSUFFICIENT_STOCK"
    PRICE_CHANGED = "PRICE_CHANGED"
    NOT_FOR_SALE_HERE = "NOT_FOR_SALE_HERE"
    CART_EMPTY = "CART_EMPTY"
    CART_ALREADY_CHECKED_OUT = "CART_ALREADY_CHECKED_OUT"
    COUPON_NOT_APPLICABLE = "COUPON_NOT_APPLICABLE"
    COUPON_EXHAUSTED = "COUPON_EXHAUSTED"
    COUPON_EXPIRED = "COUPON_EXPIRED"
    POINTS_INSUFFICIENT = "POINTS_INSUFFICIENT"
    LIMIT_PER_MEMBER_REACHED = "LIMIT_PER_MEMBER_REACHED"
    PAYMENT_DECLINED = "PAYMENT_DECLINED"
    PAYMENT_AMOUNT_MISMATCH = "PAYMENT_AMOUNT_MISMATCH"
    ORDER_STATE_FORBIDS = "ORDER_STATE_FORBIDS"
    HOLD_EXPIRED = "HOLD_EXPIRED"
    PICKUP_CODE_UNKNOWN = "PICKUP_CODE_UNKNOWN"
    PICKUP_CODE_LOCKED = "PICKUP_CODE_LOCKED"
    PICKUP_WRONG_STORE = "PICKUP_WRONG_STORE"
    PICKUP_NOT_READY = "PICKUP_NOT_READY"
    PICKUP_ALREADY_COLLECTED = "PICKUP_ALREADY_COLLECTED"
    PICKUP_EXPIRED = "PICKUP_EXPIRED"
    DEVICE_UNKNOWN = "DEVICE_UNKNOWN"
    LABEL_ALREADY_BOUND = "LABEL_ALREADY_BOUND"
    EPOCH_FENCED = "EPOCH_FENCED"
    CONSENT_MISSING = "CONSENT_MISSING"
    CODE_WRONG = "CODE_WRONG"
    CODE_EXPIRED = "CODE_EXPIRED"
    TOO_MANY_ATTEMPTS = "TOO_MANY_ATTEMPTS"


class RequestCode(StrEnum):
    """Why a request, or a field of it, was not answered; `extensions.code` of a top-level error."""

    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
    PERSISTED_QUERY_REQUIRED = "PERSISTED_QUERY_REQUIRED"
    OPERATION_TOO_COSTLY = "OPERATION_TOO_COSTLY"
    BUDGET_EXHAUSTED = "BUDGET_EXHAUSTED"
    RATE_LIMITED = "RATE_LIMITED"
    TIMEOUT = "TIMEOUT"
    UNAVAILABLE = "UNAVAILABLE"
    INTERNAL = "INTERNAL"


@dataclass(frozen=True, slots=True)
class Text:
    """A sentence for people in the two languages the graph speaks."""

    en: str
    zh: str

    def in_language(self, locale: str) -> str:
        """The sentence in Chinese for any `zh` locale, else in English."""
        return self.zh if locale.lower().startswith("zh") else self.en


@dataclass(frozen=True, slots=True)
class Refusal:
    """One row of `userErrors`: what, why, and where in the arguments (list indexes as decimal strings)."""

    code: RefusalCode
    text: Text
    field: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StockRefusal(Refusal):
    """A channel has fewer of a sku than the `wanted` ones, in a store or (None) in all that deliver."""

    channel: str
    sku: str
    wanted: int
    available: int
    store: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRefusal(Refusal):
    """One of a sku costs more than was shown."""

    sku: str
    was: Money
    now: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalRefusal(Refusal):
    """The whole costs more than was shown, for another reason than the price of a line."""

    was: Money
    now: Money


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """Rolls the unit of work back and reaches the client as the payload's `userErrors`."""

    def __init__(self, *refusals: Refusal) -> None:
        super().__init__("; ".join(f"{r.code}: {r.text.en}" for r in refusals))
        self.refusals = refusals

    @classmethod
    def because(cls, code: RefusalCode, *, en: str, zh: str, field: Sequence[str] | None = None) -> Refused:
        """The common case of a single refusal."""
        return cls(Refusal(code, Text(en, zh), tuple(field) if field is not None else None))


class RequestError(Exception):
    """Reaches the client as a top-level error with `extensions.code`; its text is safe to show."""

    def __init__(self, code: RequestCode, text: Text, *, retry_after_seconds: int | None = None) -> None:
        super().__init__(f"{code}: {text.en}")
        self.code = code
        self.text = text
        self.retry_after_seconds = retry_after_seconds

    @classmethod
    def bad_input(cls, *, en: str, zh: str) -> RequestError:
        """An argument of a query or subscription that no answer fits."""
        return cls(RequestCode.BAD_USER_INPUT, Text(en, zh))
