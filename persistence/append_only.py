"""Ledgers: tables whose rows are only ever added, whatever one connects with."""

from __future__ import annotations

import sqlalchemy as sa
from sqlmodel import SQLModel

_FUNCTION = """
    CREATE OR REPLACE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'rows of %% are only ever added', TG_TABLE_NAME; END $$
"""


def append_only(table: str) -> None:
    """Has the database refuse every UPDATE and DELETE of a table's rows; migrations say the same in SQL."""
    for order in (
        _FUNCTION,
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION append_only()",
    ):
        ddl: sa.DDL = sa.DDL(order)  # type: ignore[no-untyped-call]
        sa.event.listen(SQLModel.metadata.tables[table], "after_create", ddl)
