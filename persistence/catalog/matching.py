"""Which products a question means, in SQL: what it searches, filters and pays.

Only parts stand here; `listing` and `facets` put them together. Every value is bound.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import aliased
from sqlmodel import col

from domain.channels import StockPolicy
from persistence.catalog.tables import Category, Product, Variant
from persistence.catalog.wanted import Shape
from persistence.database import param, texts
from persistence.inventory.selling import own_allotment
from persistence.inventory.tables import StockAllotment, StockLevel
from persistence.pricing.tables import PublicPrice

_CHANNEL = param("channel", sa.Text)
_STORE = param("store", sa.Text)
_ANY: Any = sa.literal_column("''")
_ENGLISH: Any = sa.literal_column("'english'::regconfig")
# Relevance is a whole number, so that a cursor can hold it; being exact counts above every rank.
_RANKS = 1_000_000
_SAME_CODE, _SAME_NAME = 3 * _RANKS, 2 * _RANKS

# When `domain.inventory.promised` is above nothing; a test holds both together. Written as the index's own
# condition, without a bound zero, so that a shared plan may use it.
_PROMISED = {
    StockPolicy.SHARED: "stock_level.has_pool",
    StockPolicy.ALLOTTED: "stock_level.has_free AND stock_allotment.remaining > 0",
    StockPolicy.BORROW: "stock_level.has_free AND (stock_level.has_pool OR stock_allotment.remaining > 0)",
}


class Resolved(NamedTuple):
    """The public price of a variant: tables to join, the amount, and which scope it comes from (0 to 2)."""

    source: Any
    amount: Any
    scope: Any


def price_scopes(shape: Shape) -> list[tuple[Any, Any]]:
    """The (channel, store) of each scope a public price may stand in, the narrowest first."""
    if not shape.store:
        return [(_CHANNEL, _ANY)]
    return [(_CHANNEL, _STORE), (_ANY, _STORE), (_CHANNEL, _ANY)]


def with_price(source: Any, sku: Any, shape: Shape) -> Resolved:
    """A source of variants joined to the price everybody pays in the context.

    The projection is sparse: a row of the store and channel comes before one of the store, that before one
    of the channel, and a null amount says "not for sale" without looking further.
    """
    scopes = price_scopes(shape)
    rows = [aliased(PublicPrice, name=f"price_{number}") for number in range(len(scopes))]
    for row, (channel, store) in zip(rows, scopes, strict=True):
        source = source.outerjoin(
            row, sa.and_(col(row.channel) == channel, col(row.store) == store, col(row.sku) == sku)
        )
    if len(rows) == 1:
        return Resolved(source, col(rows[0].amount_minor), sa.literal_column("0"))
    found = [(col(row.sku).is_not(None), row) for row in rows[:-1]]
    amount = sa.case(
        *((here, col(row.amount_minor)) for here, row in found), else_=col(rows[-1].amount_minor)
    )
    scope = sa.case(
        *((here, sa.literal_column(str(number))) for number, (here, _) in enumerate(found)),
        else_=sa.literal_column(str(len(found))),
    )
    return Resolved(source, amount, scope)


def cheapest(product_id: Any, shape: Shape, *, at: Any = None) -> Any:
    """A lateral row for one product: its lowest price in the context, and the first sku that has it.

    No row for a product without a price, or out of the price range, or whose cheapest is not the row `at`.
    """
    variant = aliased(Variant, name="sold")
    resolved = with_price(sa.inspect(variant).selectable, col(variant.sku), shape)
    first = (
        sa.select(
            resolved.amount.label("amount"), col(variant.sku).label("sku"), resolved.scope.label("scope")
        )
        .select_from(resolved.source)
        .where(col(variant.product_id) == product_id, resolved.amount.is_not(None))
        .order_by(resolved.amount, col(variant.sku))
        .limit(sa.literal_column("1"))
        .correlate(Product)
        .lateral("first")
    )
    conditions = in_range(first.c.amount, shape)
    if at is not None:
        conditions += [first.c.sku == at.c.sku, first.c.scope == at.c.scope]
    # OFFSET keeps the planner from taking the conditions out: it would guess that hardly any row meets them,
    # and sort the whole catalogue instead of walking a page of it.
    return (
        sa.select(first.c.amount, first.c.sku)
        .where(*conditions)
        .offset(sa.literal_column("0"))
        .correlate(Product, *([] if at is None else [at]))
        .lateral("cheapest")
    )


def in_range(amount: Any, shape: Shape) -> list[Any]:
    """The price range, held against an amount."""
    conditions = []
    if shape.lowest_price:
        conditions.append(amount >= param("lowest_price", sa.BigInteger))
    if shape.highest_price:
        conditions.append(amount <= param("highest_price", sa.BigInteger))
    return conditions


def stock_condition(shape: Shape) -> list[Any]:
    """Whether the context's channel may promise any variant from any of its stores."""
    if shape.in_stock is None:
        return []
    variant = aliased(Variant, name="stocked")
    source = sa.join(variant, StockLevel, col(StockLevel.sku) == col(variant.sku))
    if shape.stock_policy is not StockPolicy.SHARED:
        only_own = shape.stock_policy is StockPolicy.ALLOTTED
        source = source.join(StockAllotment, own_allotment(), isouter=not only_own)
    exists = (
        sa.select(sa.literal_column("1"))
        .select_from(source)
        .where(
            col(variant.product_id) == col(Product.id),
            col(StockLevel.store) == sa.any_(texts("stock_stores")),
            sa.text(_PROMISED[shape.stock_policy]),
        )
        .correlate(Product)
        .exists()
    )
    return [exists if shape.in_stock else ~exists]


