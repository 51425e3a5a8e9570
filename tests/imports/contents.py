"""What stands in a database, to hold two moments against each other."""

from __future__ import annotations

from persistence.database import Connection

IMPORTED = (
    "channel", "store", "category", "product", "variant", "price_record", "price_end", "public_price",
    "offer_text", "stock_level", "stock_movement", "outbox", "device", "label",
)  # fmt: skip


async def contents(db: Connection, *, without: tuple[str, ...] = ()) -> dict[str, tuple[int, str]]:
    """How many rows every table has and a hash of all that is in them, times and ids included.

    `without` names columns to leave out, such as ids when two databases are compared.
    """
    found = {}
    for table in IMPORTED:
        row = await db.fetchrow(
            f"""
            SELECT count(*), coalesce(md5(string_agg(line, chr(10) ORDER BY line COLLATE "C")), '')
            FROM (SELECT (to_jsonb(held) - $1::text[])::text AS line FROM {table} held) lines
            """,  # noqa: S608 - our own tables
            list(without),
        )
        assert row is not None
        found[table] = (row[0], row[1])
    return found
