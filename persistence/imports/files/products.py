"""`shelfgraph import products`: a file of products, one line per variant."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from persistence.catalog.tables import Picture
from persistence.catalog.words import SearchWords, words_of_all
from persistence.database import Connection
from persistence.imports.catalog import (
    CategoryRow,
    ProductRow,
    VariantRow,
    announce_products,
    merge_categories,
    merge_products,
    problems_of_products,
    stage_products,
)
from persistence.imports.files.layouts import PRODUCTS
from persistence.imports.files.product_lines import Description, ProductLine, product_lines
from persistence.imports.files.reading import parts_of
from persistence.imports.files.run import Job, Outcome, Steps, run
from persistence.imports.staging import BadRow, Merged, Tell, analyse, drop_lines, no_one

MOST_VARIANTS = 250


@dataclass(slots=True)
class Catalogue:
    """What a file of products amounts to."""

    categories: dict[str, CategoryRow] = field(default_factory=dict)
    products: dict[str, ProductRow] = field(default_factory=dict)
    variants: dict[str, VariantRow] = field(default_factory=dict)
    with_net_content: int = 0


class _Catalogue:
    """Takes lines into a catalogue and remembers which key stood where."""

    def __init__(self, known: Mapping[str, CategoryRow], bad: list[BadRow]) -> None:
        self.known = dict(known)
        self.bad = bad
        self.read = Catalogue()
        self._gtins: dict[str, int] = {}
        self._said: dict[str, Description] = {}
        self._positions: dict[str, int] = {}
        self._words: dict[str, SearchWords] = {}

    def take(self, line: ProductLine) -> None:
        bad, before = self.bad, len(self.bad)
        sku, handle, gtin, said = line.sku, line.handle, line.gtin, line.description
        if line.words is not None:
            self._words[handle] = line.words
        if sku in self.read.variants:
            first = self.read.variants[sku].line
            bad.append(BadRow(line.line, "sku", f"Line {first} has the same sku."))
        if gtin is not None and self._gtins.setdefault(gtin, line.line) != line.line:
            bad.append(BadRow(line.line, "gtin", f"Line {self._gtins[gtin]} has the same code."))
        position = self._positions.get(handle, 0)
        if position >= MOST_VARIANTS:
            bad.append(BadRow(line.line, "handle", f"A product has at most {MOST_VARIANTS} variants."))
        if handle in self.read.products and self._said[handle] != said:
            first = self.read.products[handle].line
            bad.append(BadRow(line.line, "handle", f"Line {first} describes this product otherwise."))
        if line.flawed or len(bad) > before:
            return
        if handle not in self.read.products:
            self._said[handle] = said
            self.read.products[handle] = self._product(line)
        self._positions[handle] = position + 1
        self.read.with_net_content += line.net_content is not None
        self.read.variants[sku] = VariantRow(
            line.line, sku, handle, position, gtin, line.variant_names, line.options,
            line.net_content, line.net_content_unit, line.origin,
        )  # fmt: skip

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

    def _product(self, line: ProductLine) -> ProductRow:
        said = line.description
        category = self._category(said.category)
        path = self.known[category].path if category in self.known else []
        return ProductRow(
            line=line.line,
            handle=line.handle,
            names=said.names,
            brands=said.brands or None,
            brand=said.brand,
            descriptions=said.descriptions or None,
            category=category,
            images=[Picture(url=line.image_url, alt=None)] if line.image_url else [],
            attributes=said.attributes,
            words=self._words[line.handle]._replace(
                category=words_of_all(name for code in path for name in self.known[code].names.values())
            ),
        )


async def read_products(
    path: Path,
    bad: list[BadRow],
    *,
    known: Mapping[str, CategoryRow],
    tell: Tell = no_one,
    processes: int | None = None,
) -> Catalogue:
    """The products of a file; rows that are none go to `bad`. Raises BadFile.

    `known` are the categories that are there already, by code.
    """
    catalogue = _Catalogue(known, bad)
    async with aclosing(parts_of(path, PRODUCTS, product_lines, processes=processes)) as parts:
        async for part in parts:
            bad += part.bad
            for line in part.made:
                catalogue.take(line)
            tell(len(part.made))
    return catalogue.read


async def import_products(db: Connection, job: Job) -> Outcome:
    """What became of a file of products. Raises BadFile."""
    read = Catalogue()

    async def stage(bad: list[BadRow]) -> int:
        nonlocal read
        await analyse(db, "category", "product", "variant")
        rows = await db.fetch("SELECT code, names, path FROM category")
        known = {row["code"]: CategoryRow(row["code"], row["names"], row["path"]) for row in rows}
        read = await read_products(job.path, bad, known=known, tell=job.tell)
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
        if job.announce:
            await announce_products(db, job.now)
        return {"products": products, "variants": variants}

    outcome = await run(db, job, Steps(stage, partial(problems_of_products, db), drop, merge))
    if read.variants:
        share = 100 * read.with_net_content / len(read.variants)
        outcome.notes.append(f"Net content known of {read.with_net_content} ({share:.1f} %).")
    return outcome
