"""A shop's own files: what goes in, what is refused and why, and that nothing is left half done."""

from __future__ import annotations

import csv
import gzip
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.pricing.rules import overlapping_slots
from persistence.database import connect
from persistence.imports.files import cells
from persistence.imports.files.csv_file import BadFile
from persistence.imports.files.run import Job, OnError
from persistence.imports.files.stock import import_stock
from persistence.imports.prices import PriceImportRow, problems_of_prices, stage_prices
from persistence.imports.staging import indexed_in_one_go
from tests.imports.contents import contents
from tests.imports.filed_shop import FILES, NOW, PRICES, STOCK, STORES, Shop

FOOD_FACTS = Path(__file__).parents[3] / "shared" / "data" / "openfoodfacts" / "products.csv.gz"


async def test_a_shop_is_filled_and_the_same_files_change_nothing(shop: Shop) -> None:
    for kind, content in FILES.items():
        outcome = await shop.takes(kind, content)
        assert (outcome.bad, outcome.written) == ([], True), kind
    assert outcome.rows == 3
    db = shop.db
    product = await db.fetchrow("SELECT * FROM product WHERE handle = 'milk'")
    assert product is not None
    assert product["names"] == {"en": "Fresh Milk 1L", "zh-HK": "鮮牛奶 1公升"}
    assert (product["brand"], product["category"]) == ("Dairy Farm", "dairy")
    assert product["attributes"] == [{"name": "fat", "value": "whole"}]
    variants = await db.fetch("SELECT sku, net_content, net_content_unit, position FROM variant ORDER BY sku")
    assert [tuple(row) for row in variants] == [
        ("MILK-1", Decimal(1), "LITRE", 0),
        ("MILK-2", Decimal(500), "MILLILITRE", 1),
        ("TEA", None, None, 0),
    ]
    assert await db.fetchval("SELECT path FROM category WHERE code = 'dairy'") == ["food", "dairy"]
    prices = await db.fetch(
        "SELECT sku, kind, amount_minor, store, channel, sequence, source FROM price_record ORDER BY 1, 6"
    )
    assert [tuple(row) for row in prices] == [
        ("MILK-1", "LIST", 2000, None, None, 1, "import/MILK-1/1"),
        ("MILK-1", "STORE", 1850, "central", None, 2, "import/MILK-1/2"),
        ("TEA", "LIST", 990, None, "app", 1, "tea-spring"),
    ]
    public = await db.fetch("SELECT channel, store, sku, amount_minor FROM public_price ORDER BY 3, 1, 2")
    assert [tuple(row) for row in public] == [
        ("", "central", "MILK-1", 1850),
        ("app", "", "MILK-1", 2000),
        ("pos", "", "MILK-1", 2000),
        ("app", "", "TEA", 990),
    ]
    moved = await db.fetch("SELECT store, sku, delta, reason FROM stock_movement ORDER BY store, sku")
    assert [tuple(row) for row in moved] == [
        ("central", "MILK-1", 12, "COUNT"),
        ("kowloon", "MILK-1", 7, "COUNT"),
    ]
    news = await db.fetch("SELECT topic, sku, store, channel, cause FROM outbox ORDER BY id")
    assert [tuple(row) for row in news] == [
        ("directory", None, None, None, "import"),
        ("product", "MILK-1", None, None, "import"),
        ("product", "MILK-2", None, None, "import"),
        ("product", "TEA", None, None, "import"),
        ("price", "MILK-1", "central", None, "import"),
        ("price", "MILK-1", None, None, "import"),
        ("price", "TEA", None, "app", "import"),
        ("stock", "MILK-1", "central", None, "import"),
        ("stock", "MILK-1", "kowloon", None, "import"),
        ("stock", "TEA", "central", None, "import"),
    ]
    before = await contents(db)
    for kind, content in FILES.items():
        again = await shop.takes(kind, content, now=NOW.replace(month=2))
        assert again.written
        assert all((merged.added, merged.changed) == (0, 0) for merged in again.merged.values()), kind
    assert await contents(db) == before


