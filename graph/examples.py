"""The documents that a newcomer meets first: the tabs of `/graphql`, and what the demo prints to paste."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.refusals import Text

# The page at /graphql puts a new key in its place each time it sends; elsewhere it is a key like any other.
NEW_KEY = "{new key}"


@dataclass(frozen=True, slots=True)
class Example:
    """One operation for the demo mall: its name is the operation's, headers are what a client would add."""

    name: str
    description: Text
    query: str
    variables: Mapping[str, object]
    headers: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """The example as `/graphql/examples.json` serves it; the description in both languages."""
        return {
            "name": self.name,
            "description": {"en": self.description.en, "zh": self.description.zh},
            "query": self.query,
            "variables": dict(self.variables),
            "headers": dict(self.headers),
        }


_SEARCH = Example(
    name="SearchProducts",
    description=Text(
        en="What the app shows for a search:\nnames, prices and stock.\nTry 牛奶, 橄欖油 or noodles.",
        zh="应用内搜索所见：名称、价格与库存。\n可试 milk、橄欖油 或 面。",
    ),
    query="""\
query SearchProducts($search: String, $context: SalesContext!) {
  products(first: 5, search: $search, where: { inStock: true }, context: $context) {
    nodes {
      handle
      name
      brand
      variants {
        sku
        netContent
        netContentUnit
        price(context: $context) {
          amount { amount currencyCode }
          compareAt { amount }
          unitPrice { amount { amount } per unit }
          validUntil
        }
        availability(context: $context) { status available pickupToday }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
""",
    variables={"search": "milk", "context": {"channel": "app"}},
)

_TRACE = Example(
    name="TillPriceTrace",
    description=Text(
        en="Why a till charges what it charges:\n"
        "every candidate price, the winner first,\n"
        "and why each of the others lost.",
        zh="收银机为何收这个价：列出所有候选价格，\n胜出者在前，并说明其余落选的原因。",
    ),
    query="""\
query TillPriceTrace($sku: String!, $till: SalesContext!) {
  variant(by: { sku: $sku }) {
    sku
    name
    price(context: $till) {
      amount { amount currencyCode }
      kind
      version
      upcoming { amount { amount } from waitingForLabels }
    }
    priceTrace(context: $till) {
      at
      charged { amount }
      candidates {
        won
        reason
        explanation
        kind
        amount { amount }
        channel
        store
        source
        validFrom
        validUntil
      }
    }
  }
}
""",
    variables={"sku": "P000000003", "till": {"channel": "pos", "store": "parknshop"}},
)

_SET_PRICES = Example(
    name="SetPrices",
    description=Text(
        en="Puts an article on offer in one store.\n"
        "Only its staff may: sign in as staff above,\n"
        "or run\n"
        "  shelfgraph token staff --store parknshop\n"
        "and put what it prints under Headers:\n"
        '  {"Authorization": "Bearer ..."}\n'
        "Run WatchTillPrices first and see the new\n"
        f"price arrive there. {NEW_KEY} becomes a new\n"
        "idempotency key each time this page sends;\n"
        "your own client makes its own.",
        zh="在一家门店促销一件商品，只有该店店员可以：\n"
        "在上方选择店员身份，或运行\n"
        "  shelfgraph token staff --store parknshop\n"
        "并把所得令牌填入 Headers：\n"
        '  {"Authorization": "Bearer ..."}\n'
        "先运行 WatchTillPrices，即可看到新价格。\n"
        f"本页每次发送都把 {NEW_KEY} 换成新的幂等键，\n"
        "自己的客户端请自行生成。",
    ),
    query="""\
mutation SetPrices($input: PricesSetInput!) {
  pricesSet(input: $input) {
    prices { id sku kind amount { amount currencyCode } store validFrom source }
    cursor
    userErrors { code message field }
  }
}
""",
    variables={
        "input": {
            "idempotencyKey": NEW_KEY,
            "prices": [
                {
                    "sku": "P000000003",
                    "kind": "SALE",
                    "amount": "35.90",
                    "currencyCode": "HKD",
                    "store": "parknshop",
                    # Has a default; the editor's own check of variables would call it missing.
                    "minQuantity": 1,
                }
            ],
        }
    },
)

_WATCH = Example(
    name="WatchTillPrices",
    description=Text(
        en="Live: first the price as it is, then every\n"
        "change, the newest on top. It goes on while\n"
        "another tab is in front.",
        zh="实时订阅：先收到当前价格，之后每次变价\n即时推送，最新的在最上面。\n切换到其他标签页时仍继续接收。",
    ),
    query="""\
subscription WatchTillPrices($till: SalesContext!, $skus: [String!]) {
  priceChanged(context: $till, skus: $skus) {
    kind
    cursor
    occurredAt
    cause
    sku
    price {
      amount { amount currencyCode }
      compareAt { amount }
      version
      upcoming { amount { amount } waitingForLabels }
    }
  }
}
""",
    variables={"till": {"channel": "pos", "store": "parknshop"}, "skus": ["P000000003", "P000000004"]},
)

_NEAREST = Example(
    name="NearestStores",
    description=Text(
        en="The three stores nearest to a point, here\nCentral, Hong Kong; distances in metres.",
        zh="离某地最近的三家门店，此处为香港中环；\n距离以米计。",
    ),
    query="""\
query NearestStores($near: StoreNear!) {
  stores(first: 3, near: $near) {
    nodes {
      code
      name
      address
      distanceMeters
      openNow
      openingHours { weekday opens closes }
      services
    }
  }
}
""",
    variables={"near": {"point": {"latitude": 22.2819, "longitude": 114.1582}, "withinMeters": 20000}},
)

EXAMPLES = (_SEARCH, _TRACE, _SET_PRICES, _WATCH, _NEAREST)
