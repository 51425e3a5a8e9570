"""Reads under load: what shoppers ask for most, beside what the server and the database could do at best."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from urllib.parse import quote, urlencode
from uuid import UUID

import asyncpg
import httpx

from tests.bench import ceilings, pages
from tests.bench.load import Address, Took, get, graphql, load
from tests.bench.served import served
from tests.bench.stage import Stage
from tests.bench.subject import Column, Findings, Value, subject

_CONNECTIONS = (1, 16)
_PAGES = 20
_SKUS = 100
_CONTEXT: dict[str, object] = {"channel": ceilings.CHANNEL}

_COLUMNS = (
    Column("what", "answer"),
    Column("connections", "conn."),
    Column("answers", "answers", "a round"),
    Column("per_second", "req/s"),
    Column("p50_ms", "p50", "ms", 2),
    Column("p99_ms", "p99", "ms", 2),
    Column("kilobytes", "size", "KB", 1),
    Column("server_cpu_ms", "server CPU", "ms/req", 2),
    Column("database_cpu_ms", "database CPU", "ms/req", 2),
    Column("of_fixed", "of fixed", "%", 1),
    Column("of_sql", "of SQL", "%", 1),
)


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of request: what it is called, the requests in turn, and the case that is its ceiling."""

    name: str
    requests: Sequence[str]
    sql: str | None = None


@subject("reads", "req/s, p50 and p99 of pages beside their ceilings, at 1 and 16 connections", place=1)
async def reads(stage: Stage) -> Findings:
    """A real server on the demo mall, asked by a process of its own over kept loopback connections."""
    dsn = await stage.mall()
    found = Findings("Reads: the demo mall in the channel app", _COLUMNS)
    async with served(dsn, stage.folder) as address:
        cases = await _cases(dsn, address)
        for connections in _CONNECTIONS:
            took = await _rounds(stage, address, cases, connections)
            found.rows += [_row(case, connections, took) for case in cases]
            used = [one.client_cpu_ms * one.per_second / 10 for one in took.values()]
            found.notes.append(
                f"Connections: {connections}. The client used {min(used):.0f} to {max(used):.0f} % of a core."
            )
    found.notes += [
        "Client, server and PostgreSQL share this machine's cores.",
        f"Median of {stage.effort.rounds} rounds, each {stage.effort.seconds:g} s and 100 answers at least.",
    ]
    return found


async def _rounds(stage: Stage, address: Address, cases: Sequence[Case], connections: int) -> dict[str, Took]:
    """By case the median of its rounds; cases take turns, so that a busy moment meets them all."""
    rounds: dict[str, list[Took]] = {case.name: [] for case in cases}
    for _ in range(stage.effort.rounds):
        for case in cases:
            rounds[case.name].append(
                await load(address, case.requests, connections, seconds=stage.effort.seconds)
            )
    return {name: _median(tooks) for name, tooks in rounds.items()}


def _median(tooks: Sequence[Took]) -> Took:
    columns = ([value for value in column if value is not None] for column in zip(*tooks, strict=True))
    # Where the database runs elsewhere, nobody knows its CPU.
    values = [median(column) if column else None for column in columns]
    return Took(**dict(zip(Took._fields, values, strict=True)))  # type: ignore[arg-type]


def _row(case: Case, connections: int, took: Mapping[str, Took]) -> dict[str, Value]:
    mine, fixed = took[case.name], took["fixed 2 KB JSON"]
    sql = took[case.sql] if case.sql else None
    return {
        "what": case.name,
        "connections": connections,
        "answers": mine.answers,
        "per_second": mine.per_second,
        "p50_ms": mine.p50_ms,
        "p99_ms": mine.p99_ms,
        "kilobytes": mine.bytes / 1000,
        "server_cpu_ms": mine.server_cpu_ms,
        "database_cpu_ms": mine.database_cpu_ms,
        "of_fixed": 100 * mine.per_second / fixed.per_second,
        "of_sql": 100 * mine.per_second / sql.per_second if sql else None,
    }


async def _cases(dsn: str, address: Address) -> list[Case]:
    """The requests, proven to be answered alike by the graph and by SQL."""
    db = await asyncpg.connect(dsn)
    try:
        rows = await db.fetch("SELECT id, handle, created_at FROM product ORDER BY created_at DESC, id DESC")
        skus = [row[0] for row in await db.fetch("SELECT sku FROM variant ORDER BY sku")]
    finally:
        await db.close()
    handles = [row["handle"] for row in rows[:: max(1, len(rows) // 200)]]
    baskets = [skus[number :: len(skus) // _SKUS][:_SKUS] for number in range(_PAGES)]
    places = [(datetime.max.replace(tzinfo=UTC), UUID(int=2**128 - 1))]
    places += [(row["created_at"], row["id"]) for row in rows[23 : 24 * _PAGES - 1 : 24]]
    afters = await _cursors(address)

    sql = {
        "list": [_path(ceilings.LIST_PATH, after_at=at.isoformat(), after_id=str(key)) for at, key in places],
        "product": [_path(ceilings.PRODUCT_PATH, handle=handle) for handle in handles],
        "variants": [_path(ceilings.VARIANTS_PATH, skus=",".join(basket)) for basket in baskets],
    }
    graph = {
        "list": [graphql(pages.LIST, {"context": _CONTEXT, "after": after}, address) for after in afters],
        "product": [
            graphql(pages.PRODUCT, {"context": _CONTEXT, "handle": handle}, address) for handle in handles
        ],
        "variants": [
            graphql(pages.VARIANTS, {"context": _CONTEXT, "skus": basket}, address) for basket in baskets
        ],
    }
    names = {"list": "24 products", "product": "product page", "variants": f"{_SKUS} variants"}
    cases = [Case("fixed 2 KB JSON", [get(ceilings.FIXED_PATH, address)])]
    for key, name in names.items():
        await _must_agree(address, name, graph[key], sql[key])
        cases.append(Case(f"{name}, one SQL", [get(path, address) for path in sql[key]]))
        cases.append(Case(name, graph[key], sql=f"{name}, one SQL"))
    return cases


def _path(route: str, **values: str) -> str:
    return f"{route}?{urlencode(values, quote_via=quote)}"


async def _cursors(address: Address) -> list[str | None]:
    """Where each of the first pages of the list begins."""
    afters: list[str | None] = [None]
    async with httpx.AsyncClient(base_url=f"http://{address.host}:{address.port}") as http:
        while len(afters) < _PAGES:
            body = {"query": pages.LIST, "variables": {"context": _CONTEXT, "after": afters[-1]}}
            answer = (await http.post("/graphql", json=body)).json()
            afters.append(answer["data"]["products"]["pageInfo"]["endCursor"])
    return afters


async def _must_agree(address: Address, name: str, graph: Sequence[str], sql: Sequence[str]) -> None:
    """Raises AssertionError unless both ways answer the same JSON to every request."""
    base = f"http://{address.host}:{address.port}"
    async with httpx.AsyncClient(base_url=base, headers={"accept-language": "en"}) as http:
        for posted, path in zip(graph, sql, strict=True):
            body = posted.partition("\r\n\r\n")[2]
            headers = {"content-type": "application/json"}
            one, other = await asyncio.gather(
                http.post("/graphql", content=body.encode(), headers=headers), http.get(path)
            )
            mine, ceiling = one.json(), other.json()
            mine.get("data", {}).get("products", {}).pop("pageInfo", None)
            if mine != ceiling:
                raise AssertionError(f"{name}: the graph and SQL disagree\n{mine}\n{ceiling}")
