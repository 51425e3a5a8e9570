"""`shelfgraph import products`: a file of products, one line per variant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from pathlib import Path

from domain.catalog.content import ContentUnit
from domain.catalog.net_content import read_net_content
from persistence.catalog.tables import Attribute, Picture
from persistence.catalog.words import search_words
from persistence.database import Connection
from persistence.imports.catalog import (
    CategoryRow,
    ProductRow,
    VariantRow,
    merge_categories,
    merge_products,
    problems_of_products,
    stage_products,
)
from persistence.imports.files import cells
from persistence.imports.files.csv_file import Row, rows_of
from persistence.imports.files.layouts import PRODUCTS
from persistence.imports.files.run import Job, Outcome, Steps, run
from persistence.imports.staging import BadRow, Merged, Tell, drop_lines, no_one

_SHARED = ("name_", "brand_", "description_", "attribute_")
MOST_VARIANTS = 250


@dataclass(slots=True)
class Catalogue:
    """What a file of products amounts to."""

    categories: dict[str, CategoryRow] = field(default_factory=dict)
    products: dict[str, ProductRow] = field(default_factory=dict)
    variants: dict[str, VariantRow] = field(default_factory=dict)
    with_net_content: int = 0


class _Reader:
    """Reads lines into a catalogue and remembers which key stood where."""

    def __init__(self, known: Mapping[str, CategoryRow], bad: list[BadRow]) -> None:
        self.known = dict(known)
        self.bad = bad
        self.read = Catalogue()
        self._gtins: dict[str, int] = {}
        self._said: dict[str, tuple[object, ...]] = {}
        self._positions: dict[str, int] = {}

    def line(self, row: Row) -> None:
        bad, before = self.bad, len(self.bad)
        sku = row.read("sku", cells.code, bad) or ""
        handle = row.read("handle", cells.optional_code, bad) or sku
        gtin = row.read("gtin", cells.gtin, bad)
        names = row.texts("name_")
        if not names:
            bad.append(BadRow(row.line, "name_*", "A name in at least one language is needed."))
        content = self._content(row, names)
        if sku in self.read.variants:
            first = self.read.variants[sku].line
            bad.append(BadRow(row.line, "sku", f"Line {first} has the same sku."))
        if gtin is not None and self._gtins.setdefault(gtin, row.line) != row.line:
            bad.append(BadRow(row.line, "gtin", f"Line {self._gtins[gtin]} has the same code."))
        position = self._positions.get(handle, 0)
        if position >= MOST_VARIANTS:
            bad.append(BadRow(row.line, "handle", f"A product has at most {MOST_VARIANTS} variants."))
        category = row.cells.get("category", "")
        said = (category, row.cells.get("brand"), *(row.family(prefix) for prefix in _SHARED))
        if handle in self.read.products and self._said[handle] != said:
            first = self.read.products[handle].line
            bad.append(BadRow(row.line, "handle", f"Line {first} describes this product otherwise."))
        if len(bad) > before:
            return
        if handle not in self.read.products:
            self._said[handle] = said
            self.read.products[handle] = self._product(row, handle, names, self._category(category))
        self._positions[handle] = position + 1
        amount, unit = content
        self.read.with_net_content += amount is not None
        self.read.variants[sku] = VariantRow(
            row.line, sku, handle, position, gtin, row.texts("variant_name_") or None,
            _attributes(row.family("option_")), amount, unit, row.cells.get("origin") or None,
        )  # fmt: skip

    def _content(self, row: Row, names: Mapping[str, str]) -> tuple[Decimal | None, str | None]:
        text, unit_text = row.cells.get("net_content", ""), row.cells.get("net_content_unit", "")
        if not text and not unit_text:
            for name in (*row.texts("variant_name_").values(), *names.values()):
                if (found := read_net_content(name)) is not None:
                    return found.amount, found.unit.value
            return None, None
        amount = row.read("net_content", cells.decimal, self.bad)
        unit = row.read("net_content_unit", partial(cells.choice, kind=ContentUnit), self.bad)
        if amount is not None and amount <= 0:
            self.bad.append(BadRow(row.line, "net_content", "A net content is above 0."))
        return amount, None if unit is None else unit.value

    def _category(self, text: str) -> str | None:
        """The code a cell names; a path makes the categories it leads through."""
        if ">" not in text:
            return text or None
        path: list[str] = []
        for code in filter(None, (part.strip() for part in text.split(">"))):
            path = [*path, code]
            if code not in self.known:
                self.known[code] = self.read.categories[code] = CategoryRow(code, {"en": code}, path)
        return path[-1] if path else None

    def _product(self, row: Row, handle: str, names: dict[str, str], category: str | None) -> ProductRow:
        brands, descriptions = row.texts("brand_"), row.texts("description_")
        brand = row.cells.get("brand") or brands.get("en") or next(iter(brands.values()), None)
        path = self.known[category].path if category in self.known else []
        url = row.cells.get("image_url", "")
        return ProductRow(
            line=row.line,
            handle=handle,
            names=names,
            brands=brands or None,
            brand=brand,
            descriptions=descriptions or None,
            category=category,
            images=[Picture(url=url, alt=None)] if url else [],
            attributes=_attributes(row.family("attribute_")),
            words=search_words(
                names=names,
                brands=[*brands.values(), *([brand] if brand else [])],
                categories=(name for code in path for name in self.known[code].names.values()),
                descriptions=descriptions.values(),
            ),
        )


def read_products(
    path: Path, bad: list[BadRow], *, known: Mapping[str, CategoryRow], tell: Tell = no_one
) -> Catalogue:
    """The products of a file; rows that are none go to `bad`. Raises BadFile.

    `known` are the categories that are there already, by code.
    """
    reader = _Reader(known, bad)
    for count, row in enumerate(rows_of(path, PRODUCTS, bad), start=1):
        reader.line(row)
        if count % 1000 == 0:
            tell(1000)
    return reader.read


async def import_products(db: Connection, job: Job) -> Outcome:
    """What became of a file of products. Raises BadFile."""
    read = Catalogue()

    async def stage(bad: list[BadRow]) -> int:
        nonlocal read
        rows = await db.fetch("SELECT code, names, path FROM category")
        known = {row["code"]: CategoryRow(row["code"], row["names"], row["path"]) for row in rows}
        read = read_products(job.path, bad, known=known, tell=job.tell)
        if read.categories:
            await merge_categories(db, read.categories.values())
        await stage_products(db, read.products.values(), read.variants.values())
        return len(read.variants)

    async def drop(bad: list[BadRow]) -> list[BadRow]:
        await drop_lines(db, "staged_product", bad)
        await drop_lines(db, "staged_variant", bad)
        rows = await db.fetch(
            """
            DELETE FROM staged_variant s
            WHERE NOT EXISTS (SELECT FROM staged_product p WHERE p.handle = s.handle)
            RETURNING s.line, 'handle', 'The line that describes this product cannot be taken.'
            """
        )
        await db.execute(
            """
            DELETE FROM staged_product p
            WHERE NOT EXISTS (SELECT FROM staged_variant s WHERE s.handle = p.handle)
            """
        )
        return [BadRow(*row) for row in rows]

    async def merge() -> dict[str, Merged]:
        products, variants = await merge_products(db)
        return {"products": products, "variants": variants}

    outcome = await run(db, job, Steps(stage, partial(problems_of_products, db), drop, merge))
    if read.variants:
        share = 100 * read.with_net_content / len(read.variants)
        outcome.notes.append(f"Net content known of {read.with_net_content} ({share:.1f} %).")
    return outcome


def _attributes(values: Mapping[str, str]) -> list[Attribute]:
    return [Attribute(name=name, value=value) for name, value in values.items()]
