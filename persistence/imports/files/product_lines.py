"""The lines of a file of products, each read by itself: the part that several processes share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from domain.catalog.content import ContentUnit
from domain.catalog.net_content import read_net_content
from persistence.catalog.tables import Attribute
from persistence.catalog.words import SearchWords, search_words
from persistence.imports.files import cells
from persistence.imports.files.csv_file import Row
from persistence.imports.staging import BadRow


class Description(NamedTuple):
    """What a line says of its product; the lines of one product say the same."""

    names: dict[str, str]
    brands: dict[str, str]
    brand: str | None
    descriptions: dict[str, str]
    category: str
    attributes: list[Attribute]


class ProductLine(NamedTuple):
    """One line; `flawed` when some of its cells could not be read.

    `words` lack those of the category, which only who has read the lines before knows; they are None where
    the line before speaks of the same product.
    """

    line: int
    flawed: bool
    sku: str
    handle: str
    gtin: str | None
    description: Description
    words: SearchWords | None
    image_url: str
    variant_names: dict[str, str] | None
    options: list[Attribute]
    net_content: Decimal | None
    net_content_unit: str | None
    origin: str | None


def product_lines(rows: Sequence[Row], bad: list[BadRow]) -> list[ProductLine]:
    """The lines of a block, all of them; what is wrong with their cells goes to `bad`."""
    found: list[ProductLine] = []
    before: ProductLine | None = None
    for row in rows:
        before = _line(row, before, bad)
        found.append(before)
    return found


def _line(row: Row, before: ProductLine | None, bad: list[BadRow]) -> ProductLine:
    flaws = len(bad)
    sku = row.read("sku", cells.code, bad) or ""
    handle = row.read("handle", cells.optional_code, bad) or sku
    gtin = row.read("gtin", cells.gtin, bad)
    description = _description(row)
    if not description.names:
        bad.append(BadRow(row.line, "name_*", "A name in at least one language is needed."))
    variant_names = row.texts("variant_name_")
    amount, unit = _content(row, (*variant_names.values(), *description.names.values()), bad)
    same = before is not None and before.handle == handle and before.description == description
    return ProductLine(
        row.line,
        len(bad) > flaws,
        sku,
        handle,
        gtin,
        description,
        None if same else _words(description),
        row.cells.get("image_url", ""),
        variant_names or None,
        _attributes(row.family("option_")),
        amount,
        unit,
        row.cells.get("origin") or None,
    )


def _description(row: Row) -> Description:
    brands = row.texts("brand_")
    return Description(
        row.texts("name_"),
        brands,
        row.cells.get("brand") or brands.get("en") or next(iter(brands.values()), None),
        row.texts("description_"),
        row.cells.get("category", ""),
        _attributes(row.family("attribute_")),
    )


def _words(said: Description) -> SearchWords:
    brands = [*said.brands.values(), *([said.brand] if said.brand else [])]
    return search_words(names=said.names, brands=brands, descriptions=said.descriptions.values())


def _content(row: Row, names: Iterable[str], bad: list[BadRow]) -> tuple[Decimal | None, str | None]:
    text, unit_text = row.cells.get("net_content", ""), row.cells.get("net_content_unit", "")
    if not text and not unit_text:
        for name in names:
            if (found := read_net_content(name)) is not None:
                return found.amount, found.unit.value
        return None, None
    amount = row.read("net_content", cells.decimal, bad)
    unit = row.read("net_content_unit", partial(cells.choice, kind=ContentUnit), bad)
    if amount is not None and amount <= 0:
        bad.append(BadRow(row.line, "net_content", "A net content is above 0."))
    return amount, None if unit is None else unit.value


def _attributes(values: Mapping[str, str]) -> list[Attribute]:
    return [Attribute(name=name, value=value) for name, value in values.items()]
