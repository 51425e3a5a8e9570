"""Whatever is asked of the whole schema, by whomever: an answer, never a fault of ours, and no leak."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import mutations, nodes, queries

from domain.refusals import RequestCode
from graph.schema import build_schema
from tests.chance import examples
from tests.partners.calling import mall
from tests.shop import Shop

SCHEMA = build_schema()
QUERIES = sorted(SCHEMA.query_type.fields)
MUTATIONS = sorted(SCHEMA.mutation_type.fields)
KINDS = [None, "member", "staff", "admin", "device", "partner"]
# What only the inside of the house would say.
INSIDE = ("Traceback", "asyncpg", "SELECT ", "INSERT ", "/site-packages/", "postgresql://", "relation ")


def _texts(*values: str) -> Any:
    return st.sampled_from(values).map(nodes.String)


SCALARS = {
    "DateTime": _texts("2026-11-22T09:18:00Z", "2026-11-22T09:18:00.123+08:00", "0001-01-01T00:00:00Z"),
    "Decimal": _texts("0", "12.50", "-1", "1e400", "0.0000001", "99999999999999999999"),
    "BigInt": st.integers(-(2**64), 2**64).map(str).map(nodes.String),
    "EventCursor": _texts("0001.00000000000000000001", "9999.99999999999999999999", "x"),
    "Locale": _texts("zh-HK", "en", "tlh", ""),
    "CurrencyCode": _texts("HKD", "CNY", "xxx"),
    "Date": _texts("2026-11-22", "0001-01-01", "9999-12-31"),
}


@pytest.fixture(scope="module")
async def shop(fresh_database: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    async with mall(fresh_database, tmp_path_factory.mktemp("fuzz")) as one:
        yield one


async def must_be_answered(shop: Shop, document: str, kind: str | None) -> None:
    token = None if kind is None else shop.token(kind, store="central")
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    if token is not None and kind == "partner":
        headers = {"X-API-Key": token}
    response = await shop.client.post("/graphql", json={"query": document}, headers=headers)
    assert response.status_code < 500, (document, response.text)
    body: dict[str, Any] = response.json()
    codes = {error["extensions"]["code"] for error in body.get("errors", ())}
    assert codes <= {code.value for code in RequestCode} - {"INTERNAL", "UNAVAILABLE"}, (document, body)
    for word in INSIDE:
        assert word not in response.text, (document, body)


@settings(max_examples=examples(20), suppress_health_check=list(HealthCheck))
@given(data=st.data(), root=st.sampled_from(QUERIES), kind=st.sampled_from(KINDS))
async def test_every_query_is_answered(shop: Shop, data: st.DataObject, root: str, kind: str | None) -> None:
    document = data.draw(queries(SCHEMA, fields=[root], custom_scalars=SCALARS))
    await must_be_answered(shop, document, kind)


@settings(max_examples=examples(40), suppress_health_check=list(HealthCheck))
@given(data=st.data(), root=st.sampled_from(MUTATIONS), kind=st.sampled_from(KINDS))
async def test_every_mutation_is_answered(
    shop: Shop, data: st.DataObject, root: str, kind: str | None
) -> None:
    document = data.draw(mutations(SCHEMA, fields=[root], custom_scalars=SCALARS))
    await must_be_answered(shop, document, kind)
