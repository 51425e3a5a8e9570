"""Faces as they are made: each label's versions, of which a newer one takes the place of the one before."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlmodel import col, select

from domain.shelf import FaceState
from persistence.database import Connection, given, param, statement, texts
from persistence.labels.tables import Face, Label, LabelFace
from persistence.pricing.tables import PriceRecord

_MOMENT = sa.DateTime(timezone=True)
UNSHOWN = (FaceState.PENDING, FaceState.SENT, FaceState.STAGED, FaceState.FAILED)
"""The states of a face that was not shown yet, and that a newer one takes the place of."""
_UNSHOWN: Any = [sa.literal_column(f"'{state}'") for state in UNSHOWN]

_BOUND = statement(
    select(Label)
    .where(col(Label.store) == param("store"), col(Label.sku) == sa.any_(texts("skus")))
    .order_by(col(Label.code))
    .with_for_update(key_share=True)
)
_HUNG = statement(
    sa.select(col(Label.store), col(Label.sku))
    .where(col(Label.sku) == sa.any_(texts("skus")))
    .distinct()
    .order_by(col(Label.store), col(Label.sku))
)
_SOME_BOUND = statement(
    sa.select(col(Label.sku))
    .where(col(Label.store) == param("store"), col(Label.sku) > param("after", sa.Text))
    .distinct()
    .order_by(col(Label.sku))
    .limit(param("limit", sa.Integer))
)
_STORES = statement(
    sa.select(col(Label.store)).where(col(Label.sku).is_not(None)).distinct().order_by(col(Label.store))
)


async def lock_bound(db: Connection, store: str, skus: Sequence[str]) -> list[Label]:
    """A store's labels that hang at some articles, locked in the order of their codes."""
    return await _BOUND.all(db, store=store, skus=skus)


async def hung(db: Connection, skus: Sequence[str]) -> list[tuple[str, str]]:
    """The (store, sku) at which any label hangs, of some articles."""
    return [(row.store, row.sku) for row in await _HUNG.all(db, skus=skus)]


async def bound_skus(db: Connection, store: str, *, after: str, limit: int) -> list[str]:
    """The articles at which a store's labels hang, after a sku and in their order."""
    return [row.sku for row in await _SOME_BOUND.all(db, store=store, after=after, limit=limit)]


async def stores_with_labels(db: Connection) -> list[str]:
    """The stores in which any label hangs at an article."""
    return [row.store for row in await _STORES.all(db)]


_OUTSTANDING = statement(
    sa.select(col(LabelFace.label))
    .join(Label, col(Label.code) == col(LabelFace.label))
    .where(
        col(LabelFace.label) == sa.any_(texts("labels")),
        col(LabelFace.handed_at).is_not(None),
        col(LabelFace.in_view_until).is_(None),
        col(LabelFace.version).is_distinct_from(col(Label.reported)),
    )
    .distinct()
)


async def outstanding(db: Connection, labels: Sequence[str]) -> set[str]:
    """Of some labels those that were handed another face than the one they last confirmed."""
    return {row.label for row in await _OUTSTANDING.all(db, labels=labels)}


class NewFace(NamedTuple):
    """A face to be kept under its hash."""

    hash: str
    sku: str
    template: str
    model: str
    fields: dict[str, Any]


_new = given("new", hash=sa.Text, sku=sa.Text, template=sa.Text, model=sa.Text, fields=JSONB)
_KEEP = statement(
    insert(Face)
    .from_select(
        [*NewFace._fields, "made_at"],
        sa.select(*_new.c, param("at", _MOMENT)).order_by(_new.c.hash),
    )
    .on_conflict_do_nothing(index_elements=["hash"])
)


async def keep(db: Connection, faces: Collection[NewFace], at: datetime) -> None:
    """Keeps faces under their hashes; those known already stay as they are."""
    await _KEEP.run(db, at=at, **_by_column(list(faces), NewFace._fields))


class NewVersion(NamedTuple):
    """The next version of a label's face."""

    label: str
    version: int
    store: str
    gateway: str | None
    sku: str
    hash: str
    price_version: int | None
    currency_code: str | None
    amount_minor: int | None
    member_minor: int | None
    member_tiers: list[str]
    price: dict[str, Any] | None
    display_at: datetime | None
    expires_at: datetime | None
    cause: str
    caused_at: datetime
    priority: int


_KINDS: dict[str, Any] = {
    "label": sa.Text,
    "version": sa.BigInteger,
    "store": sa.Text,
    "gateway": sa.Text,
    "sku": sa.Text,
    "hash": sa.Text,
    "price_version": sa.BigInteger,
    "currency_code": sa.Text,
    "amount_minor": sa.BigInteger,
    "member_minor": sa.BigInteger,
    # Lists in a list would have to be of one length: they travel as one text.
    "member_tiers": sa.Text,
    "price": JSONB,
    "display_at": _MOMENT,
    "expires_at": _MOMENT,
    "cause": sa.Text,
    "caused_at": _MOMENT,
    "priority": sa.Integer,
}
_versions = given("version", **_KINDS)
_now = param("at", _MOMENT)
_ADD = statement(
    insert(LabelFace).from_select(
        [*NewVersion._fields, "made_at", "due_at", "state"],
        sa.select(
            *(
                sa.func.string_to_array(column, ",") if column.name == "member_tiers" else column
                for column in _versions.c
            ),
            _now,
            _now,
            sa.literal(FaceState.PENDING.value),
        ),
    )
)
_pointed = given("pointed", label=sa.Text, desired=sa.BigInteger)
_is_shown = col(Label.reported).is_not_distinct_from(_pointed.c.desired)
_POINT = statement(
    sa.update(Label)
    .where(col(Label.code) == _pointed.c.label)
    .values(
        desired=_pointed.c.desired,
        version=sa.func.greatest(col(Label.version), _pointed.c.desired),
        parted_at=sa.case((_is_shown, sa.null()), else_=sa.func.coalesce(col(Label.parted_at), _now)),
    )
)
_SUPERSEDE = statement(
    sa.update(LabelFace)
    .where(
        col(LabelFace.label) == _pointed.c.label,
        col(LabelFace.version) != _pointed.c.desired,
        col(LabelFace.state).in_(_UNSHOWN),
    )
    .values(state=sa.literal_column("'SUPERSEDED'"))
)