async def test_what_changed_is_changed_and_told_of(shop: Shop) -> None:
    await shop.stands()
    later = NOW.replace(day=6)
    await shop.takes("stock", STOCK.replace("MILK-1,12", "MILK-1,10"), now=later)
    assert await shop.db.fetchval("SELECT sum(delta) FROM stock_movement WHERE store = 'central'") == 10
    assert (
        await shop.db.fetchval(
            "SELECT safety_stock FROM stock_level WHERE store = 'central' AND sku = 'MILK-1'"
        )
        == 2
    )
    changed = await shop.takes("prices", PRICES.replace("18.50", "17.50"), now=later)
    assert changed.merged["prices"] == (1, 0, 2)
    back = await shop.takes("prices", PRICES, now=NOW.replace(day=7))
    assert back.merged["prices"] == (1, 0, 2), "a price that comes back is set again"
    slot = await shop.db.fetch(
        "SELECT amount_minor, sequence, recorded_at FROM price_record WHERE store = 'central' ORDER BY 2"
    )
    assert [(row[0], row[1], row[2].day) for row in slot] == [(1850, 2, 5), (1750, 3, 6), (1850, 4, 7)]
    assert await shop.db.fetchval("SELECT amount_minor FROM public_price WHERE store = 'central'") == 1850
    news = await shop.db.fetch("SELECT topic, store FROM outbox ORDER BY id")
    assert [tuple(row) for row in news] == [("stock", "central"), ("price", "central"), ("price", "central")]


NO_ZONE = "does not say in which time zone: end it with Z or +08:00."
PRODUCT_HEADER = "sku,name_en,gtin,handle,net_content,net_content_unit,category\n"


