"""The way to PostgreSQL: a pool without reset round-trips, and statements compiled once into prepared SQL.

Statements are written with SQLAlchemy Core on the SQLModel columns, compiled when first asked for,
and run by asyncpg as prepared statements: no ORM session, no dialect between a loader and its rows.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from enum import Enum
from typing import Any, Generic, TypeVar, cast, overload

import asyncpg
import orjson
import sqlalchemy as sa
from asyncpg.pool import PoolConnectionProxy
from sqlalchemy.dialects.postgresql import asyncpg as asyncpg_dialect
from sqlmodel.sql.expression import SelectOfScalar

from domain.refusals import RequestCode, RequestError, Text

T = TypeVar("T")
Connection = asyncpg.Connection | PoolConnectionProxy

SMALLEST_SERVER = 180000
_DIALECT = cast("Any", asyncpg_dialect).dialect()

# What asyncpg and the sockets below it raise when the server is away, going away or coming up.
AWAY = (
    ConnectionError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    # How asyncpg tells that the server ended the connection between two statements.
    asyncpg.InternalClientError,
)
# Only while connecting: names that do not resolve, sockets that are refused, a pool that is closing.
AWAY_AT_FIRST = (*AWAY, OSError, asyncpg.InterfaceError)


def param(name: str, type_: sa.types.TypeEngine[Any] | type[sa.types.TypeEngine[Any]] | None = None) -> Any:
    """A named place in a statement, filled when it runs; its type is the column's it is held against."""
    return sa.bindparam(name, type_=type_)


def texts(name: str) -> Any:
    """A named place for a list of texts: `col(T.sku) == sa.any_(texts("skus"))`."""
    return sa.bindparam(name, type_=sa.ARRAY(sa.Text))


def given(name: str, **columns: Any) -> Any:
    """A table of values to select from: for each column a list is handed in under the column's name."""
    return (
        sa.func.unnest(*(sa.bindparam(column, type_=sa.ARRAY(kind)) for column, kind in columns.items()))
        .table_valued(*(sa.column(column, kind) for column, kind in columns.items()), name=name)
        .render_derived()
    )


class Statement(Generic[T]):
    """One SQL statement and the shape of its rows; immutable, shared by every connection."""

    __slots__ = ("_clause", "_fixed", "_into", "_names", "_shape", "_sql")

    def __init__(self, clause: sa.Executable, into: type[T] | None) -> None:
        self._clause = clause
        self._into = into
        self._sql: str | None = None
        self._names: tuple[str, ...] = ()
        self._fixed: dict[str, object] = {}
        self._shape: Callable[[Any], T] | None = None

    @property
    def sql(self) -> str:
        """The text sent to the server, with $1 … for its parameters."""
        if self._sql is None:
            self._compile()
        return cast("str", self._sql)

    def _compile(self) -> None:
        clause = cast("sa.sql.ClauseElement", self._clause)
        # A list that is written into the statement becomes a place for each of its members.
        compiled = cast("Any", clause.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True}))
        self._names = tuple(compiled.positiontup or ())
        awaited = {name for place, name in compiled.bind_names.items() if place.required}
        self._fixed = {
            name: value.value if isinstance(value, Enum) else value
            for name, value in compiled.params.items()
            if name in self._names and name not in awaited
        }
        columns = [(column.keyname, column.type) for column in compiled._result_columns or ()]
        self._shape = _shape(columns, self._into) if columns else None
        self._sql = str(compiled)

    def _arguments(self, values: dict[str, object]) -> list[object]:
        if self._sql is None:
            self._compile()
        if self._fixed:
            values = {**self._fixed, **values}
        try:
            return [values[name] for name in self._names]
        except KeyError as missing:
            raise TypeError(f"the statement needs a value for {missing}: {self.sql}") from None

    async def all(self, db: Connection, **values: object) -> list[T]:
        """Every row, in the statement's order."""
        arguments = self._arguments(values)
        rows = await db.fetch(self.sql, *arguments)
        shape = cast("Callable[[Any], T]", self._shape)
        return [shape(row) for row in rows]

    async def one_or_none(self, db: Connection, **values: object) -> T | None:
        """The first row, or None when there is none."""
        arguments = self._arguments(values)
        row = await db.fetchrow(self.sql, *arguments)
        return None if row is None else cast("Callable[[Any], T]", self._shape)(row)

    async def one(self, db: Connection, **values: object) -> T:
        """The first row, which must be there."""
        row = await self.one_or_none(db, **values)
        if row is None:
            raise LookupError(f"no row: {self.sql}")
        return row

    async def value(self, db: Connection, **values: object) -> Any:
        """The first column of the first row, or None."""
        return await db.fetchval(self.sql, *self._arguments(values))

    async def run(self, db: Connection, **values: object) -> int:
        """How many rows the statement touched."""
        status = await db.execute(self.sql, *self._arguments(values))
        count = str(status).rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    async def each(self, db: Connection, **values: object) -> AsyncIterator[T]:
        """The rows one by one through a server-side cursor; needs a transaction."""
        arguments = self._arguments(values)
        shape = cast("Callable[[Any], T]", self._shape)
        async for row in db.cursor(self.sql, *arguments, prefetch=1000):
            yield shape(row)


