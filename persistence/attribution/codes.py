"""Touch codes: issued, found, revoked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from domain.attribution import TouchKind
from persistence import paging
from persistence.attribution.tables import TouchCode
from persistence.database import Connection, given, param, statement, texts
from persistence.paging import Page, Place, page_of

_MOMENT = sa.DateTime(timezone=True)
_new = given("new", code=sa.Text)
_ISSUE = statement(
    sa.insert(TouchCode).from_select(
        [
            *("code", "kind", "store", "clerk", "sku", "campaign", "valid_from", "valid_until"),
            "issued_by",
        ],
        sa.select(
            _new.c.code,
            param("kind", sa.Text),
            param("store", sa.Text),
            param("clerk", sa.Text),
            param("sku", sa.Text),
            param("campaign", sa.Text),
            param("valid_from", _MOMENT),
            param("valid_until", _MOMENT),
            param("issued_by", sa.Text),
        ),
    )
)


async def issue(
    db: Connection,
    codes: Sequence[str],
    *,
    kind: TouchKind,
    store: str,
    clerk: str | None,
    sku: str | None,
    campaign: str | None,
    valid_from: datetime,
    valid_until: datetime | None,
    issued_by: str,
) -> None:
    """Keeps new codes that all tell the same."""
    await _ISSUE.run(
        db,
        code=list(codes),
        kind=kind.value,
        store=store,
        clerk=clerk,
        sku=sku,
        campaign=campaign,
        valid_from=valid_from,
        valid_until=valid_until,
        issued_by=issued_by,
    )


_BY_CODE = statement(select(TouchCode).where(col(TouchCode.code) == sa.any_(texts("codes"))))


async def codes_by_code(db: Connection, codes: Sequence[str]) -> dict[str, TouchCode]:
    """By code: the touch codes that were issued, those revoked too."""
    return {row.code: row for row in await _BY_CODE.all(db, codes=codes)}


_REVOKE = statement(
    sa.update(TouchCode)
    .where(col(TouchCode.code) == param("of_code"))
    .values(revoked_at=sa.func.coalesce(col(TouchCode.revoked_at), param("at", _MOMENT)))
)


async def revoke(db: Connection, code: str, at: datetime) -> None:
    """From then on a code counts no more; one that was revoked before stays so from then on."""
    await _REVOKE.run(db, of_code=code, at=at)


_PLACE = Place(("touch codes", "id desc"), (paging.key,))
_listed = (
    select(TouchCode)
    .where(col(TouchCode.store) == param("store"))
    .order_by(col(TouchCode.id).desc())
    .limit(param("limit", sa.Integer))
)
_LIST = statement(_listed)
_LIST_AFTER = statement(_listed.where(col(TouchCode.id) < param("after_id", sa.Uuid)))


async def codes_of_store(db: Connection, store: str, first: int, after: str | None) -> Page[TouchCode]:
    """A page of a store's touch codes, the newest first; raises BAD_USER_INPUT for a bad cursor."""
    if after is None:
        rows = await _LIST.all(db, store=store, limit=first + 1)
    else:
        (after_id,) = _PLACE.values(after)
        rows = await _LIST_AFTER.all(db, store=store, limit=first + 1, after_id=after_id)
    return page_of(rows, first, place=_PLACE, values=_key, began=after is None)


def _key(row: TouchCode) -> tuple[UUID]:
    return (row.id,)
