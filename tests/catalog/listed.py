"""A small catalogue made by hand, and what a list of it must say, worked out in Python."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from persistence.database import Connection
from tests.makers import (
    make_category,
    make_channel,
    make_product,
    make_public_price,
    make_stock,
    make_store,
)

DAY = datetime(2026, 1, 1, tzinfo=UTC)
CHANNELS = ("app", "pos")
STORES = ("north", "south")
COLOURS = ("red", "green", "blue")
CATEGORIES = {"food": (), "drinks": ("food",), "milk": ("food", "drinks"), "snacks": ("food",), "home": ()}
BRANDS = ("Kowloon", "Dairy & Sons", None)


@dataclass
class Listed:
    """A product as the tests know it; amounts are by (channel, store) and sku."""

    handle: str
    name: str
    name_zh: str
    category: str | None
    brand: str | None
    colour: str
    units_sold: int
    created_at: datetime
    updated_at: datetime
    skus: list[str]
    amounts: dict[tuple[str, str, str], int | None] = field(default_factory=dict)
    stock: dict[tuple[str, str], int] = field(default_factory=dict)
    id: object = None

    def price(self, channel: str, store: str | None) -> tuple[int, str] | None:
        """What the cheapest variant costs, and its sku."""
        found = []
        for sku in self.skus:
            scopes = [(channel, "")] if store is None else [(channel, store), ("", store), (channel, "")]
            for scope in scopes:
                if (*scope, sku) in self.amounts:
                    amount = self.amounts[*scope, sku]
                    if amount is not None:
                        found.append((amount, sku))
                    break
        return min(found, default=None)

    def in_stock(self, *stores: str) -> bool:
        """Whether any variant is free in any of the stores."""
        return any(self.stock.get((store, sku), 0) > 0 for store in stores for sku in self.skus)


def catalogue() -> list[Listed]:
    """Forty products full of ties: equal names, moments, sales and prices, and every kind of price scope."""
    products = []
    for number in range(40):
        skus = [f"S{number:02}-{letter}" for letter in "abc"[: 1 + number % 3]]
        listed = Listed(
            handle=f"listed-{number:02}",
            name=("Fresh Milk", "Rice", "Apple Juice", "Toilet Roll")[number % 4],
            name_zh=("鲜牛奶", "大米", "苹果汁", "卷纸")[number % 4],
            category=(*CATEGORIES, None)[number % 6],
            brand=BRANDS[number % 3],
            colour=COLOURS[number % 3 if number % 5 else 0],
            units_sold=number % 7,
            created_at=DAY + timedelta(days=number // 3),
            updated_at=DAY + timedelta(days=number // 4),
            skus=skus,
        )
        for position, sku in enumerate(skus):
            if number % 8 != 7:
                listed.amounts["app", "", sku] = 500 + 100 * (number % 6) + 50 * position
            if number % 4 == 1:
                listed.amounts["", "north", sku] = 450 + 100 * (number % 5)
            if number % 9 == 2:
                listed.amounts["app", "north", sku] = None if position == 0 else 300 + number
            if number % 5 == 0:
                listed.stock["north", sku] = number % 4
            if number % 7 == 0:
                listed.stock["south", sku] = 2
        products.append(listed)
    return products


async def store_all(db: Connection, products: list[Listed]) -> None:
    """Writes the catalogue, its channels and stores, and notes the ids that were given."""
    for channel in CHANNELS:
        await make_channel(db, channel)
    for store in STORES:
        await make_store(db, store, till_channel="pos")
    for code, above in CATEGORIES.items():
        await make_category(db, code, above=above, names={"en": code.title(), "zh-CN": f"{code}类"})
    for listed in products:
        made = await make_product(
            db,
            listed.handle,
            names={"en": listed.name, "zh-CN": listed.name_zh},
            brands={"en": listed.brand} if listed.brand else None,
            category=listed.category,
            attributes={"colour": listed.colour, "size": "large" if listed.units_sold > 3 else "small"},
            skus=listed.skus,
            units_sold=listed.units_sold,
            created_at=listed.created_at,
            updated_at=listed.updated_at,
        )
        listed.id = made.id
        for (channel, store, sku), amount in listed.amounts.items():
            await make_public_price(db, sku, amount, channel=channel, store=store)
        for (store, sku), units in listed.stock.items():
            await make_stock(db, store, sku, on_hand=units + 5, reserved=3, safety_stock=2)
