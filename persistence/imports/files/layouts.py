"""The columns of a shop's own files, as they are read and as they are documented."""

from __future__ import annotations

from dataclasses import dataclass

from domain.catalog.content import ContentUnit
from domain.channels import ChannelKind, StockPolicy
from domain.pricing.kinds import PriceKind
from domain.stores import StoreService


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a layout; a name that ends in `_*` stands for one column per locale or attribute."""

    name: str
    meaning: str
    required: bool = False


PRODUCTS = (
    Column("sku", "The variant's sku; one line per sku.", required=True),
    Column("name_*", "The product's name in one language: name_en, name_zh_hk, name_zh_cn.", required=True),
    Column("handle", "The product's handle; lines with the same one are its variants. Empty: the sku."),
    Column("gtin", "GTIN-8, 12, 13 or 14 with its check digit."),
    Column("variant_name_*", "The variant's own name in one language."),
    Column("brand", "The brand that filters name; brand_en or the first brand when empty."),
    Column("brand_*", "The brand in one language."),
    Column("description_*", "A description in one language."),
    Column("category", "A category's code, or its path from the root, which is made: food > dairy > milk."),
    Column("net_content", "How much is in it, such as 1.5. Empty: read from the name."),
    Column("net_content_unit", f"One of {', '.join(ContentUnit)}."),
    Column("origin", "The place of origin."),
    Column("image_url", "The address of a picture."),
    Column("attribute_*", "A value of the product: attribute_fat holds what fat is."),
    Column("option_*", "What sets the variant apart: option_size."),
)
PRICES = (
    Column("sku", "The article's sku.", required=True),
    Column("amount", "The price of one, in the currency: 12.50.", required=True),
    Column("kind", f"One of {', '.join(PriceKind)}. Empty: STORE with a store, else LIST."),
    Column("currency", "Three letters of ISO 4217; the group's currency when empty."),
    Column("channel", "A channel's code; every channel when empty."),
    Column("store", "A store's code; every store when empty."),
    Column("tier", "A member tier's code; everyone when empty. A MEMBER price needs one."),
    Column("campaign", "A campaign's code. LIVE, GROUP_BUY and BARGAIN prices need one."),
    Column("min_quantity", "From how many pieces on; 1 when empty."),
    Column("valid_from", "From this moment on, with its offset: 2026-11-22T09:00:00+08:00."),
    Column("valid_until", "Until just before this moment; for good when empty."),
    Column("source", "Your own reference, unique among your prices; one is made when empty."),
    Column("recorded_at", "For history only: when the price was set. A price never counts before it."),
)
CHANNELS = (
    Column("code", "The channel's code; a channel that is there already is replaced.", required=True),
    Column("name_*", "The name in one language: name_en, name_zh_hk, name_zh_cn.", required=True),
    Column("kind", f"One of {', '.join(ChannelKind)}.", required=True),
    Column("currency", "Three letters of ISO 4217; the group's currency when empty. It stays for good."),
    Column("stock_policy", f"One of {', '.join(StockPolicy)}; SHARED when empty."),
    Column("active", "yes or no; yes when empty. Nothing can be asked of a channel that is not."),
)
TIERS = (
    Column("code", "The tier's code; a tier that is there already is replaced.", required=True),
    Column("name_*", "The name in one language: name_en, name_zh_hk, name_zh_cn.", required=True),
    Column("rank", "A whole number; the higher, the better. Members begin in the lowest.", required=True),
    Column("earn_rate", "Points earned where one would be, such as 1.5; 1 when empty."),
    Column("benefits", "What it brings, separated by semicolons."),
    Column("active", "yes or no; yes when empty. Prices may name active tiers only."),
)
STORES = (
    Column("code", "The store's code; a store that is there already is replaced.", required=True),
    Column("name_*", "The name in one language: name_en, name_zh_hk, name_zh_cn.", required=True),
    Column("address_*", "The address in one language: address_en, address_zh_hk.", required=True),
    Column("city", "The city.", required=True),
    Column("latitude", "Degrees north (WGS 84).", required=True),
    Column("longitude", "Degrees east (WGS 84).", required=True),
    Column("time_zone", "An IANA name such as Asia/Hong_Kong.", required=True),
    Column("opening_hours", "Spans such as: Mon-Fri 08:00-22:00; Sat 09:00-21:00. Local time."),
    Column("services", f"Any of {' '.join(StoreService)}, separated by spaces."),
    Column("till_channel", "The channel of its tills and labels; pos when empty."),
    Column("active", "yes or no; yes when empty."),
)
STOCK = (
    Column("store", "The store's code.", required=True),
    Column("sku", "The article's sku.", required=True),
    Column("on_hand", "How many are there: the count itself, not a difference.", required=True),
    Column("safety_stock", "How many are never promised; what is set stays when empty."),
)
LAYOUTS = {
    "channels": CHANNELS,
    "stores": STORES,
    "tiers": TIERS,
    "products": PRODUCTS,
    "prices": PRICES,
    "stock": STOCK,
}
"""The kinds of files by name, in the order a new shop needs them."""
