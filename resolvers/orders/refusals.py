"""How a refused sale shows what is missing, or what costs more by now."""

from __future__ import annotations

import strawberry

from domain.access import EVERYONE
from domain.inventory import SHOPPERS_SEE_AT_MOST
from domain.refusals import PriceRefusal, StockRefusal, TotalRefusal
from persistence.inventory.nearest import Wanted
from resolvers.context import Info
from resolvers.fields import field
from resolvers.shapes import Money, Told, UserError, shape, shown_as
from resolvers.stores.store import Store


@shape(EVERYONE, description="Fewer can be bought than were asked for.")
class InsufficientStockError(UserError):
    refusal: strawberry.Private[StockRefusal]
    sku: str

    @field(description="units this context could buy now; capped at 99 for shoppers")
    def available(self, info: Info) -> int:
        units = self.refusal.available
        return units if info.context.viewer.sees_exact_stock else min(units, SHOPPERS_SEE_AT_MOST)

    @field(description="another store that has as many as were asked for, the nearest one first")
    async def nearest_store_with_stock(self, info: Info) -> Store | None:
        refusal = self.refusal
        loaders = info.context.loaders
        wanted = Wanted(refusal.channel, refusal.sku, refusal.wanted, refusal.store)
        code = await loaders.nearest_with_stock.load(wanted)
        row = None if code is None else await loaders.store.load(code)
        return None if row is None else Store.of(row)


@shape(EVERYONE, description="One costs more than was shown.")
class PriceChangedError(UserError):
    sku: str
    was: Money
    now: Money


@shape(EVERYONE, description="the total changed for another reason than a line's price")
class TotalChangedError(UserError):
    was: Money
    now: Money


@shown_as(StockRefusal)
def _insufficient_stock(refusal: StockRefusal, told: Told) -> UserError:
    return InsufficientStockError(**told, refusal=refusal, sku=refusal.sku)


@shown_as(PriceRefusal)
def _price_changed(refusal: PriceRefusal, told: Told) -> UserError:
    return PriceChangedError(
        **told,
        sku=refusal.sku,
        was=Money.of(refusal.was.minor_units, refusal.was.currency_code),
        now=Money.of(refusal.now.minor_units, refusal.now.currency_code),
    )


@shown_as(TotalRefusal)
def _total_changed(refusal: TotalRefusal, told: Told) -> UserError:
    return TotalChangedError(
        **told,
        was=Money.of(refusal.was.minor_units, refusal.was.currency_code),
        now=Money.of(refusal.now.minor_units, refusal.now.currency_code),
    )
