"""The explorer in a real browser: no other host is asked, queries run, streams flow, sign-ins count."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest_asyncio
from playwright.async_api import Page, Request, expect

from graph.examples import EXAMPLES
from tests.explorer.mall import Mall

RESPONSE = ".graphiql-response .view-lines"
RUN = "button.graphiql-execute-button"


@dataclass
class Watch:
    """What the browser asked for and complained about."""

    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@pytest_asyncio.fixture(loop_scope="session")
async def watch(page: Page) -> Watch:
    seen = Watch()

    def asked(request: Request) -> None:
        seen.requests.append(request.url)

    page.context.on("request", asked)
    page.on("websocket", lambda socket: seen.requests.append(socket.url))
    page.on(
        "console",
        lambda line: seen.complaints.append(line.text) if line.type in ("error", "warning") else None,
    )
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.on("requestfailed", lambda request: seen.complaints.append(f"{request.url}: {request.failure}"))
    return seen


async def _open(page: Page, address: str) -> None:
    await page.goto(f"{address}/graphql")
    await expect(page.locator(".graphiql-query-editor .view-lines")).to_contain_text("SearchProducts")


async def _tab(page: Page, name: str) -> None:
    await page.get_by_role("tab", name=name).click()
    await expect(page.locator(".graphiql-query-editor .view-lines")).to_contain_text(name)


async def test_it_opens_with_its_example_tabs_and_asks_no_other_host(
    page: Page, address: str, watch: Watch
) -> None:
    await _open(page, address)
    assert await page.title() == "Shelfgraph"
    titles = [example.name for example in EXAMPLES]
    await expect(page.locator(".graphiql-tab-button")).to_have_text(titles)
    await page.click(RUN)
    await expect(page.locator(RESPONSE)).to_contain_text("Chopped Ham")
    await _tab(page, "WatchTillPrices")
    lines = page.locator(".graphiql-query-editor .view-line")
    unformatted = await lines.count()
    await page.get_by_role("button", name="Prettify query").click()
    await expect(lines).not_to_have_count(unformatted)
    await page.click(RUN)
    await expect(page.locator(RESPONSE)).to_contain_text("SNAPSHOT")
    await page.get_by_label("Open an example").select_option("TillPriceTrace")
    await expect(page.locator(".graphiql-tab-button")).to_have_text([*titles, "TillPriceTrace"])
    await page.click(RUN)
    await expect(page.locator(RESPONSE)).to_contain_text("priceTrace")
    host = address.removeprefix("http://")
    elsewhere = [url for url in watch.requests if url.split("/")[2] != host and not url.startswith("data:")]
    assert elsewhere == []
    assert f"ws://{host}/graphql" in watch.requests
    await _until(page, lambda: sum("worker" in url for url in watch.requests) >= 3)
    assert watch.complaints == []


async def test_a_document_that_does_not_fit_the_schema_is_underlined(page: Page, address: str) -> None:
    await _open(page, address)
    await page.get_by_role("button", name="New tab").click()
    await page.locator(".graphiql-query-editor .monaco-editor").click()
    await page.keyboard.insert_text("{ channels { colour } }")
    await expect(page.locator(".graphiql-query-editor .squiggly-error")).to_be_visible()


async def test_a_price_set_in_one_tab_arrives_in_the_other(page: Page, address: str, mall: Mall) -> None:
    await _open(page, address)
    await _tab(page, "WatchTillPrices")
    await page.click(RUN)
    await expect(page.locator(RESPONSE)).to_contain_text("38.00")

    await _tab(page, "SetPrices")
    await page.click(RUN)
    await expect(page.locator(RESPONSE)).to_contain_text("userErrors")
    await expect(page.locator(RESPONSE)).not_to_contain_text("SNAPSHOT")
    await expect(page.locator(".bar-stream")).to_have_text("WatchTillPrices · +1")

    await page.click(".bar-stream")
    await expect(page.locator(RESPONSE)).to_contain_text("35.90")
    await expect(page.locator(RESPONSE)).to_contain_text("SNAPSHOT")
    await expect(page.locator(".bar-stream")).to_have_text("WatchTillPrices · 2")
    assert len(mall.watched_as) == 1

    await page.click(RUN)  # which now stops
    await expect(page.locator(".bar-stream")).to_have_count(0)
    await _until(page, lambda: not mall.watchers)

    await _tab(page, "SetPrices")
    await page.click(RUN)
    await _until(page, lambda: len(mall.idempotency_keys) == 2)
    first, second = mall.idempotency_keys
    assert first != second
    assert len(first) == len(second) == 36


async def test_run_pressed_the_moment_a_tab_is_in_front_runs_that_tab(page: Page, address: str) -> None:
    await _open(page, address)
    await _tab(page, "WatchTillPrices")
    await page.click(RUN)
    await expect(page.locator(RESPONSE)).to_contain_text("SNAPSHOT")
    await page.get_by_role("tab", name="NearestStores").click()
    await page.evaluate(
        """async (run) => {
            const editor = () => document.querySelector(".graphiql-query-editor .view-lines").textContent;
            for (let frame = 0; frame < 600 && !editor().includes("NearestStores"); frame++)
                await new Promise(requestAnimationFrame);
            document.querySelector(run).click();
        }""",
        RUN,
    )
    await expect(page.locator(RESPONSE)).to_contain_text("AEON")


async def test_a_stream_lives_as_long_as_its_tab(page: Page, address: str, mall: Mall) -> None:
    await _open(page, address)
    await _tab(page, "WatchTillPrices")
    await page.click(RUN)
    await expect(page.locator(RESPONSE)).to_contain_text("SNAPSHOT")
    await page.get_by_role("button", name="New tab").click()
    mall.tell("BOOKMARK")
    mall.tell("BOOKMARK")
    mall.set_price("1.11")
    mall.tell("BOOKMARK")
    await expect(page.locator(".bar-stream")).to_have_text("WatchTillPrices · +1")
    await expect(page.locator(RESPONSE)).not_to_contain_text("1.11")
    await _tab(page, "WatchTillPrices")
    await expect(page.locator(RESPONSE)).to_contain_text("1.11")
    kinds = re.findall("BOOKMARK|CHANGE|SNAPSHOT", await page.locator(RESPONSE).inner_text())
    assert kinds[:2] == ["BOOKMARK", "CHANGE"]
    assert kinds[2:] in ([], ["SNAPSHOT"])  # the editor draws only the lines in sight

    await _tab(page, "NearestStores")
    assert len(mall.watchers) == 1
    tab = page.get_by_role("tab", name="WatchTillPrices")
    await tab.hover()
    await tab.get_by_label("Close Tab").click()
    await _until(page, lambda: not mall.watchers)


async def test_signing_in_reaches_requests_and_reopens_the_socket(
    page: Page, address: str, mall: Mall
) -> None:
    await _open(page, address)
    await _tab(page, "WatchTillPrices")
    await page.click(RUN)
    await expect(page.locator(RESPONSE)).to_contain_text("SNAPSHOT")
    await page.get_by_label("Signed in as").select_option("staff:wellcome")
    await _until(page, lambda: len(mall.watched_as) == 2)
    assert mall.watched_as == [None, 'Bearer ["staff","wellcome"]']

    await _tab(page, "NearestStores")
    mall.authorizations.clear()
    await page.click(RUN)
    await expect(page.locator(RESPONSE)).to_contain_text("AEON")
    assert mall.authorizations == ['Bearer ["staff","wellcome"]']

    await page.get_by_label("Signed in as").select_option("admin")
    await expect(page.locator("#bar").get_by_role("alert")).to_have_text(
        "Signing in failed: No administrator here."
    )
    await page.reload()
    await expect(page.get_by_label("Signed in as")).to_have_value("staff:wellcome")
    mall.authorizations.clear()
    await page.click(RUN)
    await expect(page.locator(RESPONSE)).to_contain_text("AEON")
    assert mall.authorizations[-1] == 'Bearer ["staff","wellcome"]'


async def test_a_typed_token_wins_and_tabs_are_kept(page: Page, address: str, mall: Mall) -> None:
    await _open(page, address)
    await page.get_by_label("Signed in as").select_option("member")
    await _tab(page, "NearestStores")
    await page.get_by_role("button", name="Headers", exact=True).click()
    await page.locator(".graphiql-editor-tool .monaco-editor:visible").click()
    await page.keyboard.insert_text('{"Authorization": "Bearer typed"}')
    await expect(page.locator(".graphiql-editor-tool .view-lines:visible")).to_contain_text("typed")
    await page.wait_for_timeout(200)  # GraphiQL takes what is typed into the tab a tenth of a second later
    await page.reload()
    await expect(page.get_by_role("tab")).to_have_count(len(EXAMPLES))
    await expect(page.get_by_role("tab", name="NearestStores")).to_have_attribute("aria-selected", "true")
    mall.authorizations.clear()
    await page.click(RUN)
    await expect(page.locator(RESPONSE)).to_contain_text("AEON")
    assert mall.authorizations[-1] == "Bearer typed"


async def test_in_production_nobody_is_offered_to_sign_in(
    page: Page, production_address: str, watch: Watch
) -> None:
    await _open(page, production_address)
    await page.click(RUN)
    await expect(page.locator(RESPONSE)).to_contain_text("Chopped Ham")
    await expect(page.get_by_label("Signed in as")).to_have_count(0)
    assert not any("/dev/" in url for url in watch.requests)
    assert watch.complaints == []


async def test_it_follows_the_systems_light_or_dark(page: Page, address: str) -> None:
    await _open(page, address)
    for scheme, lightest in (("light", 240), ("dark", 30)):
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for part in ("body", ".graphiql-container"):
            colour = await page.evaluate(
                "part => getComputedStyle(document.querySelector(part)).backgroundColor", part
            )
            red = int(colour.removeprefix("rgb(").split(",")[0])
            assert (red >= lightest) if scheme == "light" else (red <= lightest + 20), (
                f"{part} is {colour} in {scheme}"
            )


async def _until(page: Page, true: Callable[[], bool]) -> None:
    for _ in range(600):
        if true():
            return
        await page.wait_for_timeout(50)
    assert true()
