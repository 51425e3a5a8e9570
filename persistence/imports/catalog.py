"""Categories, products and variants, many at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert

from domain.news import Topic
from persistence.catalog.tables import Attribute, Picture, Product
from persistence.catalog.words import SearchWords, vector
from persistence.database import Connection, statement
from persistence.imports.staging import BadRow, Merged, Tell, indexed_in_one_go, no_one, stage


class CategoryRow(NamedTuple):
    """A category to be there; `path` holds the codes from the root down to its own."""

    code: str
    names: Mapping[str, str]
    path: list[str]


class ProductRow(NamedTuple):
    """A product to be there, by handle."""

    line: int
    handle: str
    names: Mapping[str, str]
    brands: Mapping[str, str] | None
    brand: str | None
    descriptions: Mapping[str, str] | None
    category: str | None
    images: list[Picture]
    attributes: list[Attribute]
    words: SearchWords


class VariantRow(NamedTuple):
    """A variant to be there, by sku; `handle` names its product."""

    line: int
    sku: str
    handle: str
    position: int
    gtin: str | None
    names: Mapping[str, str] | None
    options: list[Attribute]
    net_content: Decimal | None
    net_content_unit: str | None
    origin: str | None


async def merge_categories(db: Connection, rows: Iterable[CategoryRow]) -> Merged:
    """What became of the categories, in rows; parents come along in the same call or are there already."""
    staged = await stage(
        db,
        "staged_category",
        "code text, names jsonb, parent text, path text[]",
        ((row.code, row.names, row.path[-2] if len(row.path) > 1 else None, row.path) for row in rows),
    )
    added, touched = await _added_and_touched(
        db,
        """
        INSERT INTO category AS held (code, names, parent, path)
        SELECT code, names, parent, path FROM staged_category ORDER BY cardinality(path), code
        ON CONFLICT (code) DO UPDATE
        SET names = excluded.names, parent = excluded.parent, path = excluded.path
        WHERE (held.names, held.parent, held.path)
              IS DISTINCT FROM (excluded.names, excluded.parent, excluded.path)
        RETURNING old.code IS NULL AS added
        """,
    )
    return Merged(added, touched - added, staged - touched)


_PRODUCT_COLUMNS = """
    line int, handle text, names jsonb, brands jsonb, brand text, descriptions jsonb, category text,
    images jsonb, attributes jsonb, name_words text, brand_words text, category_words text,
    description_words text, letters text, sort_en text, sort_zh text
"""
_VARIANT_COLUMNS = """
    line int, sku text, handle text, position int, gtin text, names jsonb, options jsonb,
    net_content numeric, net_content_unit text, origin text
