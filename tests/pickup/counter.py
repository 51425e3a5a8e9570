"""What the tests of pickups share: orders that are to be collected, and the documents of the counter."""

from __future__ import annotations

from typing import Any

from tests.orders.buying import a_key, an_order, by_token, make_goods
from tests.shop import Shop

PICKUP = """
fragment P on Pickup { id state store { code } order { number state } code qrSvg readyAt heldUntil
  collectedAt collectedBy shelf }"""
ERRORS = """userErrors { __typename code message field
  ... on PickupCodeError { attemptsLeft lockedUntil store { code } collectedAt collectedBy } }"""


def _document(name: str) -> str:
    kind = f"{name[0].upper()}{name[1:]}Input"
    return (
        f"mutation M($input: {kind}!) {{ done: {name}(input: $input) {{ pickup {{ ...P }} {ERRORS} }} }}"
        f"{PICKUP}"
    )


PREPARE = _document("pickupPrepare")
READY = _document("pickupReady")
VERIFY = _document("pickupVerify")
COLLECT = _document("pickupCollect")
ROTATE = _document("pickupCodeRotate")
OF_ORDER = f"query Q($by: OrderBy!) {{ order(by: $by) {{ id state nextStates pickup {{ ...P }} }} }}{PICKUP}"
QUEUE = f"""query Q($store: String!, $first: Int!, $state: [PickupState!], $after: String) {{
  pickups(store: $store, first: $first, state: $state, after: $after) {{
    nodes {{ ...P }} totalCount pageInfo {{ hasNextPage endCursor }} }} }}{PICKUP}"""


def clerk(shop: Shop, store: str = "central", name: str = "ada") -> str:
    """The token of somebody who works in a store."""
    return shop.token("staff", store=store, subject=name)


async def told(shop: Shop, document: str, token: str | None = None, **given: Any) -> Any:
    """The payload of a mutation."""
    return (await shop.ask(document, token=token, input=given)).data["done"]


async def ordered(shop: Shop, store: str = "central", *, token: str | None = None, units: int = 1) -> Any:
    """The payload of a checkout of one article, paid, to be collected in a store."""
    sku = await make_goods(shop, **{store: 5})
    return await an_order(
        shop, (sku, units), token=token, store=store, fulfilment={"kind": "PICKUP", "store": store}
    )


async def pickup_of(shop: Shop, done: Any) -> Any:
    """The pickup of a checkout, as its visitor sees it."""
    answer = await shop.ask(OF_ORDER, by={"token": done["orderToken"]})
    return answer.data["order"]["pickup"]


async def make_ready(shop: Shop, done: Any, **more: Any) -> Any:
    """The pickup of a checkout once it waits in its store, as its visitor sees it: with the code."""
    before = await pickup_of(shop, done)
    token = clerk(shop, before["store"]["code"])
    payload = await told(shop, READY, token, idempotencyKey=a_key(), pickupId=before["id"], **more)
    assert payload["userErrors"] == []
    return await pickup_of(shop, done)


async def waiting(shop: Shop, store: str = "central", **more: Any) -> tuple[Any, Any]:
    """A checkout and its pickup, which is ready in a store."""
    done = await ordered(shop, store, **more)
    return done, await make_ready(shop, done)


async def collect(
    shop: Shop, code: str, token: str | None = None, *, store: str = "central", key: str | None = None
) -> Any:
    """The payload of a code shown to a clerk."""
    return await told(
        shop, COLLECT, token or clerk(shop, store), idempotencyKey=key or a_key(), store=store, code=code
    )


async def order_state(shop: Shop, done: Any) -> str:
    """The state of a checkout's order."""
    state: str = (await by_token(shop, done["orderToken"]))["state"]
    return state
