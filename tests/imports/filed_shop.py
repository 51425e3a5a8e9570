"""A shop that reads files: what goes in, and what stands in its database before and after."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from persistence.database import Connection, connect
from persistence.imports.files.channels import import_channels
from persistence.imports.files.prices import import_prices
from persistence.imports.files.products import import_products
from persistence.imports.files.run import Job, Outcome
from persistence.imports.files.stock import import_stock
from persistence.imports.files.stores import import_stores
from persistence.imports.files.tiers import import_tiers
from persistence.imports.places import ChannelRow, add_channels
from tests.databases import created
from tests.imports.contents import contents

NOW = datetime(2026, 1, 5, 4, tzinfo=UTC)
IMPORTERS = {
    "channels": import_channels,
    "tiers": import_tiers,
    "products": import_products,
    "prices": import_prices,
    "stores": import_stores,
    "stock": import_stock,
}
STORES = """code,name_en,name_zh_hk,address_en,city,latitude,longitude,time_zone,opening_hours,services
central,Central,中環,1 Queen's Road,Hong Kong,22.28,114.15,Asia/Hong_Kong,Mon-Fri 08:00-22:00; Sat 09:00-21:00,PICKUP DELIVERY
kowloon,Kowloon,九龍,"2, Nathan Road",Hong Kong,22.3,114.17,Asia/Hong_Kong,,
"""  # noqa: E501
PRODUCTS = """sku,handle,gtin,name_en,name_zh_hk,brand_en,category,net_content,net_content_unit,origin,attribute_fat,option_size
MILK-1,milk,4006381333931,Fresh Milk 1L,鮮牛奶 1公升,Dairy Farm,food > dairy,,,New Zealand,whole,1 L
MILK-2,milk,,Fresh Milk 1L,鮮牛奶 1公升,Dairy Farm,food > dairy,500,MILLILITRE,New Zealand,whole,500 mL
TEA,,12345670,"Tea, black",紅茶,,food,,,,,
"""  # noqa: E501
PRICES = """sku,amount,channel,store,valid_from,valid_until,source
MILK-1,20.00,,,,,
MILK-1,18.50,,central,,,
TEA,9.9,app,,,2096-03-01T00:00:00+08:00,tea-spring
"""
STOCK = "store,sku,on_hand,safety_stock\ncentral,MILK-1,12,2\ncentral,TEA,0,\nkowloon,MILK-1,7,\n"
FILES = {"stores": STORES, "products": PRODUCTS, "prices": PRICES, "stock": STOCK}


class Shop:
    """A shop that reads files."""

    def __init__(self, db: Connection, folder: Path) -> None:
        self.db, self.folder = db, folder

    async def takes(self, kind: str, content: str | bytes, **how: Any) -> Outcome:
        file = self.folder / f"{kind}.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return await IMPORTERS[kind](self.db, Job(file, **({"now": NOW} | how)))

    async def stands(self) -> None:
        for kind, content in FILES.items():
            outcome = await self.takes(kind, content, announce=False)
            assert outcome.bad == []
            assert outcome.written

    async def refuses(self, kind: str, content: str | bytes) -> list[tuple[int, str, str]]:
        before = await contents(self.db)
        outcome = await self.takes(kind, content)
        assert not outcome.written
        assert await contents(self.db) == before
        return [tuple(row) for row in outcome.bad]


@asynccontextmanager
async def opened(server: str, template: str, folder: Path) -> AsyncIterator[Shop]:
    """A shop with a database of its own, in it a till and an app."""
    async with created(server, template=template) as dsn:
        db = await connect(dsn)
        await add_channels(
            db,
            [ChannelRow("pos", {"en": "Till"}, "POS", "HKD"), ChannelRow("app", {"en": "App"}, "APP", "HKD")],
        )
        yield Shop(db, folder)
        await db.close()
