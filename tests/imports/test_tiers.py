"""The ranks of members, set by a file."""

from __future__ import annotations

from decimal import Decimal

from tests.imports.filed_shop import Shop

TIERS = """code,name_en,name_zh_cn,rank,earn_rate,benefits,active
silver,Silver,银卡,10,1.25,Free delivery; Birthday gift,
diamond,Diamond,钻石卡,40,3,,no
black,Black,黑卡,50,,,yes
"""


async def test_tiers_are_added_changed_and_given_up(shop: Shop) -> None:
    outcome = await shop.takes("tiers", TIERS)
    assert outcome.bad == []
    assert outcome.merged["tiers"] == (1, 2, 0)
    held = await shop.db.fetch("SELECT code, rank, earn_rate, benefits, active FROM tier ORDER BY rank")
    assert [tuple(row) for row in held] == [
        ("member", 0, Decimal(1), [], True),
        ("silver", 10, Decimal("1.25"), ["Free delivery", "Birthday gift"], True),
        ("gold", 20, Decimal("1.5"), [], True),
        ("platinum", 30, Decimal(2), [], True),
        ("diamond", 40, Decimal(3), [], False),
        ("black", 50, Decimal(1), [], True),
    ]
    assert (await shop.takes("tiers", TIERS)).merged["tiers"] == (0, 0, 3)
    refused = [
        (await shop.takes("prices", f"sku,amount,kind,tier\nTEA,1,MEMBER,{tier}\n")).bad
        for tier in ("gold", "diamond")
    ]
    assert [[row.column for row in bad] for bad in refused] == [["sku"], ["sku", "tier"]]
