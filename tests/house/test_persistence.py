"""How the house reaches its database: no ORM session, a docstring for every query, an index below each."""

import ast
import importlib
import pkgutil

import asyncpg
import orjson
import pytest

import persistence
from persistence.database import Statement, connect
from tests.house.sources import PACKAGES, modules, told

# Sessions are for rare administrative writes, where they make code shorter. None is yet.
MAY_USE_SESSIONS: set[str] = set()
_SESSIONS = {"Session", "AsyncSession", "sessionmaker", "async_sessionmaker", "scoped_session", "orm"}

# Tables that stay small enough to be read whole: a group has some hundred of each at most.
SMALL = {"channel", "store", "category", "stream", "tier", "watermark"}
# Statements that are meant to read a large table whole, and why.
READ_WHOLE: dict[str, str] = {
    "persistence.inventory.books._DIFFERENCES": "every level is held against all that explains it",
    "persistence.labels.hung._HUNG": "the simulated shelf hangs up every label once, at the start",
}
# Statements on tables that exist only while they run.
ON_TABLES_OF_THEIR_OWN = {"persistence.imports.catalog._MERGE_PRODUCTS"}


def sessions(source):
    """The line of every import that brings an ORM session."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [node.lineno for alias in node.names if alias.name.startswith("sqlalchemy.orm")]
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names = {alias.name for alias in node.names}
            if node.module.partition(".")[0] in ("sqlalchemy", "sqlmodel") and names & _SESSIONS:
                found.append(node.lineno)
    return found


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("from sqlmodel import SQLModel, col, select", []),
        ("import sqlalchemy as sa\nfrom sqlmodel import Session", [2]),
        ("from sqlalchemy.orm import Session", [1]),
        ("from sqlalchemy.orm import InstrumentedAttribute, Session", [1]),
        ("from sqlalchemy.orm import InstrumentedAttribute", []),
        ("from sqlalchemy import orm", [1]),
        ("import sqlalchemy.orm as orm", [1]),
        ("from sqlalchemy.ext.asyncio import AsyncSession", [1]),
        ("from sqlalchemy.ext.asyncio import create_async_engine", []),
        ("def later():\n    from sqlmodel.ext.asyncio.session import AsyncSession", [2]),
        ("from sqlalchemy.orm.session import sessionmaker", [1]),
    ],
)
def test_this_test_sees_a_session(source, lines):
    assert sessions(source) == lines


def test_nothing_goes_through_an_orm_session():
    wrong = [
        f"{told(path)}:{line}"
        for path in modules(*PACKAGES)
        if told(path) not in MAY_USE_SESSIONS
        for line in sessions(path.read_text(encoding="utf-8"))
    ]
    assert not wrong, (
        "An ORM session costs some forty times the client CPU of a prepared statement: write the query with "
        "`statement()` in persistence/, or name the module in MAY_USE_SESSIONS:\n" + "\n".join(wrong)
    )


def test_every_query_says_what_it_answers():
    silent = [
        f"{told(path)}:{node.lineno} {node.name}"
        for path in modules("persistence")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and not node.name.startswith("_")
        and any(argument.arg == "db" for argument in (*node.args.posonlyargs, *node.args.args))
        and not ast.get_docstring(node)
    ]
    assert not silent, (
        "Whoever calls a query reads its docstring instead of its SQL: open it with what comes back:\n"
        + "\n".join(silent)
    )


def every_statement():
    """Every statement that a module of persistence/ keeps, in tables of statements too, by its name."""
    found = {}
    for module in pkgutil.walk_packages(persistence.__path__, "persistence."):
        if ".migrations" in module.name:
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            for key, one in _inside(value):
                found.setdefault(id(one), (f"{module.name}.{name}{key}", one))
    return dict(found.values())


def _inside(value):
    if isinstance(value, Statement):
        yield "", value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from ((f"[{key}]{more}", deep) for more, deep in _inside(one))
    elif isinstance(value, list | tuple):
        for place, one in enumerate(value):
            yield from ((f"[{place}]{more}", deep) for more, deep in _inside(one))


def read_whole(plan):
    """The tables a plan reads from end to end."""
    tables = {plan["Relation Name"]} if plan["Node Type"] == "Seq Scan" else set()
    return tables.union(*(read_whole(below) for below in plan.get("Plans", [])))


@pytest.fixture
async def planner(database_url):
    """A connection whose planner reads a table whole only where it has no other way."""
    db = await connect(database_url)
    try:
        await db.execute("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan")
        yield db
    finally:
        await db.close()


async def plan_of(db, sql):
    """The plan of a statement whatever its values are."""
    await db.execute(f"PREPARE asked AS {sql}")
    try:
        wanted = await db.fetchval(
            "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = 'asked'"
        )
        values = f"({', '.join(['NULL'] * wanted)})" if wanted else ""
        return orjson.loads(await db.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE asked{values}"))[0]["Plan"]
    finally:
        await db.execute("DEALLOCATE asked")


async def test_every_statement_fits_the_tables_and_finds_its_rows_through_an_index(planner):
    statements = every_statement()
    assert len(statements) > 30
    wrong = []
    for name in statements.keys() - ON_TABLES_OF_THEIR_OWN:
        one = statements[name]
        try:
            whole = read_whole(await plan_of(planner, one.sql)) - SMALL
        except asyncpg.PostgresError as error:
            wrong.append(f"{name}: {error}")
            continue
        if whole and name not in READ_WHOLE:
            wrong.append(f"{name} reads the whole of {', '.join(sorted(whole))}")
    assert not wrong, (
        "A table grows for years: give the statement an index to find its rows by, "
        "or say in READ_WHOLE why it reads them all:\n" + "\n".join(wrong)
    )
    assert READ_WHOLE.keys() | ON_TABLES_OF_THEIR_OWN <= statements.keys(), (
        "a statement named here is no more"
    )


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        ("SELECT sku FROM variant WHERE sku = $1::text", set()),
        ("SELECT sku FROM variant WHERE lower(origin) = $1::text", {"variant"}),
        ("SELECT handle FROM product ORDER BY created_at, id LIMIT 10", set()),
        ("DELETE FROM stock_movement WHERE reference = $1::text", {"stock_movement"}),
        ("SELECT 1 FROM variant v JOIN product p ON p.id = v.product_id WHERE v.sku = $1::text", set()),
    ],
)
async def test_this_test_sees_a_table_read_whole(planner, sql, tables):
    assert read_whole(await plan_of(planner, sql)) == tables