def _shape(columns: Sequence[tuple[str, Any]], into: type[T] | None) -> Callable[[Any], T]:
    """A maker of rows: named tuples with the columns' names, enums decoded, the rest as asyncpg has it."""
    names = [name for name, _ in columns]
    if into is not None and hasattr(into, "_fields"):
        if list(cast("Any", into)._fields) != names:
            raise TypeError(f"{into.__name__} has {cast('Any', into)._fields}, the statement answers {names}")
        row_type = cast("Any", into)
    else:
        row_type = cast("Any", namedtuple)(into.__name__ if into else "Row", names)
    decoders = {
        position: kind.enum_class._value2member_map_.__getitem__
        for position, (_, kind) in enumerate(columns)
        if isinstance(kind, sa.Enum) and kind.enum_class is not None
    }
    if not decoders:
        return cast("Callable[[Any], T]", row_type._make)

    def shape(record: Any) -> T:
        values = list(record)
        for position, decode in decoders.items():
            if values[position] is not None:
                values[position] = decode(values[position])
        return cast("T", row_type._make(values))

    return shape


@overload
def statement(clause: SelectOfScalar[T]) -> Statement[T]: ...
@overload
def statement(clause: sa.Executable, into: type[T]) -> Statement[T]: ...
@overload
def statement(clause: sa.Executable) -> Statement[Any]: ...
def statement(clause: Any, into: type[Any] | None = None) -> Statement[Any]:
    """The clause as a statement to run; `into` is a NamedTuple with the columns' names, in their order.

    A `select(Table)` answers rows that carry the table's field names and are typed as the table; they are
    plain tuples, so nothing written to them is ever saved.
    """
    return Statement(clause, into)


def unavailable() -> RequestError:
    """What a caller hears while the database is away."""
    return RequestError(
        RequestCode.UNAVAILABLE,
        Text(
            en="The service is not available right now; please try again shortly.",
            zh="服务暂时不可用，请稍后重试。",
        ),
        retry_after_seconds=2,
    )


async def _no_reset(_: object) -> None:
    """Nothing to reset: transactions end in `transaction()`, and no session setting is ever changed."""


async def _prepare(connection: asyncpg.Connection) -> None:
    # jsonb's binary form is one version byte and then the text.
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: b"\x01" + orjson.dumps(value),
        decoder=lambda data: orjson.loads(data[1:]),
        format="binary",
    )


async def connect(dsn: str) -> asyncpg.Connection:
    """A connection outside every pool, for LISTEN, advisory locks and imports; the caller closes it."""
    connection = await asyncpg.connect(dsn, timeout=10, statement_cache_size=200)
    await _prepare(connection)
    return connection


def _is_lost(connection: Connection) -> bool:
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:
        return True  # the pool has taken it back by itself, as it does the moment a connection is lost


class Database:
    """The pool of one process: it opens without a server being there, and recovers when one comes back."""

    def __init__(self, dsn: str, *, size: int = 10, patience_seconds: float = 5.0) -> None:
        self.dsn = dsn
        self._size = size
        self._patience_seconds = patience_seconds
        self.watch: Callable[[str], None] | None = None
        """Hears the text of every statement, when it is set before the pool is opened."""
        self._pool: asyncpg.Pool | None = None

    async def open(self) -> Database:
        """Itself, ready to lend connections; nothing is connected yet."""
        self._pool = await asyncpg.create_pool(
            self.dsn,
            min_size=0,
            max_size=self._size,
            init=self._prepare,
            reset=_no_reset,
            timeout=self._patience_seconds,
            command_timeout=30,
            statement_cache_size=1000,
            max_cached_statement_lifetime=0,
            max_inactive_connection_lifetime=300,
            server_settings={"application_name": "shelfgraph", "timezone": "UTC"},
        )
        return self

    async def _prepare(self, connection: asyncpg.Connection) -> None:
        await _prepare(connection)
        watch = self.watch
        if watch is not None:
            connection.add_query_logger(lambda logged: watch(logged.query))

    async def close(self) -> None:
        """Ends every connection; those still lent out are cut after a while."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            try:
                await pool.close()
            except AWAY_AT_FIRST:
                pool.terminate()

    async def __aenter__(self) -> Database:
        return await self.open()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection for one coroutine; each statement on it is its own transaction.

        Raises UNAVAILABLE when the server can't be reached, goes away meanwhile, or lends none in time.
        """
        if self._pool is None:
            raise unavailable()
        try:
            connection = await self._pool.acquire(timeout=self._patience_seconds)
        except AWAY_AT_FIRST as away:
            raise unavailable() from away
        try:
            yield connection
        except AWAY as away:
            raise unavailable() from away
        except asyncpg.InterfaceError as unusable:
            # The same class tells of a lost connection and of a wrong argument; only the first is an outage.
            if _is_lost(connection):
                raise unavailable() from unusable
            raise
        finally:
            await self._pool.release(connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection inside one transaction, committed at the end and rolled back by any exception."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def server_version(self) -> int:
        """The server's version number, 180000 for 18.0."""
        async with self.connection() as connection:
            return int(await connection.fetchval("SHOW server_version_num"))
