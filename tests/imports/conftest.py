"""Shops for the tests of imports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.imports.filed_shop import Shop, opened


@pytest.fixture
async def shop(database_server: str, database_template: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """A shop without goods that this test has to itself."""
    async with opened(database_server, database_template, tmp_path) as one:
        yield one


@pytest.fixture(scope="module")
async def filled_shop(
    database_server: str, database_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Shop]:
    """A shop with all its files read, for tests that change nothing in it."""
    async with opened(database_server, database_template, tmp_path_factory.mktemp("files")) as one:
        await one.stands()
        yield one
