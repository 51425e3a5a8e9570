"""Statements of loyalty that are written as SQL: several parts that must run as one."""

from __future__ import annotations

from typing import Any, NamedTuple

import sqlalchemy as sa

from persistence.database import Statement, statement

_TEXTS, _LONGS = sa.ARRAY(sa.Text), sa.ARRAY(sa.BigInteger)
_MOMENT = sa.DateTime(timezone=True)
_PARAMETERS: dict[str, Any] = {
    "member": sa.Text,
    "order_id": sa.Uuid,
    "now": _MOMENT,
    "places": sa.ARRAY(sa.Integer),
    "kinds": _TEXTS,
    "points": _LONGS,
    "sums": _LONGS,
    "reasons": _TEXTS,
    "channels": _TEXTS,
    "orders": sa.ARRAY(sa.Uuid),
    "starts": sa.ARRAY(_MOMENT),
    "ends": sa.ARRAY(_MOMENT),
    "serials": _LONGS,
    "remaining": _LONGS,
    "expired": _LONGS,
    "reversed": _LONGS,
    "more": sa.BigInteger,
    "lines": sa.BigInteger,
    "more_debt": sa.BigInteger,
    "limit": sa.Integer,
}


def written(text: str, into: type[NamedTuple] | None = None) -> Statement[Any]:
    """SQL with named places, as a statement; `into` is a NamedTuple with the names of the columns."""
    clause = sa.text(text)
    clause = clause.bindparams(*(sa.bindparam(name, type_=_PARAMETERS[name]) for name in clause._bindparams))
    if into is None:
        return statement(clause)
    return statement(clause.columns(*(sa.column(name) for name in into._fields)), into)
