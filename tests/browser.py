"""A real Chromium for tests of pages: one browser for the session, one clean page for each test.

`pytest_plugins = ["tests.browser"]` in tests/conftest.py makes `browser` and `page` known everywhere.
Where no Chromium is installed these tests are skipped; SHELFGRAPH_REQUIRE_CHROMIUM=1 makes that a failure.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

# A machine that runs several suites at once takes its time; what never comes still fails.
expect.set_options(timeout=30_000)

# Nothing may leave the machine: no field trials, component downloads, sync or QUIC probes by the browser.
CHROMIUM_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium_path() -> str | None:
    """Where an installed Chromium is: SHELFGRAPH_CHROMIUM, else on the path; None when there is none."""
    named = os.environ.get("SHELFGRAPH_CHROMIUM")
    return (
        named or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    )


def require_chromium() -> str:
    """The path of a Chromium; else the test is skipped, or fails when SHELFGRAPH_REQUIRE_CHROMIUM=1."""
    path = chromium_path()
    if path is None:
        reason = "No Chromium found: install the chromium package or set SHELFGRAPH_CHROMIUM to its path."
        if os.environ.get("SHELFGRAPH_REQUIRE_CHROMIUM") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One headless Chromium for all tests; it is closed at the end of the session."""
    path = require_chromium()
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=path, args=list(CHROMIUM_ARGUMENTS))
        yield chromium
        await chromium.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page in a context of its own: no cookies, no storage, nothing from the test before."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    yield await context.new_page()
    await context.close()
