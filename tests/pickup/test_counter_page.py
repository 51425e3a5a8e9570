"""The counter's page in a real browser: a clerk picks an order and hands it over for its code."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from graph.dev_token import dev_token_route
from tests.orders.buying import make_mall
from tests.pickup.counter import collect, order_state, ordered, pickup_of, waiting
from tests.shop import Shop, served_app

PICTURES = os.environ.get("KEEP_PICTURES")
"""A folder to keep pictures of the page in, to be looked at."""


@pytest.fixture(scope="module", autouse=True)
async def mall(shop: Shop) -> None:
    await make_mall(shop)
    # As in development, where a store is enough to sign in.
    shop.app.router.routes.append(dev_token_route(lambda kind, store: shop.token(kind, store=store)))


async def picture(page: Page, name: str) -> None:
    if PICTURES:
        await page.screenshot(path=Path(PICTURES) / f"counter-{name}.png", full_page=True)


async def test_a_clerk_hands_an_order_over(page: Page, shop: Shop) -> None:
    _, other = await waiting(shop)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    await page.set_viewport_size({"width": 420, "height": 900})
    async with served_app(shop.app) as port:
        await page.goto(f"http://127.0.0.1:{port}/counter")
        await page.get_by_label("Store").fill("central")
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.locator("#live")).to_have_attribute("data-state", "live")
        await expect(page.locator(".pickup")).to_have_count(1)
        done = await ordered(shop, units=2)  # told live
        card = page.locator(f'.pickup[data-number="{done["order"]["number"]}"]')
        await expect(card).to_contain_text("2 ×")
        await card.get_by_role("button", name="Start picking").click()
        await card.get_by_label("Shelf").fill("A3")
        await picture(page, "queue")
        await card.get_by_role("button", name="Ready").click()
        await expect(card).to_have_attribute("data-state", "READY")
        await expect(card).to_contain_text("Shelf A3")
        shown = await pickup_of(shop, done)
        # As a wedge scanner types: in one go, with Enter.
        await page.locator("#code").fill(shown["code"])
        await page.locator("#code").press("Enter")
        await expect(page.locator("#answer")).to_contain_text("Oat milk")
        assert await order_state(shop, done) == "READY"  # to look is not to hand over
        await picture(page, "found")
        await page.get_by_role("button", name="Hand over now").click()
        await expect(page.locator("#answer")).to_contain_text("was handed over")
        await expect(card).to_have_count(0)
        assert await order_state(shop, done) == "COMPLETED"
        await page.get_by_role("button", name="中文").click()
        await page.locator("#code").fill(shown["code"])
        await page.get_by_role("button", name="查询").click()
        await expect(page.locator("#answer")).to_contain_text("已取货")
        await expect(page.locator("#answer")).to_contain_text("staff:staff-1")
        assert (await collect(shop, other["code"]))["userErrors"] == []  # elsewhere in the store
        await expect(page.locator("#empty")).to_have_text("没有待取订单。")
        await picture(page, "chinese")
        await page.reload()
        await expect(page.locator("#live")).to_have_attribute("data-state", "live")
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.locator("#sign-in")).to_be_visible()
        assert complaints == []


async def test_the_page_asks_nobody_else(shop: Shop) -> None:
    page = await shop.client.get("/counter", headers={"accept-language": "zh-CN"})
    assert '<html lang="zh-CN">' in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    again = await shop.client.get("/counter", headers={"if-none-match": page.headers["etag"]})
    assert again.status_code == 304
    for name in ("counter.js", "graph.js", "words.js", "counter.css", "icon.svg"):
        file = await shop.client.get(f"/counter/static/{name}")
        assert (file.status_code, "http://" in file.text.replace("http://www.w3.org/", "")) == (200, False)
    assert (await shop.client.get("/counter/static/page.html")).status_code == 404
