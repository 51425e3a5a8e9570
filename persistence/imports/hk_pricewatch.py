"""The catalogue and the prices of Hong Kong's Online Price Watch, from a folder of its files."""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import IO, NamedTuple, cast

from domain.catalog.net_content import read_net_content
from persistence.catalog.words import search_words
from persistence.database import Connection
from persistence.imports.catalog import (
    CategoryRow,
    ProductRow,
    VariantRow,
    announce_products,
    merge_categories,
    merge_products,
    stage_products,
)
from persistence.imports.hk_pricewatch_log import CURRENCY, RECORDED_BY, Folded, LogError, fold
from persistence.imports.offers import merge_offers
from persistence.imports.places import (
    StoreRow,
    add_channels,
    announce_directory,
    merge_stores,
    stage_stores,
    tills,
)
from persistence.imports.prices import merge_prices, stage_prices
from persistence.imports.staging import Merged, Tell, analyse, no_one

_EVENT = ("date", "code", "channel", "event", "price", "offer_id")
FILES = ("products.csv.gz", "offers.csv.gz", "price_events.csv.gz")


class FolderError(Exception):
    """The folder does not hold what it should; the message names the file."""


class Article(NamedTuple):
    """A row of the catalogue, ready to be stored."""

    product: ProductRow
    variant: VariantRow


class Loaded(NamedTuple):
    """What an import of the folder did, and what it read."""

    log: Folded
    articles: int
    with_net_content: int
    products: Merged
    prices: Merged
    offers: Merged


async def load(
    db: Connection,
    folder: Path,
    stores: Iterable[StoreRow],
    *,
    now: datetime,
    announce: bool,
    tell: Tell = no_one,
) -> Loaded:
    """What became of the folder's catalogue, chains, prices and offers, in the caller's transaction.

    `stores` describe the chains; `tell` hears of events. Raises FolderError when a file is broken.
    """
    categories, articles = read_catalogue(folder / "products.csv.gz")
    log = read_log(folder / "price_events.csv.gz", tell)
    await add_channels(db, [tills(CURRENCY)])
    await stage_stores(db, stores)
    if (await merge_stores(db, replace=False)).added and announce:
        await announce_directory(db, now)
    await merge_categories(db, categories)
    await stage_products(
        db, (article.product for article in articles), (article.variant for article in articles)
    )
    products, _ = await merge_products(db)
    if announce:
        await announce_products(db, now)
    await analyse(db, "product", "variant", "price_record", "public_price")
    await stage_prices(db, log.prices)
    prices = await merge_prices(db, recorded_by=RECORDED_BY, now=now, announce=announce)
    offers = await merge_offers(db, read_offers(folder / "offers.csv.gz"), log.offers)
    return Loaded(
        log,
        len(articles),
        sum(article.variant.net_content is not None for article in articles),
        products,
        prices,
        offers,
    )


def read_catalogue(path: Path) -> tuple[list[CategoryRow], list[Article]]:
    """The categories, parents first, and the articles of `products.csv.gz`."""
    categories: dict[str, CategoryRow] = {}
    articles = []
    with _rows(path) as rows:
        for line, row in enumerate(rows, start=2):
            path_codes = _categories_of(row, categories)
            articles.append(_article(line, row, [categories[code] for code in path_codes]))
    return sorted(categories.values(), key=lambda category: (len(category.path), category.code)), articles


def read_log(path: Path, tell: Tell = no_one) -> Folded:
    """The folded events of `price_events.csv.gz`."""
    with _file(path) as file:
        rows = csv.reader(file)
        if tuple(next(rows, ())) != _EVENT:
            raise FolderError(f"{path} should have the columns {', '.join(_EVENT)}.")
        try:
            return fold(_telling(rows, tell))
        except LogError as wrong:
            raise FolderError(f"{path}, {wrong}") from None


def read_offers(path: Path) -> dict[int, dict[str, str]]:
    """The texts of `offers.csv.gz` by offer and locale."""
    with _rows(path) as rows:
        return {
            int(row["offer_id"]): _by_locale({"en": row["offer_en"], "zh-CN": row["offer_zh_hans"]})
            for row in rows
        }


def _article(line: int, row: Mapping[str, str], categories: list[CategoryRow]) -> Article:
    names = _by_locale({"en": row["name_en"], "zh-HK": row["name_zh_hant"], "zh-CN": row["name_zh_hans"]})
    brands = _by_locale({"en": row["brand_en"], "zh-HK": row["brand_zh_hant"], "zh-CN": row["brand_zh_hans"]})
    content = read_net_content(names["en"]) or read_net_content(names["zh-HK"])
    handle = row["code"].lower()
    product = ProductRow(
        line=line,
        handle=handle,
        names=names,
        brands=brands,
        brand=brands.get("en"),
        descriptions=None,
        category=categories[-1].code,
        images=[],
        attributes=[],
        words=search_words(
            names=names,
            brands=brands.values(),
            categories=(name for category in categories for name in category.names.values()),
        ),
    )
    variant = VariantRow(
        line=line,
        sku=row["code"],
        handle=handle,
        position=0,
        gtin=None,
        names=None,
        options=[],
        net_content=None if content is None else content.amount,
        net_content_unit=None if content is None else content.unit.value,
        origin=None,
    )
    return Article(product, variant)


def _categories_of(row: Mapping[str, str], known: dict[str, CategoryRow]) -> list[str]:
    """The codes from the root down, made of the English names; new ones are added to `known`."""
    path: list[str] = []
    for level in "123":
        english = row[f"cat{level}_en"]
        code = "/".join([*path[-1:], _slug(english)])
        path = [*path, code]
        if code not in known:
            simplified = row[f"cat{level}_zh_hans"]
            names = {"en": english, "zh-HK": _to_hong_kong()(simplified), "zh-CN": simplified}
            known[code] = CategoryRow(code, names, path)
    return path


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


@cache
def _to_hong_kong() -> Callable[[str], str]:
    # The source names its categories in Simplified Chinese only, its shoppers read Traditional.
    import opencc

    convert: Callable[[str], str] = opencc.OpenCC("s2hk").convert
    return convert


def _by_locale(texts: Mapping[str, str]) -> dict[str, str]:
    return {locale: text.strip() for locale, text in texts.items() if text.strip()}


@contextmanager
def _file(path: Path) -> Iterator[IO[str]]:
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            yield cast("IO[str]", file)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as wrong:
        raise FolderError(f"{path} cannot be read: {wrong}") from None


@contextmanager
def _rows(path: Path) -> Iterator[Iterable[Mapping[str, str]]]:
    try:
        with _file(path) as file:
            yield csv.DictReader(file)
    except (KeyError, TypeError, AttributeError) as wrong:
        raise FolderError(f"{path} lacks the column {wrong}.") from None


def _telling(rows: Iterable[Sequence[str]], tell: Tell) -> Iterator[Sequence[str]]:
    count = 0
    for row in rows:
        yield row
        count += 1
        if count % 10_000 == 0:
            tell(10_000)
    tell(count % 10_000)
