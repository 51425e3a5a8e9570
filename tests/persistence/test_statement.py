"""A statement: what it needs, what it answers, and how it says that something is missing."""

from typing import NamedTuple

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col, select

from domain.channels import ChannelKind, StockPolicy
from persistence.channels import Channel
from persistence.database import Database, given, param, statement, texts
from tests import makers


@pytest.fixture(scope="module")
async def database(fresh_database):
    async with Database(fresh_database, size=2) as opened:
        async with opened.connection() as db:
            await makers.make_channel(db, "app", kind=ChannelKind.APP)
            await makers.make_channel(db, "till", kind=ChannelKind.POS, active=False)
        yield opened


@pytest.fixture
async def db(database):
    async with database.connection() as connection:
        yield connection


class Kind(NamedTuple):
    """What a channel is."""

    code: str
    kind: ChannelKind


BY_CODE = statement(select(Channel).where(col(Channel.code) == param("code")))
KINDS = statement(sa.select(col(Channel.code), col(Channel.kind)).order_by(col(Channel.code)), Kind)


async def test_a_missing_value_is_named(db):
    with pytest.raises(TypeError, match=r"(?s)needs a value for 'code'.*FROM channel"):
        await BY_CODE.all(db, kode="app")


async def test_a_row_type_with_other_names_or_another_order_is_refused(db):
    class Turned(NamedTuple):
        kind: ChannelKind
        code: str

    for wrong in (Turned, NamedTuple("Short", [("code", str)])):
        turned = statement(sa.select(col(Channel.code), col(Channel.kind)), wrong)
        with pytest.raises(TypeError, match=f"{wrong.__name__} has .* the statement answers"):
            await turned.all(db)


async def test_rows_come_as_the_type_asked_for(db):
    assert await KINDS.all(db) == [Kind("app", ChannelKind.APP), Kind("till", ChannelKind.POS)]
    assert all(type(row) is Kind and type(row.kind) is ChannelKind for row in await KINDS.all(db))


async def test_one_row_none_and_one_that_must_be_there(db):
    assert (await BY_CODE.one(db, code="app")).stock_policy is StockPolicy.SHARED
    assert (await BY_CODE.one_or_none(db, code="till")).active is False
    assert await BY_CODE.one_or_none(db, code="nowhere") is None
    with pytest.raises(LookupError, match="FROM channel"):
        await BY_CODE.one(db, code="nowhere")


async def test_the_first_value_or_none(db):
    count = statement(sa.select(sa.func.count()).select_from(Channel))
    assert await count.value(db) == 2
    nobody = statement(sa.select(col(Channel.code)).where(col(Channel.code) == param("code")))
    assert await nobody.value(db, code="nowhere") is None


async def test_run_counts_the_rows_it_touched(db):
    touch = statement(
        sa.update(Channel)
        .where(col(Channel.code) == sa.any_(texts("codes")))
        .values(currency_code=param("currency"))
    )
    for codes, touched in ((["app", "till"], 2), (["app", "nowhere"], 1), ([], 0)):
        assert await touch.run(db, codes=codes, currency="HKD") == touched


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        (col(Channel.kind) == ChannelKind.POS, ["till"]),
        (col(Channel.kind) != ChannelKind.POS, ["app"]),
        (col(Channel.active) == sa.true(), ["app"]),
        (col(Channel.code) == "till", ["till"]),
        (col(Channel.code).in_(["app", "nowhere"]), ["app"]),
        (col(Channel.kind).in_([ChannelKind.APP, ChannelKind.POS]), ["app", "till"]),
        (col(Channel.code).in_([]), []),
    ],
)
async def test_values_written_into_a_statement_are_sent_along(db, condition, found):
    fixed = statement(sa.select(col(Channel.code)).where(condition).order_by(col(Channel.code)))
    assert [row.code for row in await fixed.all(db)] == found


async def test_a_null_written_into_a_statement_is_sent_along(database):
    forget = statement(
        sa.update(Channel).where(col(Channel.code) == param("of")).values(names=None).returning(Channel.code)
    )
    with pytest.raises(Exception, match="null value in column"):
        async with database.transaction() as db:
            await forget.all(db, of="app")


async def test_a_table_of_values_is_joined_row_by_row(db):
    asked = given("asked", place=sa.Integer(), code=sa.Text())
    joined = statement(
        sa.select(asked.c.place, col(Channel.kind))
        .select_from(asked)
        .outerjoin(Channel, col(Channel.code) == asked.c.code)
        .order_by(asked.c.place)
    )
    rows = await joined.all(db, place=[3, 1, 2], code=["app", "nowhere", "till"])
    assert [tuple(row) for row in rows] == [(1, None), (2, ChannelKind.POS), (3, ChannelKind.APP)]
    assert await joined.all(db, place=[], code=[]) == []


async def test_each_row_comes_through_a_cursor_and_needs_a_transaction(database):
    numbers = statement(
        sa.select(sa.func.unnest(param("wanted", ARRAY(sa.Integer))).label("number")),
        NamedTuple("Number", [("number", int)]),
    )
    wanted = list(range(2500))
    async with database.transaction() as db:
        assert [row.number async for row in numbers.each(db, wanted=wanted)] == wanted
        async for row in numbers.each(db, wanted=wanted):
            if row.number == 3:
                break
        assert await db.fetchval("SELECT 1") == 1
    async with database.connection() as db:
        with pytest.raises(Exception, match="transaction"):
            await anext(numbers.each(db, wanted=[1]))


async def test_the_first_statement_of_a_process_may_be_a_cursor(database):
    fresh = statement(sa.select(col(Channel.code)).order_by(col(Channel.code)))
    async with database.transaction() as db:
        assert [row.code async for row in fresh.each(db)] == ["app", "till"]
