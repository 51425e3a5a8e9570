"""Who follows the news for the labels, and how far that one got."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.news import Cursor
from persistence.database import Connection, param, statement
from persistence.news.tables import Watermark

_LEADER = (0x5E1F, 3)  # a pair of numbers, as the relay's lock is
_MARK = "label-faces"
_LOOK = statement(sa.select(col(Watermark.done_key)).where(col(Watermark.name) == _MARK))
_moved = insert(Watermark).values(name=_MARK, at=sa.func.clock_timestamp(), done_key=param("cursor", sa.Text))
_MOVE = statement(
    _moved.on_conflict_do_update(
        index_elements=["name"], set_={"at": _moved.excluded.at, "done_key": _moved.excluded.done_key}
    )
)


async def lead(db: Connection) -> bool:
    """Whether this connection is the one that follows, until it is closed."""
    return bool(await db.fetchval("SELECT pg_try_advisory_lock($1, $2)", *_LEADER))


async def mark(db: Connection) -> Cursor | None:
    """How far the news was followed; None when it never was."""
    text = await _LOOK.value(db)
    return None if text is None else Cursor.parse(text)


async def set_mark(db: Connection, cursor: Cursor) -> None:
    """Remembers how far the news was followed: whatever came before has its faces."""
    await _MOVE.run(db, cursor=str(cursor))