_STAGE = statement(
    sa.update(Label)
    .where(col(Label.code) == _pointed.c.label)
    .values(
        upcoming=_pointed.c.desired,
        version=sa.func.greatest(col(Label.version), _pointed.c.desired),
        staged=sa.null(),
    )
)
_DROP_UPCOMING = statement(
    sa.update(LabelFace)
    .where(
        col(LabelFace.label) == _pointed.c.label,
        col(LabelFace.version) == _pointed.c.desired,
        col(LabelFace.state).in_(_UNSHOWN),
    )
    .values(state=sa.literal_column("'SUPERSEDED'"))
)


async def drop_upcoming(db: Connection, upcoming: dict[str, int]) -> None:
    """What labels were to show later is off: the versions are superseded by whatever comes next."""
    await _DROP_UPCOMING.run(db, label=list(upcoming), desired=list(upcoming.values()))


async def stage(db: Connection, upcoming: dict[str, int | None]) -> None:
    """From now on the labels have these versions coming, or None."""
    await _STAGE.run(db, label=list(upcoming), desired=list(upcoming.values()))


_DUE = statement(
    sa.select(col(Label.store), col(Label.sku))
    .join(PriceRecord, col(PriceRecord.sku) == col(Label.sku))
    .where(
        col(Label.upcoming).is_(None),
        col(Label.model) == sa.any_(texts("models")),
        sa.or_(col(PriceRecord.store).is_(None), col(PriceRecord.store) == col(Label.store)),
        sa.or_(
            sa.and_(
                col(PriceRecord.valid_from) > _now, col(PriceRecord.valid_from) <= param("horizon", _MOMENT)
            ),
            sa.and_(
                col(PriceRecord.valid_until) > _now, col(PriceRecord.valid_until) <= param("horizon", _MOMENT)
            ),
        ),
    )
    .distinct()
    .order_by(col(Label.store), col(Label.sku))
)


async def due_for_staging(
    db: Connection, models: Sequence[str], *, now: datetime, horizon: datetime
) -> list[tuple[str, str]]:
    """The (store, sku) whose price may change by then, with a label of these models that has no next face."""
    return [(row.store, row.sku) for row in await _DUE.all(db, models=models, at=now, horizon=horizon)]


async def add(db: Connection, versions: Sequence[NewVersion], at: datetime) -> None:
    """Adds versions to labels that the transaction has locked, waiting to be handed over at once."""
    values = _by_column(versions, NewVersion._fields)
    values["member_tiers"] = [",".join(version.member_tiers) for version in versions]
    await _ADD.run(db, at=at, **values)


async def point(db: Connection, desired: dict[str, int], at: datetime) -> None:
    """From now on the labels should show these versions; whatever else was on its way is superseded."""
    values = {"label": list(desired), "desired": list(desired.values())}
    await _POINT.run(db, at=at, **values)
    await _SUPERSEDE.run(db, **values)


_repriced = given(
    "repriced",
    label=sa.Text,
    version=sa.BigInteger,
    price_version=sa.BigInteger,
    member_tiers=sa.Text,
    price=JSONB,
)
_REPRICE = statement(
    sa.update(LabelFace)
    .where(
        col(LabelFace.label) == _repriced.c.label,
        col(LabelFace.version) == _repriced.c.version,
    )
    .values(
        price_version=_repriced.c.price_version,
        member_tiers=sa.func.string_to_array(_repriced.c.member_tiers, ","),
        price=_repriced.c.price,
    )
)


class Repriced(NamedTuple):
    """A newer price that looks the same."""

    label: str
    version: int
    price_version: int | None
    member_tiers: list[str]
    price: dict[str, Any] | None


async def reprice(db: Connection, rows: Sequence[Repriced]) -> None:
    """Lets faces stand for newer prices that look the same."""
    values = _by_column(rows, Repriced._fields)
    values["member_tiers"] = [",".join(row.member_tiers) for row in rows]
    await _REPRICE.run(db, **values)


def _by_column(rows: Sequence[Any], names: Sequence[str]) -> dict[str, list[Any]]:
    return {name: [getattr(row, name) for row in rows] for name in names}


_FACE = statement(select(Face).where(col(Face.hash) == param("hash")))
_DRAWN = statement(
    sa.update(Face)
    .where(col(Face.hash) == param("of_hash"))
    .values(png=param("png", sa.LargeBinary), planes=param("planes", sa.LargeBinary))
)


async def face(db: Connection, face_hash: str) -> Face | None:
    """The face under a hash, with its pictures once they were drawn."""
    return await _FACE.one_or_none(db, hash=face_hash)


async def keep_drawn(db: Connection, face_hash: str, png: bytes, planes: bytes) -> None:
    """Keeps the pictures of a face."""
    await _DRAWN.run(db, of_hash=face_hash, png=png, planes=planes)
