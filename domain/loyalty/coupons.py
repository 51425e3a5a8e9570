"""Coupons: their codes, what they take off a basket, and why one can't be used."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from domain.baskets import COUPON_SOURCE, Basket, PricedLine, Reduction, basket_of
from domain.loyalty.earning import covers
from domain.money import Money, split
from domain.promotions.benefits import Part, PercentOff
from domain.promotions.terms import NOTHING, BasketLine, Target
from domain.refusals import Refusal, RefusalCode, Text

CODES_PURPOSE = "coupon codes"
"""What the key of the house is derived for that codes are made with; it must stay the same."""
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: no I, L, O, U
_LENGTH = 16  # of 5 bits each: 80 bits that nobody guesses
_GROUP = 4
_READ_AS = str.maketrans({"I": "1", "L": "1", "O": "0", "-": None, " ": None})


class CouponState(StrEnum):
    """Where a coupon stands; EXPIRED is what an unused one is by itself at its end, and never stored."""

    ACTIVE = "ACTIVE"
    RESERVED = "RESERVED"
    USED = "USED"
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"


class Stacking(StrEnum):
    """How a coupon goes together with promotions."""

    WITH_PROMOTIONS = "WITH_PROMOTIONS"
    """It takes something off what the promotions left."""
    ALONE = "ALONE"
    """It takes the place of all promotions, where it takes more off than they do."""


def coupon_code(secret: bytes, coupon_id: UUID) -> str:
    """The code of a coupon, `7K3M-…` in four groups: always the same, and kept nowhere."""
    made = hmac.new(secret, b"coupon " + coupon_id.bytes, hashlib.sha256).digest()
    number = int.from_bytes(made[:10], "big")
    letters = "".join(_ALPHABET[number >> (5 * place) & 31] for place in range(_LENGTH))
    return "-".join(letters[start : start + _GROUP] for start in range(0, _LENGTH, _GROUP))


def code_hash(code: str) -> bytes:
    """What a coupon is found by: the hash of its code as somebody typed it, in any case, grouped or not."""
    plain = code.upper().translate(_READ_AS)
    return hashlib.sha256(plain.encode("utf-8", "replace")).digest()[:16]


def coupon_source(campaign: str) -> str:
    """What the discount of a campaign's coupons is called."""
    return COUPON_SOURCE + campaign


def valid_until(campaign_ends: datetime, valid_days: int | None, issued_at: datetime) -> datetime:
    """Until before when a coupon can be used that is issued now: so many days, never past its campaign."""
    if valid_days is None:
        return campaign_ends
    return min(campaign_ends, issued_at + timedelta(days=valid_days))


def state_at(state: CouponState, ends: datetime, now: datetime) -> CouponState:
    """The state of a coupon at a moment: one that waits to be used expires by itself."""
    return CouponState.EXPIRED if state is CouponState.ACTIVE and ends <= now else state


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponTerms:
    """What a campaign's coupons give, and where; the empty set means "any".

    One of `amount_minor`, `basis_points` (1/100 %) and `promotion`, which the coupon unlocks; `most_minor` is
    the most it takes off, `min_spend_minor` what its lines must come to when it does.
    """

    campaign: str
    names: Mapping[str, str]
    currency_code: str
    amount_minor: int | None = None
    basis_points: int | None = None
    promotion: str | None = None
    most_minor: int | None = None
    min_spend_minor: int = 0
    stacking: Stacking = Stacking.WITH_PROMOTIONS
    target: Target = field(default_factory=Target)
    channels: frozenset[str] = NOTHING
    valid_from: datetime | None = None

    def why_not_here(self, channel: str, currency_code: str, now: datetime) -> Text | None:
        """Why such a coupon can't be used there and then, whatever is bought; None when it can."""
        if self.currency_code != currency_code:
            return Text(
                f"This coupon is for purchases in {self.currency_code}.",
                f"此优惠券仅限 {self.currency_code} 消费使用。",
            )
        if self.channels and channel not in self.channels:
            return Text("This coupon can't be used in this channel.", "此优惠券不能在该渠道使用。")
        if self.valid_from is not None and now < self.valid_from:
            return Text("This coupon can't be used yet.", "此优惠券尚未开始生效。")
        return None