def narrow_conditions(shape: Shape, found: Any) -> list[Any]:
    """The filters that indexes on products can answer; `found` is what the search found."""
    conditions: list[Any] = []
    if found is not None:
        conditions.append(col(Product.id).in_(sa.select(found.c.id)))
    if shape.category:
        below = sa.select(col(Category.code)).where(
            col(Category.path).contains(param("category_path", sa.ARRAY(sa.Text)))
        )
        conditions.append(col(Product.category).in_(below))
    if shape.brands:
        conditions.append(col(Product.brand) == sa.any_(texts("brands")))
    for number in range(shape.attributes):
        wanted = sa.cast(texts(f"attribute_{number}"), sa.ARRAY(JSONB))
        conditions.append(col(Product.attributes).op("@>", is_comparison=True)(sa.any_(wanted)))
    return conditions


def since_condition(shape: Shape) -> list[Any]:
    """What changed at or after a moment."""
    if not shape.updated_since:
        return []
    return [col(Product.updated_at) >= param("updated_since", sa.DateTime(timezone=True))]


def guarded(source: Any, conditions: list[Any]) -> Any:
    """A source of products without those that fail a condition, each looked at as it comes by.

    The planner can't take the conditions for a reason to read in another order: it is told to walk.
    """
    if not conditions:
        return source
    passed = (
        sa.select(sa.literal_column("1").label("passed"))
        .where(*conditions)
        .offset(sa.literal_column("0"))
        .correlate(Product)
        .lateral("guard")
    )
    return source.join(passed, sa.true())


def found_by_search(shape: Shape, *, ranked: bool) -> Any:
    """What a search finds: `id` and, when ranked, its `score`; None without a search.

    A sku or GTIN finds its product. Words find by full text. Only when neither finds anything, mistyped
    Latin words find what is written much like them.
    """
    if not shape.search:
        return None
    code = param("code", sa.Text)
    exact: list[Any] = [
        sa.select(
            col(Variant.product_id).label("id"), sa.literal_column(str(_SAME_CODE)).label("score")
        ).where(same)
        for same in (col(Variant.sku) == code, col(Variant.gtin) == code)
    ]
    parts: list[Any] = exact
    if shape.words:
        wanted = sa.func.to_tsquery(_ENGLISH, param("words", sa.Text))
        rank = _whole(sa.func.ts_rank(Product.words, wanted, sa.literal_column("1")), _RANKS)
        same_name = sa.or_(
            col(Product.sort_en) == param("letters", sa.Text),
            col(Product.sort_zh) == param("name_zh", sa.Text),
        )
        score = rank + sa.case((same_name, sa.literal_column(str(_SAME_NAME))), else_=sa.literal_column("0"))
        parts = [
            *exact,
            sa.select(
                col(Product.id).label("id"), (score if ranked else sa.literal_column("0")).label("score")
            ).where(col(Product.words).op("@@", is_comparison=True)(wanted)),
        ]
    if shape.letters:
        first_try = sa.union_all(*parts).cte("first_try").prefix_with("MATERIALIZED", dialect="postgresql")
        letters = param("letters", sa.Text)
        alike = _whole(sa.func.word_similarity(letters, Product.letters), _RANKS)
        second_try = sa.select(
            col(Product.id).label("id"), (alike if ranked else sa.literal_column("0")).label("score")
        ).where(
            # The first forgives endings ("biscut", biscuits), the second what stands inside ("choclate").
            sa.or_(
                letters.op("<%", is_comparison=True)(col(Product.letters)),
                letters.op("<<%", is_comparison=True)(col(Product.letters)),
            ),
            ~sa.select(sa.literal_column("1")).select_from(first_try).exists(),
        )
        parts = [sa.select(first_try.c.id, first_try.c.score), second_try]
    tries = sa.union_all(*parts).subquery("tries")
    best = sa.func.max(tries.c.score).label("score")
    return (
        sa.select(tries.c.id, best)
        .group_by(tries.c.id)
        .cte("found")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )


def _whole(share: Any, of: int) -> Any:
    return sa.cast(share * sa.literal_column(str(of)), sa.Integer)


def matching(shape: Shape, found: Any, *columns: Any) -> Any:
    """A select of the products a question means, one row each; priced ones only when it is of price.

    For counting: it reads prices by the set, not one by one, so that the planner may hash them.
    """
    conditions = [*narrow_conditions(shape, found), *since_condition(shape), *stock_condition(shape)]
    if not shape.priced:
        return sa.select(*columns).select_from(Product).where(*conditions)
    variant = aliased(Variant, name="sold")
    joined = sa.join(Product, variant, col(variant.product_id) == col(Product.id))
    resolved = with_price(joined, col(variant.sku), shape)
    lowest = sa.func.min(resolved.amount)
    return (
        sa.select(*columns)
        .select_from(resolved.source)
        .where(*conditions)
        .group_by(col(Product.id))
        .having(lowest.is_not(None), *in_range(lowest, shape))
    )
