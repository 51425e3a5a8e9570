"""Channels opened and closed by a file, and what is sold in them from that moment on."""

from __future__ import annotations

from tests.imports.contents import contents
from tests.imports.filed_shop import NOW, Shop

CHANNELS = """code,name_en,name_zh_cn,kind,currency,stock_policy,active
app,The app,手机应用,APP,,BORROW,yes
live,Live room,直播间,LIVE,HKD,,
pos,Till,,POS,,,no
"""


async def projected(shop: Shop) -> list[tuple[str, str, str, int | None]]:
    rows = await shop.db.fetch(
        "SELECT channel, store, sku, amount_minor FROM public_price ORDER BY sku, store, channel"
    )
    return [tuple(row) for row in rows]


async def test_a_channel_that_opens_or_closes_changes_what_is_sold_where(shop: Shop) -> None:
    await shop.stands()
    assert ("pos", "", "MILK-1", 2000) in await projected(shop)

    outcome = await shop.takes("channels", CHANNELS)

    assert outcome.bad == []
    assert outcome.merged["channels"] == (1, 2, 0)
    held = await shop.db.fetch(
        "SELECT code, kind, currency_code, stock_policy, active FROM channel ORDER BY 1"
    )
    assert [tuple(row) for row in held] == [
        ("app", "APP", "HKD", "BORROW", True),
        ("live", "LIVE", "HKD", "SHARED", True),
        ("pos", "POS", "HKD", "SHARED", False),
    ]
    assert await projected(shop) == [
        ("app", "", "MILK-1", 2000),
        ("live", "", "MILK-1", 2000),
        ("", "central", "MILK-1", 1850),
        ("app", "", "TEA", 990),
    ]
    told = await shop.db.fetch("SELECT topic FROM outbox ORDER BY id")
    assert [row["topic"] for row in told] == ["directory"]
    before = await contents(shop.db)
    again = await shop.takes("channels", CHANNELS, now=NOW.replace(month=2))
    assert again.merged["channels"] == (0, 0, 3)
    assert await contents(shop.db) == before