@pytest.mark.parametrize(
    ("kind", "content", "bad"),
    [
        ("stock", "store,sku,on_hand\ncentral,TEA,-1\n", [(2, "on_hand", "-1 is below 0.")]),
        ("stock", "store,sku,on_hand\ncentral,TEA,1.5\n", [(2, "on_hand", "'1.5' is not a whole number.")]),
        ("stock", "store,sku,on_hand\ncentral,TEA,\n", [(2, "on_hand", "'' is not a whole number.")]),
        (
            "stock",
            "store,sku,on_hand\ncentral,TEA,1\ncentral,TEA,2\n",
            [(3, "sku", "Line 2 counts the same sku in the same store.")],
        ),
        (
            "stock",
            "store,sku,on_hand\nmoon,TEA,1\ncentral,SOUP,2\n",
            [(2, "store", 'There is no store "moon".'), (3, "sku", 'There is no sku "SOUP".')],
        ),
        ("stock", "store,sku,on_hand\ncentral,TEA\n", [(2, "", "The line has 2 cells, the header 3.")]),
        ("stock", b"store,sku,on_hand\ncentral,T\0EA,1\n", [(2, "sku", "The cell holds a NUL byte.")]),
        (
            "stock",
            "store,sku,on_hand\ncentral,Café,1\n".encode("latin-1"),
            [(2, "sku", "The byte 0xE9 is not UTF-8: is the file Latin-1 or GBK?")],
        ),
        (
            "stock",
            'store,sku,on_hand\ncentral,"TEA,1\n',
            [(2, "", "The line cannot be read: unexpected end of data.")],
        ),
        ("prices", "sku,amount\nTEA,-1\n", [(2, "amount", "A price is not negative.")]),
        (
            "prices",
            "sku,amount\nTEA,1.005\n",
            [(2, "amount", "HKD has 2 digits after the point; 1.005 has more.")],
        ),
        ("prices", "sku,amount\nTEA,1e3\n", [(2, "amount", "'1e3' is not a number such as 12.50.")]),
        (
            "prices",
            "sku,amount,currency\nTEA,1,dollar\n",
            [(2, "currency", "'dollar' is not a currency such as HKD.")],
        ),
        (
            "prices",
            "sku,amount,currency,channel\nTEA,1,CNY,app\n",
            [(2, "currency", 'Channel "app" sells in HKD, not in CNY.')],
        ),
        (
            "prices",
            "sku,amount,channel\nTEA,1,radio\nTEA,2,app\n",
            [(2, "channel", 'There is no channel "radio".')],
        ),
        (
            "prices",
            "sku,amount,kind,tier\nTEA,1,MEMBER,golden\nTEA,1,MEMBER,gold\n",
            [(2, "tier", 'There is no tier "golden".')],
        ),
        ("prices", "sku,amount,kind\nTEA,1,GIFT\n", None),
        ("prices", "sku,amount,kind\nTEA,1,MEMBER\n", None),
        (
            "prices",
            "sku,amount,valid_from\nTEA,1,2026-01-01T00:00:00\n",
            [(2, "valid_from", f"'2026-01-01T00:00:00' {NO_ZONE}")],
        ),
        (
            "prices",
            "sku,amount\nTEA,1\nMILK-1,2\nTEA,3\n",
            [(4, "valid_from", "Line 2 sets the same price for a time that overlaps.")],
        ),
        (
            "prices",
            "sku,amount,source\nTEA,1,a\nMILK-1,2,a\nTEA,990,tea-spring\n",
            [
                (3, "source", "Line 2 has the same source."),
                (4, "source", "This source already stands for another price."),
                (4, "valid_from", "Line 2 sets the same price for a time that overlaps."),
            ],
        ),
        (
            "products",
            PRODUCT_HEADER + "A,Soup,4006381333932,,,,\n",
            [(2, "gtin", "The check digit of 4006381333932 is wrong: 1 would be right.")],
        ),
        (
            "products",
            PRODUCT_HEADER + "A,Soup,123,,,,\n",
            [(2, "gtin", "A GTIN has 8, 12, 13 or 14 digits; 123 has 3.")],
        ),
        (
            "products",
            PRODUCT_HEADER + "A,Soup,4006381333931,,,,\n",
            [(2, "gtin", 'This code belongs to the sku "MILK-1".')],
        ),
        (
            "products",
            PRODUCT_HEADER + "A,Soup,,,,,\nA,Soup,,,,,\n",
            [(3, "sku", "Line 2 has the same sku.")],
        ),
        (
            "products",
            PRODUCT_HEADER + "A,Soup,,soup,,,\nB,Stew,,soup,,,\n",
            [(3, "handle", "Line 2 describes this product otherwise.")],
        ),
        (
            "products",
            PRODUCT_HEADER + "TEA,Soup,,soup,,,\n",
            [(2, "sku", 'This sku belongs to the product "TEA".')],
        ),
        (
            "products",
            PRODUCT_HEADER + "A,,,,,,\n",
            [(2, "name_*", "A name in at least one language is needed.")],
        ),
        (
            "products",
            PRODUCT_HEADER + "A,Soup,,,0,GRAM,\n",
            [(2, "net_content", "A net content is above 0.")],
        ),
        ("products", PRODUCT_HEADER + "A,Soup,,,5,CUP,\n", None),
        (
            "products",
            PRODUCT_HEADER + "A,Soup,,,,,soups\n",
            [(2, "category", 'There is no category "soups".')],
        ),
        (
            "stores",
            STORES.replace("22.28", "122.28").replace("Asia/Hong_Kong,Mon", "Mars,Mon"),
            [
                (2, "latitude", "122.28 is not between -90 and 90."),
                (2, "time_zone", "'Mars' is not a time zone such as Asia/Hong_Kong."),
            ],
        ),
        ("stores", STORES.replace("PICKUP DELIVERY", "PICKUP DANCING"), None),
        (
            "tiers",
            "code,name_en,rank,earn_rate,active\n"
            "gold,,-1,-2,maybe\n"
            "silver,Silver,1,,\n"
            "silver,Silver,2,,\n",
            [
                (2, "active", "'maybe' is neither yes nor no."),
                (2, "earn_rate", "An earn rate is not negative."),
                (2, "name_*", "A value is needed here."),
                (2, "rank", "-1 is below 0."),
                (4, "code", "Line 3 has the same code."),
            ],
        ),
        (
            "tiers",
            "code,name_en,rank,active\n"
            "member,M,0,no\nsilver,S,1,no\ngold,G,2,no\nplatinum,P,3,no\ndiamond,D,4,no\n",
            [(line, "active", "No tier would be active any more.") for line in range(2, 7)],
        ),
        (
            "channels",
            "code,name_en,kind,currency,stock_policy,active\n"
            "app,,FAX,$,GREEDY,perhaps\n"
            "app,App,APP,,,\n"
            "pos,Till,POS,CNY,,\n",
            [
                (2, "active", "'perhaps' is neither yes nor no."),
                (2, "currency", "'$' is not a currency such as HKD."),
                (2, "kind", "'FAX' is none of APP, MINI_PROGRAM, H5, POS, SELF_CHECKOUT, MARKETPLACE, LIVE."),
                (2, "name_*", "A value is needed here."),
                (2, "stock_policy", "'GREEDY' is none of SHARED, ALLOTTED, BORROW."),
                (3, "code", "Line 2 has the same code."),
                (4, "currency", "The channel sells in HKD, and that stays."),
            ],
        ),
    ],
)  # fmt: skip
async def test_bad_rows_are_named_and_nothing_is_written(
    filled_shop: Shop, kind: str, content: str | bytes, bad: list[tuple[int, str, str]] | None
) -> None:
    found = await filled_shop.refuses(kind, content)
    if bad is None:
        assert len(found) == 1
        assert found[0][0] == 2
    else:
        assert found == bad


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "The file is empty"),
        (b"\n", "The first line is empty"),
        (b"sku\nA\n", "missing: store, on_hand"),
        (b"store;sku;on_hand\n", "separated by ';'"),
        (b"store,sku,on_hand,colour\n", "unknown: 'colour'"),
        (b"store,sku,sku,on_hand\n", "there twice: sku"),
        ("store,sku,on_hand\n".encode("utf-16"), "NUL"),
        (b'store,"sku\n', "The header cannot be read"),
    ],
)
async def test_a_file_without_its_header_cannot_start(shop: Shop, content: bytes, said: str) -> None:
    with pytest.raises(BadFile, match=said):
        await shop.takes("stock", content)


