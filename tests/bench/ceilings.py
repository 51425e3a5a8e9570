"""What could be had at best: a fixed answer, and the same pages written by PostgreSQL itself.

Each statement answers the very JSON that the graph answers to the operation of its name in `pages.py`, in
English, to a visitor, in an online channel. It knows the rules only as far as the demo mall needs them there:
LIST prices without tiers, campaigns or quantities, and stock that is shared. The measurement compares both
answers first, so it cannot drift apart unseen.
"""

from __future__ import annotations

import orjson

CHANNEL = "app"
FIXED_PATH, LIST_PATH = "/bench/fixed", "/bench/list"
PRODUCT_PATH, VARIANTS_PATH = "/bench/product", "/bench/variants"

FIXED = orjson.dumps({"data": {"fixed": "shelfgraph " * 184}})
"""Two kilobytes that cost nothing to make."""

# $1 is the channel, $2 the stores that deliver. Ids are opaque on the wire: two letters and the key.
_ID = "rtrim(translate(encode('{tag}'::bytea || uuid_send({key}), 'base64'), '+/', '-_'), '=')"
_NAME = "coalesce({names} ->> 'en', {names} ->> 'zh-HK')"
_SOLD = f"""
    json_build_object(
        'id', {_ID.format(tag="Va", key="v.id")},
        'sku', v.sku,
        'name', coalesce(v.names ->> 'en', {_NAME.format(names="p.names")}, v.sku),
        'netContent', v.net_content::text,
        'netContentUnit', v.net_content_unit,
        'price', price.shown,
        'availability', json_build_object(
            'status', CASE WHEN stock.units <= 0 THEN 'OUT_OF_STOCK'
                           WHEN stock.units <= 5 THEN 'LOW_STOCK' ELSE 'IN_STOCK' END,
            'available', least(stock.units, 99),
            'pickupToday', false
        )
    )
"""
_PRICE_AND_STOCK = """
    LEFT JOIN LATERAL (
        SELECT json_build_object(
                   'amount', json_build_object(
                       'amount', (r.amount_minor / 100.0)::numeric(18, 2)::text,
                       'currencyCode', r.currency_code
                   ),
                   'kind', r.kind,
                   'validUntil', r.valid_until
               ) AS shown
        FROM price_record r
        WHERE r.sku = v.sku
          AND coalesce(r.valid_until, 'infinity') > now()
          AND coalesce(r.valid_from, '-infinity') <= now()
          AND r.recorded_at <= now()
          AND (r.channel = $1 OR r.channel IS NULL)
          AND r.store IS NULL AND r.tier IS NULL AND r.campaign IS NULL AND r.min_quantity = 1
          AND r.kind = 'LIST'
        ORDER BY r.channel IS NULL, r.sequence DESC
        LIMIT 1
    ) price ON true
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(greatest(0, s.on_hand - s.reserved - s.safety_stock)), 0)::int AS units
        FROM stock_level s
        WHERE s.sku = v.sku AND s.store = ANY($2::text[])
    ) stock
"""
_VARIANTS_OF_P = f"""
    SELECT coalesce(json_agg({_SOLD} ORDER BY v.position, v.id), '[]') AS shown
    FROM variant v {_PRICE_AND_STOCK}
    WHERE v.product_id = p.id
"""  # noqa: S608
_PRODUCT = f"""
        'id', {_ID.format(tag="Pd", key="p.id")},
        'handle', p.handle,
        'name', coalesce({_NAME.format(names="p.names")}, p.handle),
        'brand', {_NAME.format(names="p.brands")},
        'images', p.images
"""

LIST = f"""
SELECT json_build_object('data', json_build_object('products', json_build_object('nodes', coalesce(json_agg(
    json_build_object({_PRODUCT}, 'variants', variants.shown) ORDER BY p.created_at DESC, p.id DESC
), '[]'))))::text
FROM (
    SELECT * FROM product
    WHERE (created_at, id) < ($3::timestamptz, $4::uuid)
    ORDER BY created_at DESC, id DESC
    LIMIT 24
) p
CROSS JOIN LATERAL ({_VARIANTS_OF_P}) variants
"""  # noqa: S608 - put together from the texts above alone
"""The 24 products behind a place ($3, $4) of the list, newest first."""

PRODUCT = f"""
SELECT json_build_object('data', json_build_object('product', json_build_object({_PRODUCT},
    'description', {_NAME.format(names="p.descriptions")},
    'category', CASE WHEN c.code IS NOT NULL THEN json_build_object(
        'code', c.code, 'name', coalesce({_NAME.format(names="c.names")}, c.code), 'path', c.path
    ) END,
    'attributes', p.attributes,
    'variants', variants.shown
)))::text
FROM product p
LEFT JOIN category c ON c.code = p.category
CROSS JOIN LATERAL ({_VARIANTS_OF_P}) variants
WHERE p.handle = $3
"""  # noqa: S608
"""The product under a handle ($3)."""

VARIANTS = f"""
SELECT json_build_object('data', json_build_object('variants', json_agg(
    CASE WHEN v.id IS NOT NULL THEN {_SOLD} END ORDER BY asked.place
)))::text
FROM unnest($3::text[]) WITH ORDINALITY AS asked (sku, place)
LEFT JOIN variant v ON v.sku = asked.sku
LEFT JOIN product p ON p.id = v.product_id
{_PRICE_AND_STOCK}
"""  # noqa: S608
"""The variants under some skus ($3), in the order asked."""
