"""Which label hangs at which article, now and before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from domain.shelf import FaceState
from persistence.database import Connection, param, statement, texts
from persistence.labels.tables import Label, LabelBinding, LabelFace

_MOMENT = sa.DateTime(timezone=True)
_BY_CODE = statement(select(Label).where(col(Label.code) == sa.any_(texts("codes"))))
_LOCK = statement(
    select(Label)
    .where(col(Label.code) == sa.any_(texts("codes")))
    # In the order of their codes, as everybody locks them.
    .order_by(col(Label.code))
    .with_for_update(key_share=True)
)


async def labels_by_code(db: Connection, codes: Sequence[str]) -> dict[str, Label]:
    """By code: the registered labels."""
    return {row.code: row for row in await _BY_CODE.all(db, codes=codes)}


async def lock_labels(db: Connection, codes: Sequence[str]) -> dict[str, Label]:
    """By code: the registered labels, locked until the transaction ends."""
    return {row.code: row for row in await _LOCK.all(db, codes=sorted(set(codes)))}


_BIND = statement(
    sa.update(Label)
    .where(col(Label.code) == param("of_code"))
    .values(
        sku=param("sku", sa.Text),
        position=param("position", sa.Text),
        template=param("template", sa.Text),
        bound_at=param("at", _MOMENT),
        desired=sa.null(),
        upcoming=sa.null(),
        staged=sa.null(),
        reported=sa.null(),
        parted_at=param("at", _MOMENT),
    )
)
_MOVE = statement(
    sa.update(Label)
    .where(col(Label.code) == param("of_code"))
    .values(position=param("position", sa.Text), template=param("template", sa.Text))
)
_REMEMBER = statement(
    insert(LabelBinding).values(
        label=param("label"),
        store=param("store"),
        sku=param("sku"),
        position=param("position"),
        template=param("template"),
        bound_at=param("at", _MOMENT),
        bound_by=param("by"),
    )
)
_UNBIND = statement(
    sa.update(Label)
    .where(col(Label.code) == param("of_code"))
    .values(
        sku=sa.null(),
        position=sa.null(),
        template=sa.null(),
        bound_at=sa.null(),
        desired=sa.null(),
        upcoming=sa.null(),
        staged=sa.null(),
        reported=sa.null(),
        parted_at=sa.null(),
    )
)
_CLOSE = statement(
    sa.update(LabelBinding)
    .where(col(LabelBinding.label) == param("label"), col(LabelBinding.unbound_at).is_(None))
    .values(unbound_at=param("at", _MOMENT), unbound_by=param("by", sa.Text))
)
_LET_GO = statement(
    sa.update(LabelFace)
    .where(
        col(LabelFace.label) == param("of_label"),
        sa.or_(col(LabelFace.in_view_until).is_(None), col(LabelFace.in_view_until) > param("at", _MOMENT)),
    )
    .values(
        in_view_until=param("at", _MOMENT),
        state=sa.case(
            (col(LabelFace.state) == FaceState.DISPLAYED, FaceState.DISPLAYED),
            else_=FaceState.SUPERSEDED,
        ),
    )
)


async def bind(
    db: Connection,
    label: Label,
    *,
    sku: str,
    position: str | None,
    template: str | None,
    by: str,
    at: datetime,
) -> None:
    """Hangs a locked label at an article, or moves it on the shelf when it hangs there already."""
    place = {"position": position, "template": template}
    if label.sku == sku:
        await _MOVE.run(db, of_code=label.code, **place)
        return
    await _BIND.run(db, of_code=label.code, sku=sku, at=at, **place)
    await _REMEMBER.run(db, label=label.code, store=label.store, sku=sku, at=at, by=by, **place)


async def unbind(db: Connection, label: Label, *, by: str, at: datetime) -> None:
    """Takes a locked label off its article; no till is held down by it from then on."""
    await _UNBIND.run(db, of_code=label.code)
    await _CLOSE.run(db, label=label.code, at=at, by=by)
    await _LET_GO.run(db, of_label=label.code, at=at)
