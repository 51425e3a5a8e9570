"""What a product list is asked for, checked, and split into the statement's shape and its values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import orjson

from domain.catalog.listing import ProductSort, order_of
from domain.channels import StockPolicy
from domain.refusals import RequestError
from persistence.catalog.words import LONGEST_QUERY, letters_of, query_words, sort_key_zh

MOST_VALUES = 100
MOST_ATTRIBUTES = 10
_FEWEST_LETTERS = 4


@dataclass(frozen=True, slots=True)
class ProductQuery:
    """What a product list is asked for; what is None or empty leaves nothing out.

    Prices are the public ones of `channel` and `store`, amounts in minor units, both ends included; a
    product's price is that of its cheapest variant. Stock counts in `stock_stores`: the context's store, or
    every active store that delivers; it is what `stock_channel` may promise by its policy. `attributes` are
    names with the values of which one is wanted.
    """

    channel: str
    store: str | None = None
    stock_stores: tuple[str, ...] = ()
    stock_channel: str | None = None
    stock_policy: StockPolicy = StockPolicy.SHARED
    search: str | None = None
    category: str | None = None
    brands: tuple[str, ...] = ()
    attributes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    lowest_price: int | None = None
    highest_price: int | None = None
    in_stock: bool | None = None
    updated_since: datetime | None = None
    sort: ProductSort | None = None
    locale: str = "en"


@dataclass(frozen=True, slots=True)
class Shape:
    """Everything about a question that changes its SQL; equal shapes share one statement."""

    sort: ProductSort
    chinese: bool = False
    after: bool = False
    search: bool = False
    words: bool = False
    letters: bool = False
    category: bool = False
    brands: bool = False
    attributes: int = 0
    lowest_price: bool = False
    highest_price: bool = False
    in_stock: bool | None = None
    stock_policy: StockPolicy = StockPolicy.SHARED
    updated_since: bool = False
    store: bool = False

    @property
    def price_range(self) -> bool:
        """True when a product without a price is left out for the range's sake."""
        return self.lowest_price or self.highest_price

    @property
    def priced(self) -> bool:
        """True when a product without a price is left out."""
        return self.price_range or self.sort.by_price

    @property
    def narrow(self) -> bool:
        """True when indexes on products can cut the list short, other than the one that orders it."""
        since = self.updated_since and self.sort is not ProductSort.UPDATED_ASC
        return self.search or self.category or self.brands or self.attributes > 0 or since


def asked(query: ProductQuery) -> tuple[Shape, dict[str, object]]:
    """The shape of a question and the values of its statement.

    Raises BAD_USER_INPUT for more values than a filter takes.
    """
    _check(query)
    search = (query.search or "").strip()[:LONGEST_QUERY]
    words = query_words(search)
    letters = letters_of(search)
    attributes = [(name, values) for name, values in query.attributes if values]
    shape = Shape(
        sort=order_of(query.sort, searching=bool(search)),
        chinese=query.locale.lower().startswith("zh"),
        search=bool(search),
        words=bool(words),
        # Trigrams find mistyped Latin words; of Chinese there are too few letters to go by.
        letters=letters.isascii() and len(letters) >= _FEWEST_LETTERS and any(map(str.isalpha, letters)),
        category=query.category is not None,
        brands=bool(query.brands),
        attributes=len(attributes),
        lowest_price=query.lowest_price is not None,
        highest_price=query.highest_price is not None,
        in_stock=query.in_stock,
        # A question that does not ask for stock shares its statement whatever the channel's policy.
        stock_policy=StockPolicy.SHARED if query.in_stock is None else query.stock_policy,
        updated_since=query.updated_since is not None,
        store=query.store is not None,
    )
    values: dict[str, object] = {
        "channel": query.channel,
        "store": query.store,
        "stock_stores": query.stock_stores,
        "stock_channel": query.stock_channel,
        "code": search,
        "words": words,
        "letters": letters,
        "name_zh": sort_key_zh(search),
        "category": query.category,
        "category_path": [query.category],
        "brands": query.brands,
        "lowest_price": query.lowest_price,
        "highest_price": query.highest_price,
        "updated_since": query.updated_since,
    }
    for number, (name, wanted) in enumerate(attributes):
        # As texts: the driver would take a list of lists for an array of two dimensions.
        values[f"attribute_{number}"] = [
            orjson.dumps([{"name": name, "value": value}]).decode() for value in wanted
        ]
    return shape, values


def _check(query: ProductQuery) -> None:
    _at_most("brand", len(query.brands), MOST_VALUES)
    _at_most("attributes", len(query.attributes), MOST_ATTRIBUTES)
    for _, values in query.attributes:
        _at_most("oneOf", len(values), MOST_VALUES)


def _at_most(what: str, count: int, most: int) -> None:
    if count > most:
        raise RequestError.bad_input(
            en=f"{what} takes at most {most} values, not {count}.",
            zh=f"{what} 最多 {most} 个值，而不是 {count} 个。",
        )