Goods = Callable[[PricedLine], BasketLine]


def with_coupon(basket: Basket, terms: CouponTerms, goods: Goods) -> Basket | Text:
    """The basket with the coupon taken off, or why it takes nothing off.

    `basket` is as its promotions left it; `goods` says of a line what targets ask.
    """
    if terms.promotion is not None:
        used = any(one.source == terms.promotion for one in basket.reductions)
        return (
            basket
            if used
            else Text("Nothing in this cart is in the offer.", "购物车中没有此优惠适用的商品。")
        )
    stacked = _taken_off(basket, terms, goods)
    if terms.stacking is Stacking.WITH_PROMOTIONS or (isinstance(stacked, Text) and not basket.reductions):
        return stacked
    plain = basket_of(basket.currency_code, [replace(line, discount_minor=0) for line in basket.lines])
    alone = _taken_off(plain.shipped_for(basket.shipping_minor), terms, goods)
    if isinstance(alone, Text) or alone.total_minor < basket.total_minor:
        return alone
    return Text("The promotions save more than this coupon would.", "促销优惠已高于此优惠券。")


def _taken_off(basket: Basket, terms: CouponTerms, goods: Goods) -> Basket | Text:
    held = [place for place, line in enumerate(basket.lines) if covers(terms.target, goods(line))]
    parts = [Part(basket.lines[place].quantity, basket.lines[place].total_minor) for place in held]
    spent = sum(part.left_minor for part in parts)
    if spent < terms.min_spend_minor:
        least = Money(terms.min_spend_minor, terms.currency_code)
        return Text(
            f"This coupon is for {least} or more of its goods.",
            f"此优惠券须购买适用商品满 {least} 方可使用。",
        )
    shares = _shares(terms, parts)
    off = sum(shares)
    if not off:
        return Text("Nothing in this cart is in the offer.", "购物车中没有此优惠适用的商品。")
    return taken_off(basket, dict(zip(held, shares, strict=True)), coupon_source(terms.campaign), terms.names)


def _shares(terms: CouponTerms, parts: Sequence[Part]) -> list[int]:
    weights = [part.left_minor for part in parts]
    if terms.basis_points is not None:
        shares = PercentOff(terms.basis_points).shares(parts)
        over = terms.most_minor is not None and sum(shares) > terms.most_minor
        return split(terms.most_minor or 0, shares) if over else shares
    return split(min(terms.amount_minor or 0, sum(weights)), weights)


def taken_off(basket: Basket, shares: Mapping[int, int], source: str, names: Mapping[str, str]) -> Basket:
    """The basket with one reduction more, its shares by the place of the line."""
    lines = [
        replace(line, discount_minor=line.discount_minor + shares.get(place, 0))
        for place, line in enumerate(basket.lines)
    ]
    reduction = Reduction(source, names, sum(shares.values()))
    return basket_of(basket.currency_code, lines, [*basket.reductions, reduction]).shipped_for(
        basket.shipping_minor
    )


def not_applicable(why: Text, field: Sequence[str]) -> Refusal:
    """The refusal of a coupon that can't be used here."""
    return Refusal(RefusalCode.COUPON_NOT_APPLICABLE, why, tuple(field))


UNKNOWN = Text("There is no such coupon for this cart.", "该购物车不能使用此优惠券。")


def why_not_now(
    state: CouponState, ends: datetime, now: datetime, *, field: Sequence[str], is_theirs: bool
) -> Refusal | None:
    """Why a coupon in this state is no use to somebody; None when it is."""
    if not is_theirs or state is CouponState.REVOKED:
        return not_applicable(UNKNOWN, field)
    if state in (CouponState.USED, CouponState.RESERVED):
        return Refusal(
            RefusalCode.COUPON_EXHAUSTED,
            Text("This coupon was used.", "此优惠券已被使用。"),
            tuple(field),
        )
    if ends <= now:
        return Refusal(
            RefusalCode.COUPON_EXPIRED, Text("This coupon has expired.", "此优惠券已过期。"), tuple(field)
        )
    return None
