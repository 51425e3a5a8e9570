"""Requests that mean harm are refused with their reason, and leave one line in the log."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from structlog.testing import capture_logs

from tests.door.hostile import HOSTILE, Hostile, hostile_client, send


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with hostile_client() as one:
        yield one


@pytest.mark.parametrize("one", HOSTILE, ids=lambda one: one.name)
async def test_it_is_refused_and_logged_once(client: httpx.AsyncClient, one: Hostile) -> None:
    with capture_logs() as logs:
        answer = await send(client, one)
    errors = answer.json()["errors"]
    assert (answer.status_code, {error["extensions"]["code"] for error in errors}) == (one.status, {one.code})
    assert len(errors) <= 21
    assert "data" not in answer.json()
    assert [line["event"] for line in logs] == ["answered"]


async def test_what_is_served_to_others_is_not_forgotten_for_it(client: httpx.AsyncClient) -> None:
    answer = await client.post("/graphql", json={"query": "{ hello }"})
    assert answer.json() == {"data": {"hello": "Hello you"}}
