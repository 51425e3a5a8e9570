"""Setting products: created or replaced by handle, a whole request or nothing of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import strawberry

from domain.access import CATALOG_WRITERS
from domain.catalog import rules
from domain.catalog.content import ContentUnit
from domain.news import News, Topic
from domain.refusals import Refusal, RefusalCode, Refused, Text
from persistence.catalog import by_key
from persistence.catalog.gtin import is_gtin
from persistence.catalog.words import search_words
from persistence.imports import catalog as writes
from resolvers.catalog.products import Product
from resolvers.context import Context, Done, Info, Work
from resolvers.fields import mutation
from resolvers.scalars import Locale
from resolvers.shapes import Payload, shape

MOST_PRODUCTS = 1000
MOST_VARIANTS = 250
Path = tuple[str, ...]


@strawberry.input
class LocalizedText:
    locale: Locale
    text: str


@strawberry.input
class ImageInput:
    url: str
    alt: str | None = None


@strawberry.input
class AttributeValueInput:
    name: str
    value: str


@strawberry.input
class VariantInput:
    sku: str
    gtin: str | None = None
    names: list[LocalizedText] | None = None
    options: list[AttributeValueInput] | None = None
    net_content: Decimal | None = None
    net_content_unit: ContentUnit | None = None
    origin: str | None = None


@strawberry.input
class ProductInput:
    handle: str
    names: list[LocalizedText]
    brands: list[LocalizedText] | None = None
    descriptions: list[LocalizedText] | None = None
    category: str | None = None
    images: list[ImageInput] | None = None
    attributes: list[AttributeValueInput] | None = None
    variants: list[VariantInput] = strawberry.field(description="1 to 250")


@strawberry.input(description="Creates or replaces by handle; 1 to 1,000; all or none.")
class ProductsSetInput:
    idempotency_key: str
    products: list[ProductInput]


@shape(CATALOG_WRITERS)
class ProductsSetPayload(Payload):
    products: list[Product] = strawberry.field(default_factory=list)


@mutation(
    ProductsSetPayload,
    CATALOG_WRITERS,
    description="Create products, or replace them by handle with all their variants. A variant that is left "
    "out goes, unless prices, stock or labels still name it.",
)
async def products_set(info: Info, input: ProductsSetInput) -> ProductsSetPayload:
    context, products = info.context, input.products
    if not 1 <= len(products) <= MOST_PRODUCTS:
        raise Refused.because(
            RefusalCode.INVALID_INPUT,
            en=f"One request takes 1 to {MOST_PRODUCTS} products, not {len(products)}.",
            zh=f"一次请求须有 1 到 {MOST_PRODUCTS} 个商品，而不是 {len(products)} 个。",
            field=("input", "products"),
        )
    refusals = list(_problems(products))
    if refusals:
        raise Refused(*refusals)

    async def act(work: Work) -> dict[str, Any]:
        above = await by_key.names_above(work.db, [each.category for each in products if each.category])
        await writes.stage_products(work.db, *_rows(products, above))
        found = await writes.problems_of_products(work.db)
        if found:
            raise Refused(*(_clash(products, problem.line, problem.column) for problem in found))
        await writes.merge_products(work.db)
        try:
            await writes.drop_missing_variants(work.db)
        except asyncpg.ForeignKeyViolationError:
            raise Refused.because(
                RefusalCode.CONFLICT,
                en="A variant that was left out still has prices, stock or labels; keep it in the request.",
                zh="被省略的规格仍有价格、库存或价签，请在请求中保留它。",
                field=("input", "products"),
            ) from None
        handles = [product.handle for product in products]
        held = await by_key.products_by_handle(work.db, handles)
        work.announce(
            *(
                News(Topic.PRODUCT, "productsSet", sku=variant.sku)
                for product in products
                for variant in product.variants
            )
        )
        return {"ids": [str(held[handle].id) for handle in handles]}

    done = await context.once("productsSet", input.idempotency_key, input, act)
    return ProductsSetPayload(products=await _products(context, done))


async def _products(context: Context, done: Done) -> list[Product]:
    rows = await context.loaders.product.load_many([UUID(text) for text in done.answer["ids"]])
    return [Product.of(row) for row in rows if row is not None]


# ------------------------------------------------------------------ what is wrong with the input by itself


def _problems(products: Sequence[ProductInput]) -> Iterator[Refusal]:
    handles: set[str] = set()
    skus: set[str] = set()
    gtins: set[str] = set()
    for index, product in enumerate(products):
        path = ("input", "products", str(index))
        if not rules.is_code(product.handle):
            yield _refusal((*path, "handle"), *_CODE)
        elif product.handle in handles:
            yield _refusal((*path, "handle"), *_TWICE)
        handles.add(product.handle)
        if not product.names:
            yield _refusal((*path, "names"), "A product has at least one name.", "商品至少要有一个名称。")
        for name in ("names", "brands", "descriptions"):
            yield from _bad_texts((*path, name), getattr(product, name))
        for number, image in enumerate(product.images or ()):
            if not rules.is_address(image.url):
                yield _refusal(
                    (*path, "images", str(number), "url"),
                    "An image's address starts with https://, http:// or /.",
                    "图片地址须以 https://、http:// 或 / 开头。",
                )
        yield from _bad_attributes((*path, "attributes"), product.attributes)
        if not 1 <= len(product.variants) <= MOST_VARIANTS:
            yield _refusal(
                (*path, "variants"),
                f"A product has 1 to {MOST_VARIANTS} variants.",
                f"商品须有 1 到 {MOST_VARIANTS} 个规格。",
            )
        for number, variant in enumerate(product.variants):
            yield from _bad_variant((*path, "variants", str(number)), variant, skus, gtins)


def _bad_variant(path: Path, variant: VariantInput, skus: set[str], gtins: set[str]) -> Iterator[Refusal]:
    if not rules.is_code(variant.sku):
        yield _refusal((*path, "sku"), *_CODE)
    elif variant.sku in skus:
        yield _refusal((*path, "sku"), *_TWICE)
    skus.add(variant.sku)
    if variant.gtin is not None:
        if not is_gtin(variant.gtin):
            yield _refusal(
                (*path, "gtin"),
                "This is no GTIN: 8, 12, 13 or 14 digits, the last of which checks the others.",
                "不是有效的 GTIN：须为 8、12、13 或 14 位数字且校验位正确。",
            )
        elif variant.gtin in gtins:
            yield _refusal((*path, "gtin"), *_TWICE)
        gtins.add(variant.gtin)
    yield from _bad_texts((*path, "names"), variant.names)
    yield from _bad_attributes((*path, "options"), variant.options)
    if (variant.net_content is None) != (variant.net_content_unit is None):
        yield _refusal(
            (*path, "netContentUnit"),
            "A net content has both an amount and a unit, or neither.",
            "净含量须同时给出数量和单位，或都不给。",
        )
    elif variant.net_content is not None and not rules.is_content(variant.net_content):
        yield _refusal((*path, "netContent"), "A net content is above 0.", "净含量须大于 0。")


def _bad_texts(path: Path, texts: Iterable[LocalizedText] | None) -> Iterator[Refusal]:
    locales: set[str] = set()
    for index, given in enumerate(texts or ()):
        if not given.text.strip() or len(given.text) > rules.LONGEST_TEXT:
            yield _refusal(
                (*path, str(index), "text"),
                f"A text has 1 to {rules.LONGEST_TEXT:,} characters.",
                f"文本须为 1 到 {rules.LONGEST_TEXT:,} 个字符。",
            )
        if given.locale in locales:
            yield _refusal((*path, str(index), "locale"), *_TWICE)
        locales.add(given.locale)


def _bad_attributes(path: Path, given: Iterable[AttributeValueInput] | None) -> Iterator[Refusal]:
    names: set[str] = set()
    for index, attribute in enumerate(given or ()):
        if not attribute.name.strip() or not attribute.value.strip():
            yield _refusal((*path, str(index)), "A name and a value are needed.", "名称和值都不能为空。")
        elif attribute.name in names:
            yield _refusal((*path, str(index), "name"), *_TWICE)
        names.add(attribute.name)


_TWICE = ("This was named before in this request.", "本次请求中已出现过。")
_CODE = (
    "A code has 1 to 100 characters, no control characters and no space at either end.",
    "编码须为 1 到 100 个字符，不含控制字符，首尾无空格。",
)


def _refusal(path: Path, en: str, zh: str, code: RefusalCode = RefusalCode.INVALID_INPUT) -> Refusal:
    return Refusal(code, Text(en, zh), path)


# ------------------------------------------------------------------ what is wrong beside what is there

_CLASHES = {
    "category": (RefusalCode.NOT_FOUND, "There is no such category.", "没有这个分类。"),
    "sku": (RefusalCode.CONFLICT, "This sku belongs to another product.", "该 SKU 属于另一商品。"),
    "gtin": (RefusalCode.CONFLICT, "This GTIN belongs to another sku.", "该 GTIN 属于另一 SKU。"),
}


def _clash(products: Sequence[ProductInput], line: int, column: str) -> Refusal:
    """Lines number the products as they were staged, and the variants after them."""
    code, en, zh = _CLASHES[column]
    if column == "category":
        return _refusal(("input", "products", str(line), column), en, zh, code)
    for index, product in enumerate(products):
        if line < len(product.variants):
            path = ("input", "products", str(index), "variants", str(line), column)
            return _refusal(path, en, zh, code)
        line -= len(product.variants)
    raise LookupError("a staged variant that was not in the request")


def _rows(
    products: Sequence[ProductInput], above: Mapping[str, list[str]]
) -> tuple[list[writes.ProductRow], list[writes.VariantRow]]:
    rows = [_product_row(line, product, above) for line, product in enumerate(products)]
    pairs = [
        (product, position, variant)
        for product in products
        for position, variant in enumerate(product.variants)
    ]
    variants = [
        writes.VariantRow(
            line=line,
            sku=variant.sku,
            handle=product.handle,
            position=position,
            gtin=variant.gtin,
            names=_by_locale(variant.names) or None,
            options=[{"name": option.name, "value": option.value} for option in variant.options or ()],
            net_content=variant.net_content,
            net_content_unit=variant.net_content_unit,
            origin=variant.origin,
        )
        for line, (product, position, variant) in enumerate(pairs)
    ]
    return rows, variants


def _product_row(line: int, product: ProductInput, above: Mapping[str, list[str]]) -> writes.ProductRow:
    names, brands = _by_locale(product.names), _by_locale(product.brands)
    descriptions = _by_locale(product.descriptions)
    return writes.ProductRow(
        line=line,
        handle=product.handle,
        names=names,
        brands=brands or None,
        brand=brands.get("en") or next(iter(brands.values()), None),
        descriptions=descriptions or None,
        category=product.category,
        images=[{"url": image.url, "alt": image.alt} for image in product.images or ()],
        attributes=[{"name": each.name, "value": each.value} for each in product.attributes or ()],
        words=search_words(
            names=names,
            brands=brands.values(),
            categories=above.get(product.category or "", ()),
            descriptions=descriptions.values(),
        ),
    )


def _by_locale(texts: Iterable[LocalizedText] | None) -> dict[str, str]:
    return {given.locale: given.text for given in texts or ()}
