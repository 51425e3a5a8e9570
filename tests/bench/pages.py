"""The operations that are measured, as an app would send them."""

from __future__ import annotations

_VARIANT = """
fragment Sold on ProductVariant {
  id
  sku
  name
  netContent
  netContentUnit
  price(context: $context) { amount { amount currencyCode } kind validUntil }
  availability(context: $context) { status available pickupToday }
}
"""

LIST = (
    """
query ProductList($context: SalesContext!, $after: String) {
  products(first: 24, after: $after, sort: NEWEST, context: $context) {
    nodes { id handle name brand images { url alt } variants { ...Sold } }
    pageInfo { endCursor }
  }
}
"""
    + _VARIANT
)
"""24 products with variants, price and stock."""

PRODUCT = (
    """
query ProductPage($context: SalesContext!, $handle: String!) {
  product(by: { handle: $handle }) {
    id handle name brand description
    category { code name path }
    images { url alt }
    attributes { name value }
    variants { ...Sold }
  }
}
"""
    + _VARIANT
)
"""One product with everything a page shows."""

VARIANTS = (
    """
query Variants($context: SalesContext!, $skus: [String!]!) {
  variants(skus: $skus) { ...Sold }
}
"""
    + _VARIANT
)
"""Many variants by sku: a cart, a shopping list, a label controller that looks again."""
