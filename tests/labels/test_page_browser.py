"""The page of labels in a real browser: it shows, redraws, filters, speaks, and hands out the mutation."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from graphql import parse
from playwright.async_api import Browser, Page, expect

from tests.labels.price_graph import price
from tests.labels.wall import Wall, served_wall


@pytest.fixture
async def wall() -> AsyncIterator[Wall]:
    async with served_wall() as wall:
        yield wall


@pytest.fixture
async def shown(wall: Wall, page: Page) -> AsyncIterator[Page]:
    """The page with all its labels; a complaint of the browser or a call to another host fails the test."""
    page.set_default_timeout(20_000)
    expect.set_options(timeout=20_000)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    page.on(
        "request",
        lambda request: None if request.url.startswith(wall.url) else complaints.append(request.url),
    )
    await page.goto(f"{wall.url}/labels")
    await expect(page.locator(".label")).to_have_count(4)
    await expect(page.locator("#live")).to_have_attribute("data-state", "live")
    yield page
    await page.goto("about:blank")
    assert complaints == []


def face(page: Page, code: str) -> str:
    return f'.label[data-code="{code}"]'


async def natural_size(page: Page, selector: str) -> list[int]:
    await page.wait_for_function("s => document.querySelector(s).naturalWidth > 0", arg=f"{selector} img")
    size: list[int] = await page.eval_on_selector(
        f"{selector} img", "i => [i.naturalWidth, i.naturalHeight, i.clientWidth]"
    )
    return size


async def test_every_label_hangs_on_the_wall_pixel_for_pixel(shown: Page) -> None:
    for code, size in {"W1": [400, 300, 400], "W2": [296, 128, 296], "W3": [250, 122, 250]}.items():
        assert await natural_size(shown, face(shown, code)) == size
    assert await shown.get_attribute(f"{face(shown, 'W2')} img", "alt") == (
        "Shelf label A-2: Ceylon Lemon Tea 250mL, $20.50"
    )
    assert await shown.locator("#wall h2").all_inner_texts() == [
        "惠康 銅鑼灣\n3 labels",
        "百佳 旺角\n1 label",
    ]


async def test_a_changed_price_redraws_its_label_before_ones_eyes(wall: Wall, shown: Page) -> None:
    await natural_size(shown, face(shown, "W2"))
    before = await shown.get_attribute(f"{face(shown, 'W2')} img", "src")
    untouched = await shown.get_attribute(f"{face(shown, 'W1')} img", "src")
    await wall.graph.change("tea", price(1850, 200, was=2050))
    await expect(shown.locator(f"{face(shown, 'W2')}.inked.fresh")).to_have_count(1)
    await expect(shown.locator("#redraws")).to_have_text("5")
    await expect(shown.locator("#latest")).to_have_text("$18.50 · Ceylon Lemon Tea 250mL")
    assert (await shown.inner_text("#ink")).endswith(" ms")
    assert await shown.get_attribute(f"{face(shown, 'W2')} img", "src") != before
    assert await shown.get_attribute(f"{face(shown, 'W1')} img", "src") == untouched
    await shown.click("#latest")
    await expect(shown.locator(f"{face(shown, 'W2')} button")).to_be_focused()


async def test_stores_and_words_narrow_the_wall(shown: Page) -> None:
    visible = shown.locator(".label:visible")
    await shown.get_by_role("button", name="百佳 旺角").click()
    await expect(visible).to_have_count(1)
    await expect(shown.get_by_role("button", name="百佳 旺角")).to_have_attribute("aria-pressed", "true")
    await shown.get_by_role("button", name="All stores").click()
    await expect(visible).to_have_count(4)
    for text, count in {"檸檬茶": 1, "LEMON tea": 1, "oil": 2, "W3": 1, "nowhere": 0}.items():
        await shown.fill("#filter", text)
        await expect(visible).to_have_count(count)
    await expect(shown.locator("#nothing")).to_have_text("No label matches.")


async def test_the_panel_hands_out_a_mutation_that_cuts_the_price(wall: Wall, shown: Page) -> None:
    await shown.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await shown.focus(f"{face(shown, 'W1')} button")
    await shown.keyboard.press("Enter")
    await expect(shown.locator("#panel")).to_be_visible()
    await expect(shown.locator("#panel-title")).to_have_text("純一 初榨橄欖油 1公升")
    await shown.click("#copy")
    await expect(shown.locator("#copied")).to_have_text("Copied.")
    text = await shown.evaluate("navigator.clipboard.readText()")
    parse(text)
    for part in ('sku: "oil"', "kind: SALE", 'amount: "116.91"', 'currencyCode: "HKD"', 'store: "wellcome"'):
        assert part in text
    await expect(shown.locator("#token")).to_have_text("shelfgraph token staff --store wellcome")
    assert await shown.get_attribute("#panel a", "href") == "graphql"
    await wall.graph.change("oil", price(11691, 200, was=12990))
    await expect(shown.locator("#facts")).to_contain_text("$116.91")
    await expect(shown.locator("#mutation")).to_contain_text('amount: "105.22"')
    await shown.keyboard.press("Escape")
    await expect(shown.locator("#panel")).to_be_hidden()
    await expect(shown.locator(f"{face(shown, 'W1')} button")).to_be_focused()


async def test_the_page_speaks_both_languages_and_remembers(shown: Page) -> None:
    await shown.click("#language")
    await expect(shown.locator("h1")).to_have_text("货架价签")
    await expect(shown.locator("#live-text")).to_have_text("实时 · 2 个网关")
    assert await shown.get_attribute("html", "lang") == "zh-CN"
    await shown.reload()
    await expect(shown.locator("h1")).to_have_text("货架价签")
    await expect(shown.get_by_placeholder("查找品名或 SKU")).to_be_visible()
    await shown.click("#language")
    await expect(shown.locator("h1")).to_have_text("Shelf labels")


async def test_the_keyboard_reaches_the_filter(shown: Page) -> None:
    await shown.keyboard.press("/")
    await expect(shown.locator("#filter")).to_be_focused()
    assert await shown.input_value("#filter") == ""


async def test_a_lost_stream_is_said_and_a_gateway_that_waits_is_counted(wall: Wall, page: Page) -> None:
    await page.goto(f"{wall.url}/labels")
    await expect(page.locator("#live")).to_have_attribute("data-state", "live", timeout=20_000)
    await wall.end()
    await expect(page.locator("#live")).to_have_attribute("data-state", "offline", timeout=20_000)
    await expect(page.locator("#live-text")).to_have_text("Connection lost, trying again …")


@pytest.mark.parametrize("width", [320, 390, 768])
async def test_small_screens_scroll_one_way_only(wall: Wall, browser: Browser, width: int) -> None:
    context = await browser.new_context(viewport={"width": width, "height": 700}, locale="zh-CN")
    page = await context.new_page()
    await page.goto(f"{wall.url}/labels")
    await expect(page.locator(".label")).to_have_count(4, timeout=20_000)
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await page.click('.label[data-code="W1"] button')
    assert await page.evaluate("document.querySelector('#panel').scrollWidth") <= width
    await context.close()