async def test_a_file_that_is_not_there_cannot_start(shop: Shop) -> None:
    with pytest.raises(BadFile, match="No such file"):
        await import_stock(shop.db, Job(shop.folder / "nothing.csv", now=NOW))


async def test_a_header_alone_is_done_at_once(shop: Shop) -> None:
    outcome = await shop.takes("stock", "store,sku,on_hand\n")
    assert (outcome.rows, outcome.bad, outcome.written) == (0, [], True)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
async def test_a_byte_order_mark_and_quotes_make_no_difference(shop: Shop, mark: bytes) -> None:
    await shop.stands()
    outcome = await shop.takes("stock", mark + b'"STORE", "sku",on_hand\r\n"central","TEA", 4 \r\n\r\n')
    assert outcome.bad == []
    assert await shop.db.fetchval("SELECT on_hand FROM stock_level WHERE sku = 'TEA'") == 4


async def test_bad_rows_can_be_left_out(shop: Shop) -> None:
    await shop.stands()
    content = "store,sku,on_hand\ncentral,TEA,5\ncentral,SOUP,5\nkowloon,TEA,x\n"
    outcome = await shop.takes("stock", content, on_error=OnError.SKIP)
    assert [row.line for row in outcome.bad] == [3, 4]
    assert outcome.merged["stock levels"] == (0, 1, 0)
    assert await shop.db.fetchval("SELECT on_hand FROM stock_level WHERE sku = 'TEA'") == 5


async def test_a_product_that_is_left_out_takes_its_variants_along(shop: Shop) -> None:
    await shop.stands()
    content = PRODUCT_HEADER + "S1,Soup,,soup,,,soups\nS2,Soup,,soup,,,soups\nB,Bread,,,,,food\n"
    outcome = await shop.takes("products", content, on_error=OnError.SKIP)
    assert [(row.line, row.column) for row in outcome.bad] == [(2, "category"), (3, "handle")]
    assert await shop.db.fetchval("SELECT array_agg(sku ORDER BY sku) FROM variant") == [
        "B", "MILK-1", "MILK-2", "TEA",
    ]  # fmt: skip


