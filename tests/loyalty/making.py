"""What the tests of loyalty share: members with tokens, programmes, campaigns, and documents to ask with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from domain.loyalty.points import Line, PointsEntryKind
from persistence.loyalty import ledger
from tests.makers import make_member
from tests.orders.buying import DONE, ORDER, a_cart, a_key, check_out
from tests.shop import Shop

FOREVER = "2099-01-01T00:00:00Z"
POINTS = "points { available pending expiring nextExpiry }"
COUPON = """coupon { id code name state discount { amount { amount } percent } minSpend { amount } channels
  validUntil }"""
ERRORS = "userErrors { code field message }"
ME = f"""query Q($after: String, $state: CouponState) {{ me {{ {POINTS} tier {{ code }}
  pointsHistory(first: 20, after: $after) {{
    nodes {{ id kind points balanceAfter reason channel expiresAt order {{ id totals {{ pointsEarned }} }} }}
    edges {{ cursor node {{ id }} }} pageInfo {{ hasNextPage endCursor }} }}
  coupons(first: 20, state: $state) {{
    nodes {{ id code state }} edges {{ cursor }} pageInfo {{ hasNextPage }} }}
}} }}"""
CART = f"""query Q($id: ID!) {{ cart(id: $id) {{ {COUPON} pointsUsed problems {{ code field }}
  discounts {{ source name amount {{ amount }} }}
  lines {{ discount {{ amount }} lineTotal {{ amount }} }}
  totals {{ discounts {{ amount }} total {{ amount }} pointsEarned }} }} }}"""
APPLY = f"""mutation M($input: CartCouponApplyInput!) {{ done: cartCouponApply(input: $input) {{
  cart {{ totals {{ total {{ amount }} }} coupon {{ state }} }} {ERRORS} }} }}"""
SET_POINTS = f"""mutation M($input: CartPointsSetInput!) {{ done: cartPointsSet(input: $input) {{
  cart {{ pointsUsed totals {{ total {{ amount }} }} }} {ERRORS} }} }}"""
REDEEM = f"""mutation M($input: CouponRedeemInput!) {{ done: couponRedeem(input: $input) {{
  {COUPON} {POINTS} {ERRORS} }} }}"""
CLAIM = (
    f"mutation M($input: CouponClaimInput!) {{ done: couponClaim(input: $input) {{ {COUPON} {ERRORS} }} }}"
)
OFFERS = """query Q($channel: String!) { pointsOffers(channel: $channel) {
  code name points discount { amount { amount } percent } minSpend { amount } } }"""
SET_PROGRAMME = f"""mutation M($input: PointsProgrammeSetInput!) {{ done: pointsProgrammeSet(input: $input) {{
  programme {{ currencyCode waitsDays redeemPoints redeemAmount {{ amount }} }} {ERRORS} }} }}"""
SET_RULES = f"""mutation M($input: EarnRulesSetInput!) {{ done: earnRulesSet(input: $input) {{
  rules {{ code name points multiplier weekdays spend {{ amount }} }} {ERRORS} }} }}"""
SET_CAMPAIGN = f"""mutation M($input: CouponCampaignSetInput!) {{ done: couponCampaignSet(input: $input) {{
  campaign {{ code name issued mostCoupons discount {{ percent amount {{ amount }} }} }} {ERRORS} }} }}"""
SET_OFFER = f"""mutation M($input: PointsOfferSetInput!) {{ done: pointsOfferSet(input: $input) {{
  offer {{ code points }} {ERRORS} }} }}"""

CANCEL = f"mutation M($input: OrderCancelInput!) {{ done: orderCancel(input: $input) {DONE} }}{ORDER}"
SHIP = f"mutation M($input: OrderShipInput!) {{ done: orderShip(input: $input) {DONE} }}{ORDER}"
DELIVER = f"mutation M($input: OrderDeliverInput!) {{ done: orderDeliver(input: $input) {DONE} }}{ORDER}"
RETURN = f"mutation M($input: OrderReturnInput!) {{ done: orderReturn(input: $input) {DONE} }}{ORDER}"


class Shopper(NamedTuple):
    """A member and the token to ask with."""

    id: str
    token: str


async def a_member(
    shop: Shop, points: int = 0, *, expires_at: datetime | None = None, tier: str | None = None
) -> Shopper:
    """A new member who has so many points."""
    async with shop.database() as db:
        member = str(await make_member(db))
        if points:
            await give_points(db, member, points, expires_at=expires_at)
    return Shopper(member, shop.token("member", subject=member, tier=tier))


async def give_points(
    db: Any, member: str, points: int, *, expires_at: datetime | None = None, now: datetime | None = None
) -> None:
    """Adds points that can be used at once."""
    now = now or datetime.now(UTC) - timedelta(minutes=1)
    line = Line(PointsEntryKind.ADJUST, points, "welcome", available_at=now, expires_at=expires_at)
    await ledger.post(db, member, [line], now)


async def done(shop: Shop, document: str, token: str | None = None, **given: Any) -> Any:
    """The payload of a mutation asked with a new key, if it takes one."""
    if "cartId" not in given:
        given = {"idempotencyKey": a_key()} | given
    return (await shop.ask(document, token=token, input=given)).data["done"]


async def the_cart(shop: Shop, cart_id: str, token: str | None = None) -> Any:
    """A cart as its shopper sees it."""
    return (await shop.ask(CART, token=token, id=cart_id)).data["cart"]


async def me(shop: Shop, shopper: Shopper, **given: Any) -> Any:
    """A member as the member sees it."""
    return (await shop.ask(ME, token=shopper.token, **given)).data["me"]


async def points(shop: Shop, shopper: Shopper) -> tuple[int, int]:
    """What a member has to use now, and what is on its way."""
    found = (await me(shop, shopper))["points"]
    return found["available"], found["pending"]


async def programme(shop: Shop, **more: Any) -> None:
    """The programme of the Hong Kong dollar: 100 points pay 1.00, unless told otherwise."""
    given = {
        "currencyCode": "HKD",
        "timeZone": "Asia/Hong_Kong",
        "redeemPoints": 100,
        "redeemAmount": "1.00",
        "lifetimeDays": 365,
    } | more
    assert (await done(shop, SET_PROGRAMME, shop.token("admin"), **given))["userErrors"] == []


def rule(code: str, **more: Any) -> dict[str, Any]:
    """A rule of one point for every dollar, unless told otherwise."""
    return {
        "code": code,
        "names": named(code),
        "currencyCode": "HKD",
        "earn": {"rate": {"points": 1, "spend": "1.00"}},
    } | more


async def rules(shop: Shop, *given: dict[str, Any]) -> None:
    """These rules, made or replaced."""
    answer = await done(shop, SET_RULES, shop.token("admin"), rules=list(given))
    assert answer["userErrors"] == []


async def campaign(shop: Shop, code: str, **more: Any) -> str:
    """The code of a campaign of coupons for 10.00 that members may take, unless told otherwise."""
    given = {
        "code": code,
        "names": named(code),
        "currencyCode": "HKD",
        "discount": {"amount": "10.00"},
        "validUntil": FOREVER,
        "claimable": True,
    } | more
    answer = await done(shop, SET_CAMPAIGN, shop.token("admin"), **given)
    assert answer["userErrors"] == [], answer
    return code


async def claimed(shop: Shop, shopper: Shopper, code: str) -> Any:
    """A coupon of a campaign that the member took."""
    answer = await done(shop, CLAIM, shopper.token, campaign=code)
    assert answer["userErrors"] == [], answer
    return answer["coupon"]


def named(code: str) -> list[dict[str, str]]:
    """Names in two languages."""
    return [{"locale": "en", "text": f"{code} in English"}, {"locale": "zh-CN", "text": f"{code} 中文"}]


def amount(shown: Any) -> Decimal:
    """The amount of money as shown."""
    return Decimal(shown["amount"])


async def balanced(shop: Shop) -> bool:
    """Whether every account is the sum of its lines and of its lots."""
    async with shop.database() as db:
        return not await ledger.differences(db, 10)


async def bought(
    shop: Shop, shopper: Shopper, *lines: tuple[str, int], till: bool = False, **more: Any
) -> Any:
    """An order of a member's that was paid, brought by the carrier or carried out of a till."""
    where: dict[str, Any] = {"channel": "pos", "store": "central", "fulfilment": None} if till else {}
    cart_id = await a_cart(shop, *lines, token=shopper.token, **where)
    if "points" in more:
        given = {"cartId": cart_id, "points": more["points"]}
        assert (await done(shop, SET_POINTS, shopper.token, **given))["userErrors"] == []
    if "coupon" in more:
        given = {"cartId": cart_id, "code": more["coupon"]}
        assert (await done(shop, APPLY, shopper.token, **given))["userErrors"] == []
    payload = await check_out(shop, cart_id, pay=more.get("pay", "ok"), token=shopper.token)
    assert payload["order"] is not None, payload
    return payload["order"]


async def brought(shop: Shop, order: Any) -> None:
    """The order has been delivered."""
    given = {"idempotencyKey": a_key(), "orderId": order["id"]}
    admin = shop.token("admin")
    assert (await shop.ask(SHIP, token=admin, input=given | {"carrier": "SF"})).data["done"]["order"]
    assert (await shop.ask(DELIVER, token=admin, input=given)).data["done"]["order"]


async def returned(shop: Shop, shopper: Shopper, order: Any, quantity: int) -> None:
    """So many of the order's first line came back."""
    line = {"lineId": order["lines"][0]["id"], "quantity": quantity, "restock": True}
    given = {"orderId": order["id"], "store": "central", "reason": "too much", "lines": [line]}
    answer = await shop.ask(RETURN, token=shopper.token, input={"idempotencyKey": a_key()} | given)
    assert answer.data["done"]["userErrors"] == []


async def cancelled(shop: Shop, shopper: Shopper, order: Any) -> None:
    """The order comes to nothing."""
    given = {"idempotencyKey": a_key(), "orderId": order["id"], "reason": "changed my mind"}
    answer = await shop.ask(CANCEL, token=shopper.token, input=given)
    assert answer.data["done"]["userErrors"] == []
