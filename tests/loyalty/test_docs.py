"""The examples of docs/loyalty.md run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

from tests.loyalty.making import a_member, claimed, the_cart
from tests.orders.buying import a_cart, make_goods, make_mall
from tests.shop import Shop

PAGE = Path(__file__).parents[2] / "docs" / "loyalty.md"


async def test_the_examples_of_the_page_run_and_do_what_it_says(shop: Shop) -> None:
    await make_mall(shop)
    examples = re.findall(r"```graphql\n(.+?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) == 3
    for document in examples:
        data = (await shop.ask(document, token=shop.token("admin"))).data
        assert [payload["userErrors"] for payload in data.values()] == [[]]
    shopper = await a_member(shop)
    assert (await claimed(shop, shopper, "AUTUMN"))["minSpend"] == {"amount": "50.00"}
    tea = await make_goods(shop, 1250, central=9)
    cart = await the_cart(shop, await a_cart(shop, (tea, 2), token=shopper.token), shopper.token)
    # A point a dollar, or two at the weekend.
    assert cart["totals"]["pointsEarned"] in (25, 50)
