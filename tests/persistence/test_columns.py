"""What is written into a column comes back from it: every column of every table, through `statement()`."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel, select

from persistence.database import Database, statement
from persistence.tables import METADATA
from tests.persistence import samples

MODELS = {
    model.__tablename__: model
    for model in SQLModel.__subclasses__()
    if getattr(model, "__table__", None) is not None and model.__table__.metadata is METADATA
}


@pytest.fixture(scope="module")
async def database(fresh_database):
    async with Database(fresh_database, size=2) as opened:
        yield opened


class UndoneError(Exception):
    """Ends a test's transaction, so that the next begins with empty tables."""


async def written_and_read(database, round_, *, bare=False):
    """Pairs of what was written and what came back, by table, from a database that forgets both."""
    pairs = []
    try:
        async with database.transaction() as db:
            # What a migration put there.
            await db.execute("DELETE FROM stream; DELETE FROM tier")
            for table, row in samples.chain(round_, bare=bare):
                assert await samples.insertion(table).run(db, **row) == 1
                (read,) = await statement(select(MODELS[table.name])).all(db)
                pairs.append((table, row, read))
            raise UndoneError
    except UndoneError:
        return pairs


def same(sent, got):
    """True when type and value came through; PostgreSQL's driver brings a UUID of its own making."""
    if isinstance(sent, UUID):
        return isinstance(got, UUID) and got == sent
    if isinstance(sent, datetime):
        return type(got) is datetime and got == sent and got.utcoffset() == UTC.utcoffset(None)
    if isinstance(sent, dict):
        return type(got) is dict and got.keys() == sent.keys() and all(same(sent[k], got[k]) for k in sent)
    if isinstance(sent, list):
        return type(got) is list and len(got) == len(sent) and all(map(same, sent, got))
    return type(got) is type(sent) and got == sent and repr(got) == repr(sent)


def test_every_table_has_a_model_and_is_tried():
    assert MODELS.keys() == METADATA.tables.keys()


@pytest.mark.parametrize("round_", range(samples.rounds()))
async def test_every_column_gives_back_what_it_was_given(database, round_):
    bent = [
        f"{table.name}.{name}: {value!r} came back as {getattr(read, name)!r}"
        for table, row, read in await written_and_read(database, round_)
        for name, value in row.items()
        if not same(value, getattr(read, name))
    ]
    assert bent == []


async def test_every_column_that_may_be_null_gives_back_none(database):
    pairs = await written_and_read(database, 0, bare=True)
    kept = [
        f"{table.name}.{name}: {getattr(read, name)!r}"
        for table, row, read in pairs
        for name, value in row.items()
        if value is None and getattr(read, name) is not None
    ]
    assert kept == []
    assert sum(value is None for _, row, _ in pairs for value in row.values()) > 10


async def test_rows_carry_the_names_of_the_fields(database):
    for table, _, read in await written_and_read(database, 0):
        assert list(read._fields) == list(MODELS[table.name].model_fields)


@pytest.mark.parametrize(
    "kind", [sa.Interval(), sa.Time(), sa.JSON(), sa.Float(), sa.String(20), sa.ARRAY(sa.Integer)]
)
def test_a_column_of_a_new_type_is_asked_for_a_sample(kind):
    column = sa.Column("new", kind)
    sa.Table("somewhere", sa.MetaData(), column)
    with pytest.raises(AssertionError, match=r"somewhere\.new"):
        samples.sample(column)


def test_a_moment_without_its_time_zone_is_refused():
    column = sa.Column("at", sa.DateTime())
    sa.Table("somewhere", sa.MetaData(), column)
    with pytest.raises(AssertionError, match="time zone"):
        samples.sample(column)
