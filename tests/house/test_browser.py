"""The browser of the page tests: it runs, starts clean, and its absence is said in one of two ways."""

from __future__ import annotations

import pytest
from playwright.async_api import Page

from tests.browser import require_chromium


@pytest.mark.parametrize("visit", [1, 2])
async def test_every_test_starts_with_an_empty_page(page: Page, visit: int) -> None:
    await page.route("**/*", lambda route: route.fulfill(body="<p id=here>ok</p>", content_type="text/html"))
    await page.goto("http://shelfgraph.test/")
    assert await page.text_content("#here") == "ok"
    assert await page.evaluate("localStorage.getItem('visit')") is None
    await page.evaluate("v => localStorage.setItem('visit', v)", str(visit))


@pytest.mark.parametrize(
    ("required", "outcome"), [("0", pytest.skip.Exception), ("1", pytest.fail.Exception)]
)
def test_a_missing_chromium_skips_or_fails_as_asked(
    monkeypatch: pytest.MonkeyPatch, required: str, outcome: type[BaseException]
) -> None:
    monkeypatch.delenv("SHELFGRAPH_CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("SHELFGRAPH_REQUIRE_CHROMIUM", required)
    with pytest.raises(outcome, match="No Chromium found"):
        require_chromium()
