"""Looking for a value in the whole database."""

from __future__ import annotations

from persistence.database import Connection

_TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"


async def found_in(db: Connection, value: str | bytes) -> set[str]:
    """Every table in which a value stands, as text or as bytes."""
    sought = value.encode() if isinstance(value, str) else value
    forms = [sought.hex(), *([value] if isinstance(value, str) else [])]
    return {
        table
        for (table,) in await db.fetch(_TABLES)
        if await db.fetchval(
            f"""SELECT true FROM "{table}" AS row, unnest($1::text[]) AS form
            WHERE strpos(row::text, form) > 0 LIMIT 1""",  # noqa: S608 - the tables' own names
            forms,
        )
    }
