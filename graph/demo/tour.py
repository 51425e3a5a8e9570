"""Three documents for the first minute with the demo mall: complete as they stand, to be pasted anywhere."""

from __future__ import annotations

from typing import NamedTuple
from uuid import uuid4


class Stop(NamedTuple):
    """One document and what it shows."""

    title: str
    document: str


def tour() -> list[Stop]:
    """A search, a stream, and the mutation that moves it; the mutation under a new idempotency key."""
    return [
        Stop(
            "What the app sells as milk, at what price and in what stock:",
            """{ products(first: 3, search: "牛奶", context: {channel: "app"}) { nodes { name
    variants { sku price(context: {channel: "app"}) { amount { amount } unitPrice { amount { amount } per } }
               availability(context: {channel: "app"}) { status } } } } }""",
        ),
        Stop(
            "A till's price as it changes (leave it running in a tab):",
            """subscription { priceChanged(context: {channel: "pos", store: "parknshop"},
  skus: ["P000000003"]) { kind sku price { amount { amount } compareAt { amount } version } } }""",
        ),
        Stop(
            "Change that price (signed in as administrator, or with a token of `shelfgraph token admin`):",
            f"""mutation {{ pricesSet(input: {{idempotencyKey: "{uuid4()}", prices: [
  {{sku: "P000000003", kind: SALE, store: "parknshop", amount: "29.90", currencyCode: "HKD"}}
]}}) {{ userErrors {{ message }} }} }}""",
        ),
    ]
