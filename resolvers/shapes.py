"""Shapes that every area shares: nodes, money, pages, and how a refusal looks."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, ClassVar, Generic, Self, TypeVar, cast, dataclass_transform
from uuid import UUID

import strawberry
from typing_extensions import TypedDict

from domain import money
from domain.access import EVERYONE, Rule
from domain.attribution import TouchKind, Which
from domain.catalog.content import ContentUnit
from domain.channels import ChannelKind, StockPolicy
from domain.inventory import StockMovementReason, StockStatus
from domain.loyalty.coupons import CouponState, Stacking
from domain.loyalty.points import PointsEntryKind
from domain.orders.states import FulfilmentKind, OrderState
from domain.payments import PaymentState, RefundState
from domain.pickup import PickupState
from domain.pricing.kinds import PriceKind
from domain.refusals import Refusal, RefusalCode, Refused, RequestError
from domain.stores import StoreService
from resolvers.access import RULE
from resolvers.scalars import BigInt, CurrencyCode

T = TypeVar("T")
RowT = TypeVar("RowT")

strawberry.enum(ChannelKind)
strawberry.enum(
    StockPolicy,
    description="SHARED sells from the stores' common pool. ALLOTTED sells only from its own quota. "
    "BORROW uses its quota first, then the pool.",
)
strawberry.enum(StoreService)
strawberry.enum(
    PriceKind, description="LIST and STORE are regular prices, the others offers; see the pricing guide."
)
strawberry.enum(ContentUnit)
strawberry.enum(StockStatus)
strawberry.enum(StockMovementReason)
strawberry.enum(FulfilmentKind)
strawberry.enum(PointsEntryKind)
strawberry.enum(CouponState)
strawberry.enum(Stacking, name="CouponStacking", description="How a coupon goes together with promotions.")
strawberry.enum(OrderState)
strawberry.enum(PaymentState)
strawberry.enum(RefundState)
strawberry.enum(PickupState)
strawberry.enum(TouchKind)
strawberry.enum(
    Which,
    name="TouchesCredited",
    description="the last touch of a store, or every store and clerk that was touched alike",
)
strawberry.enum(
    RefusalCode, name="UserErrorCode", description="One closed set for the whole graph; values may be added."
)


@dataclass_transform(kw_only_default=True, field_specifiers=(strawberry.field,))
def shape(
    rule: Rule, *, description: str | None = None, name: str | None = None
) -> Callable[[type[T]], type[T]]:
    """A GraphQL object type whose fields follow one rule, unless a field names its own."""

    def declare(cls: type[T]) -> type[T]:
        declared = strawberry.type(cls, description=description, name=name)
        setattr(declared, RULE, rule)
        return declared

    return declare


# ------------------------------------------------------------------ identity

_TAGS: dict[str, str] = {}


def global_id(tag: str, key: UUID) -> strawberry.ID:
    """The opaque id of a node: its type's tag and its key."""
    return strawberry.ID(base64.urlsafe_b64encode(tag.encode() + key.bytes).decode().rstrip("="))


