"""What loyalty's rules and campaigns are for: channels, stores and goods that must be there."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

from domain.promotions.drafts import Draft
from domain.promotions.terms import Target
from persistence.catalog import by_key as catalog_db
from resolvers.context import Context, Work
from resolvers.promotions.setting import PromotionTargetInput


class Known(NamedTuple):
    """What there is of what a request names; channels with their currencies."""

    skus: Collection[str]
    categories: Collection[str]
    channels: dict[str, str]
    stores: Collection[str]


class Scoped(Protocol):
    """An input that says for which channels, stores and goods it is."""

    @property
    def target(self) -> PromotionTargetInput | None: ...
    @property
    def channels(self) -> list[str] | None: ...


async def known_of(context: Context, work: Work, asked: Sequence[Scoped]) -> Known:
    """What there is of what some inputs name."""
    targets = [one.target for one in asked if one.target is not None]
    skus = {sku for one in targets for sku in (*(one.skus or ()), *(one.except_skus or ()))}
    categories = {
        code for one in targets for code in (*(one.categories or ()), *(one.except_categories or ()))
    }
    directory = context.house.directory
    channels = [
        await directory.channel(code) for code in {code for one in asked for code in one.channels or ()}
    ]
    stores = {code for one in asked for code in getattr(one, "stores", None) or ()}
    return Known(
        skus=await catalog_db.variants_by_sku(work.db, sorted(skus)) if skus else (),
        categories=await catalog_db.categories_by_code(work.db, sorted(categories)) if categories else (),
        channels={one.code: one.currency_code for one in channels if one is not None},
        stores={code for code in stores if await directory.store(code) is not None},
    )


def scoped(
    draft: Draft, channels: Sequence[str] | None, stores: Sequence[str] | None, known: Known
) -> tuple[frozenset[str], frozenset[str]]:
    """The channels and stores that are named; notes those that are not there, or sell in another currency."""
    for index, code in enumerate(channels or ()):
        currency = known.channels.get(code, draft.currency_code)
        if currency != draft.currency_code:
            draft.refuse(
                ("channels", str(index)),
                en=f"Prices there are in {currency}, not in {draft.currency_code}.",
                zh=f"此处以 {currency} 计价，不用 {draft.currency_code}。",
            )
    return draft.named(("channels",), channels, known.channels), draft.named(
        ("stores",), stores, known.stores
    )


def target_of_input(draft: Draft, given: PromotionTargetInput | None, known: Known) -> Target:
    """The goods that are named, everything without any; notes those that are not there."""
    if given is None:
        return Target()
    named = {
        "skus": draft.named(("target", "skus"), given.skus, known.skus),
        "categories": draft.named(("target", "categories"), given.categories, known.categories),
        "brands": draft.named(("target", "brands"), given.brands),
        "except_skus": draft.named(("target", "exceptSkus"), given.except_skus, known.skus),
        "except_categories": draft.named(
            ("target", "exceptCategories"), given.except_categories, known.categories
        ),
        "except_brands": draft.named(("target", "exceptBrands"), given.except_brands),
    }
    return Target(**named)
