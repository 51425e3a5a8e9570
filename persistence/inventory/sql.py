"""Statements of stock that are written as SQL: a dozen parts that must run as one read best in its own words.

Whoever changes a level, its allotments or its holds has locked the level's row first, levels in the order of
store and sku, in a statement of its own: the next one then sees all that the last owner of the lock did. So
two buyers never both win, and nobody waits for somebody who waits for them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import sqlalchemy as sa

from persistence.database import Statement, statement

_PARAMETERS: dict[str, Any] = {
    "stores": sa.ARRAY(sa.Text),
    "skus": sa.ARRAY(sa.Text),
    "quantities": sa.ARRAY(sa.Integer),
    "references": sa.ARRAY(sa.Text),
    "channel": sa.Text,
    "policy": sa.Text,
    "reason": sa.Text,
    "reference": sa.Text,
    "moved_by": sa.Text,
    "state": sa.Text,
    "holder": sa.Uuid,
    "now": sa.DateTime(timezone=True),
    "until": sa.DateTime(timezone=True),
    "limit": sa.Integer,
}


def written(text: str, into: type[NamedTuple] | None = None) -> Statement[Any]:
    """SQL with named places, as a statement; `into` is a NamedTuple with the names of the columns."""
    clause = sa.text(text)
    clause = clause.bindparams(*(sa.bindparam(name, type_=_PARAMETERS[name]) for name in clause._bindparams))
    if into is None:
        return statement(clause)
    return statement(clause.columns(*(sa.column(name) for name in into._fields)), into)