def parse_global_id(text: str) -> tuple[str, UUID] | None:
    """The type's tag and the key in an opaque id; None for anything we never handed out."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(raw) != 18 or not raw[:2].isalpha():
        return None
    return raw[:2].decode(), UUID(bytes=raw[2:])


@strawberry.interface
class Node:
    id: strawberry.ID = strawberry.field(
        description="Opaque, stable, globally unique. Clients never parse it."
    )


class FromRow(Generic[RowT]):
    """A shape that is answered from a stored row: plain fields are read from it by name.

    `tag` are the two letters of its global ids.
    """

    tag: ClassVar[str]
    _plain: ClassVar[tuple[str, ...]]

    @classmethod
    def of(cls, row: RowT) -> Self:
        """The shape of a row; `row` stays at hand for the fields that need more."""
        self = cls.__new__(cls)
        plain = cls.__dict__.get("_plain")
        if plain is None:
            plain = cls._plain = tuple(
                field.python_name
                for field in cast("Any", cls).__strawberry_definition__.fields
                if field.base_resolver is None
                and field.python_name != "id"
                and hasattr(row, field.python_name)
            )
        values = self.__dict__
        for name in plain:
            values[name] = getattr(row, name)
        values["row"] = row
        if hasattr(cls, "tag"):
            values["id"] = global_id(cls.tag, cast("Any", row).id)
        return self


# ------------------------------------------------------------------ money


@shape(EVERYONE)
class Money:
    amount: Decimal
    currency_code: CurrencyCode
    minor_units: BigInt = strawberry.field(description="amount in the currency's minor unit")

    @classmethod
    def of(cls, minor_units: int, currency_code: str) -> Money:
        """The shape of an amount in whole minor units."""
        return cls(
            amount=money.Money(minor_units, currency_code).amount,
            currency_code=CurrencyCode(currency_code),
            minor_units=BigInt(minor_units),
        )


# ------------------------------------------------------------------ pages


@shape(EVERYONE)
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


LARGEST_PAGE = 100


def page_size(first: int, *, largest: int = LARGEST_PAGE) -> int:
    """`first`, when it is 1 to the largest page; raises BAD_USER_INPUT otherwise."""
    if not 1 <= first <= largest:
        raise RequestError.bad_input(
            en=f"first is 1 to {largest}, not {first}.", zh=f"first 须为 1 到 {largest}，而不是 {first}。"
        )
    return first


def positive(what: str, number: int) -> int:
    """The number, when it is 1 or more; raises BAD_USER_INPUT otherwise."""
    if number < 1:
        raise RequestError.bad_input(
            en=f"{what} is 1 or more, not {number}.", zh=f"{what} 须为 1 或以上，而不是 {number}。"
        )
    return number


def at_most(what: str, asked: Sequence[object], largest: int) -> None:
    """Raises BAD_USER_INPUT when a list of keys is longer than that."""
    if len(asked) > largest:
        raise RequestError.bad_input(
            en=f"{what} takes at most {largest} at a time, not {len(asked)}.",
            zh=f"{what} 一次最多 {largest} 个，而不是 {len(asked)} 个。",
        )


# ------------------------------------------------------------------ refusals


@strawberry.interface(
    description="Every mutation answers with a payload: the changed object (null when refused) and "
    "userErrors (empty when it went through). Top-level GraphQL errors are kept for: bad documents, not "
    "signed in, forbidden, over cost, rate limited, and our own faults; each carries extensions.code."
)
class UserError:
    code: RefusalCode
    message: str = strawberry.field(
        description="In the caller's language (zh-CN or en, from Accept-Language)"
    )
    field: list[str] | None = strawberry.field(
        description="Path from the argument on, list indexes as decimal strings: "
        '["input", "prices", "37", "amount"]'
    )


@shape(EVERYONE)
class PlainUserError(UserError):
    """A refusal that its code and message say all about."""


class Told(TypedDict):
    """What every refusal tells, in the caller's language."""

    code: RefusalCode
    message: str
    field: list[str] | None


# Refusals that say more have a shape of their own, beside the area that refuses so.
_SHOWN: dict[type[Refusal], Callable[[Any, Told], UserError]] = {}


def shown_as(
    kind: type[Refusal],
) -> Callable[[Callable[[Any, Told], UserError]], Callable[[Any, Told], UserError]]:
    """Registers how a kind of refusal is shown: the maker gets the refusal and what every one tells."""

    def register(maker: Callable[[Any, Told], UserError]) -> Callable[[Any, Told], UserError]:
        _SHOWN[kind] = maker
        return maker

    return register


def user_error(refusal: Refusal, locale: str) -> UserError:
    """A refusal as a row of `userErrors`, in the caller's language."""
    told = Told(
        code=refusal.code,
        message=refusal.text.in_language(locale),
        field=list(refusal.field) if refusal.field is not None else None,
    )
    maker = _SHOWN.get(type(refusal))
    return PlainUserError(**told) if maker is None else maker(refusal, told)


def user_errors(refused: Refused, locale: str) -> list[UserError]:
    """The rows of `userErrors` a refusal shows as, in the caller's language."""
    return [user_error(refusal, locale) for refusal in refused.refusals]


@strawberry.type
class Payload:
    """What every mutation's answer has."""

    user_errors: list[UserError] = strawberry.field(default_factory=list)