"""
_COPIED = (
    "handle", "names", "brands", "brand", "descriptions", "category", "images", "attributes", "letters",
    "sort_en", "sort_zh",
)  # fmt: skip
_JSON = {"names", "brands", "descriptions", "images", "attributes"}


def _products_merge() -> sa.Executable:
    staged: Any = sa.table(
        "staged_product",
        *(sa.column(name, JSONB() if name in _JSON else sa.Text()) for name in _COPIED),
        *(sa.column(f"{name}_words", sa.Text()) for name in ("name", "brand", "category", "description")),
    )
    words = vector(
        staged.c.name_words, staged.c.brand_words, staged.c.category_words, staged.c.description_words
    )
    write = insert(Product).from_select(
        [*_COPIED, "words"],
        sa.select(*(staged.c[name] for name in _COPIED), words).order_by(staged.c.handle),
        include_defaults=False,
    )
    written = {name: write.excluded[name] for name in (*_COPIED[1:], "words")}
    held: Any = sa.inspect(Product).local_table
    merge = write.on_conflict_do_update(
        index_elements=["handle"],
        set_={**written, "updated_at": sa.func.clock_timestamp()},
        where=sa.or_(*(held.c[name].is_distinct_from(value) for name, value in written.items())),
    )
    return merge.returning(sa.literal_column("old.id IS NULL").label("added"))


_MERGE_PRODUCTS = statement(_products_merge())


async def stage_products(
    db: Connection, products: Iterable[ProductRow], variants: Iterable[VariantRow], tell: Tell = no_one
) -> None:
    """Copies both into temporary tables, to be checked and merged by what stands below."""
    await stage(
        db,
        "staged_product",
        _PRODUCT_COLUMNS,
        ((*row[:-1], *row.words) for row in products),
        tell,
    )
    await stage(db, "staged_variant", _VARIANT_COLUMNS, variants)


async def problems_of_products(db: Connection) -> list[BadRow]:
    """What is wrong with the staged rows, seen beside what is in the database."""
    rows = await db.fetch(
        """
        SELECT s.line, 'category' AS "column", 'There is no category "' || s.category || '".' AS reason
        FROM staged_product s LEFT JOIN category c ON c.code = s.category
        WHERE s.category IS NOT NULL AND c.code IS NULL
        UNION ALL
        SELECT s.line, 'sku', 'This sku belongs to the product "' || p.handle || '".'
        FROM staged_variant s JOIN variant v USING (sku) JOIN product p ON p.id = v.product_id
        WHERE p.handle <> s.handle
        UNION ALL
        SELECT s.line, 'gtin', 'This code belongs to the sku "' || v.sku || '".'
        FROM staged_variant s JOIN variant v USING (gtin) WHERE v.sku <> s.sku
        ORDER BY 1, 2
        """
    )
    return [BadRow(*row) for row in rows]


async def merge_products(db: Connection) -> tuple[Merged, Merged]:
    """What became of the staged products and of their variants.

    A product counts as updated, with its moment, also when only a variant of it changed.
    """
    staged = int(await db.fetchval("SELECT count(*) FROM staged_product"))
    async with indexed_in_one_go(db, "product_attributes", "product_letters", "product_words"):
        touched = await _MERGE_PRODUCTS.all(db)
    added = sum(row.added for row in touched)
    products = Merged(added, len(touched) - added, staged - len(touched))

    staged = int(await db.fetchval("SELECT count(*) FROM staged_variant"))
    await db.execute("DROP TABLE IF EXISTS pg_temp.touched_variant")
    await db.execute("CREATE TEMPORARY TABLE touched_variant (product_id uuid, added boolean) ON COMMIT DROP")
    await db.execute(
        """
        WITH merged AS (
            INSERT INTO variant AS held
                (sku, product_id, position, gtin, names, options, net_content, net_content_unit, origin)
            SELECT s.sku, p.id, s.position, s.gtin, s.names, s.options,
                   s.net_content, s.net_content_unit, s.origin
            FROM staged_variant s JOIN product p USING (handle)
            ORDER BY s.sku
            ON CONFLICT (sku) DO UPDATE
            SET product_id = excluded.product_id, position = excluded.position, gtin = excluded.gtin,
                names = excluded.names, options = excluded.options, net_content = excluded.net_content,
                net_content_unit = excluded.net_content_unit, origin = excluded.origin
            WHERE (held.product_id, held.position, held.gtin, held.names, held.options, held.net_content,
                   held.net_content_unit, held.origin)
                  IS DISTINCT FROM
                  (excluded.product_id, excluded.position, excluded.gtin, excluded.names, excluded.options,
                   excluded.net_content, excluded.net_content_unit, excluded.origin)
            RETURNING new.product_id, old.sku IS NULL AS added
        )
        INSERT INTO touched_variant SELECT product_id, added FROM merged
        """
    )
    await db.execute(
        """
        UPDATE product SET updated_at = clock_timestamp()
        WHERE id IN (SELECT product_id FROM touched_variant) AND updated_at < transaction_timestamp()
        """
    )
    rows = await db.fetch("SELECT count(*), count(*) FILTER (WHERE added) FROM touched_variant")
    changed, new = rows[0]
    return products, Merged(new, changed - new, staged - changed)


async def announce_products(db: Connection, now: datetime) -> None:
    """Tells subscribers of every variant of the staged products that this transaction has changed."""
    await db.execute(
        """
        INSERT INTO outbox (topic, sku, cause, occurred_at)
        SELECT $1, v.sku, 'import', $2
        FROM staged_product s JOIN product p USING (handle) JOIN variant v ON v.product_id = p.id
        WHERE p.updated_at >= transaction_timestamp() ORDER BY v.sku
        """,
        Topic.PRODUCT.value,
        now,
    )


async def _added_and_touched(db: Connection, merge: str) -> tuple[int, int]:
    rows = await db.fetch(merge)
    return sum(row["added"] for row in rows), len(rows)


async def drop_missing_variants(db: Connection) -> None:
    """Takes out the variants of the staged products that were not staged with them.

    Raises asyncpg's ForeignKeyViolationError when prices, stock or a label still name one.
    """
    await db.execute(
        """
        DELETE FROM variant v USING product p, staged_product s
        WHERE p.handle = s.handle AND v.product_id = p.id
          AND NOT EXISTS (SELECT FROM staged_variant t WHERE t.sku = v.sku)
        """
    )