async def test_a_dry_run_tells_and_takes_back(shop: Shop) -> None:
    await shop.stands()
    before = await contents(shop.db)
    outcome = await shop.takes("prices", PRICES.replace("20.00", "21.00"), dry_run=True)
    assert (outcome.merged["prices"], outcome.written) == ((1, 0, 2), False)
    assert await contents(shop.db) == before


async def test_history_may_be_brought_in_with_its_moments(shop: Shop) -> None:
    await shop.stands()
    content = (
        "sku,amount,recorded_at,valid_until\n"
        "MILK-2,5.00,2024-03-01T00:00:00Z,2024-04-01T00:00:00Z\n"
        "MILK-2,4.00,2024-02-01T00:00:00Z,2024-03-01T00:00:00Z\n"
    )
    for _ in range(2):
        outcome = await shop.takes("prices", content)
        assert outcome.bad == []
        rows = await shop.db.fetch(
            "SELECT amount_minor, sequence FROM price_record WHERE sku = 'MILK-2' ORDER BY recorded_at"
        )
        assert [tuple(row) for row in rows] == [(400, 1), (500, 2)]
    future = "sku,amount,recorded_at\nTEA,1,2027-01-01T00:00:00Z\n"
    assert await shop.refuses("prices", future) == [
        (2, "recorded_at", "A price cannot have been set in the future.")
    ]


async def test_a_price_that_began_while_the_file_was_read_is_projected(shop: Shop) -> None:
    await shop.stands()
    prices = "sku,amount,valid_from\nTEA,7.70,2026-01-06T00:00:00Z\nMILK-1,8,2099-01-01T00:00:00Z\n"
    assert (await shop.takes("prices", prices)).written
    rows = await shop.db.fetch("SELECT DISTINCT sku, amount_minor FROM public_price WHERE store = ''")
    assert ("TEA", 770) in {tuple(row) for row in rows}
    assert 800 not in {row["amount_minor"] for row in rows}


def test_the_ten_wrong_codes_of_the_food_facts_are_found() -> None:
    if not FOOD_FACTS.is_file():
        pytest.skip(f"{FOOD_FACTS} is not there.")
    wrong = []
    with gzip.open(FOOD_FACTS, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            try:
                cells.gtin(row["gtin"])
            except cells.BadCell:
                wrong.append((row["gtin"], row["check_digit_ok"]))
    assert len(wrong) == 10
    assert {ok for _, ok in wrong} == {"0"}


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["A", "B"]),
            st.sampled_from([None, "s"]),
            st.one_of(st.none(), st.integers(1, 6)),
            st.one_of(st.none(), st.integers(1, 4)),
        ),
        max_size=6,
    )
)
@settings(max_examples=60, deadline=None)
async def test_windows_overlap_in_the_database_as_in_the_rules(
    database_url: str, drawn: list[tuple[str, str | None, int | None, int | None]]
) -> None:
    def day(number: int) -> datetime:
        return datetime(2026, 2, number, tzinfo=UTC)

    rows = [
        PriceImportRow(
            index, sku, "LIST", 100, "HKD", store=store,
            valid_from=None if starts is None else day(starts),
            valid_until=None if lasts is None else day((starts or 1) + lasts),
        )
        for index, (sku, store, starts, lasts) in enumerate(drawn)
    ]  # fmt: skip
    db = await connect(database_url)
    try:
        async with db.transaction():
            await stage_prices(db, rows)
            found = {row.line for row in await problems_of_prices(db, "x") if row.column == "valid_from"}
    finally:
        await db.close()
    pairs = overlapping_slots(rows)  # type: ignore[arg-type]
    assert bool(found) == bool(pairs)
    assert found <= {index for pair in pairs for index in pair}


async def test_room_is_given_back_before_the_transaction_ends(shop: Shop) -> None:
    shown = "SELECT current_setting('gin_pending_list_limit') || ' ' || current_setting('work_mem')"
    before = await shop.db.fetchval(shown)
    async with shop.db.transaction():
        async with indexed_in_one_go(shop.db, "product_words"):
            assert await shop.db.fetchval(shown) == "128MB 128MB" != before
        assert await shop.db.fetchval(shown) == before
