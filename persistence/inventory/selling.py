"""What a channel may promise of a level, in SQL, for statements that look for places with enough of it.

The channel and its policy are bound as `stock_channel` and `stock_policy`, unless a statement has columns for
them. Holds that expired and that nobody
has noted yet keep their units here, for a second at most: a place is found late rather than promised in vain.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlmodel import col

from domain.channels import StockPolicy
from persistence.database import param
from persistence.inventory.tables import StockAllotment, StockLevel

_NOTHING: Any = sa.literal_column("0")
_channel = param("stock_channel", sa.Text)
_policy = param("stock_policy", sa.Text)


def own_allotment(channel: Any = _channel) -> Any:
    """What joins a level to the channel's own allotment; an outer join, for it may have none."""
    return sa.and_(
        col(StockAllotment.channel) == channel,
        col(StockAllotment.store) == col(StockLevel.store),
        col(StockAllotment.sku) == col(StockLevel.sku),
    )


def promised_units(policy: Any = _policy) -> Any:
    """`domain.inventory.promised` of a level and the allotment joined to it; a test holds both together."""
    free = sa.func.greatest(
        _NOTHING, col(StockLevel.on_hand) - col(StockLevel.reserved) - col(StockLevel.safety_stock)
    )
    pool = sa.func.greatest(_NOTHING, free - col(StockLevel.allotted))
    own = sa.func.least(sa.func.coalesce(StockAllotment.remaining, _NOTHING), free)
    return sa.case(
        (policy == sa.literal_column(f"'{StockPolicy.SHARED}'"), pool),
        (policy == sa.literal_column(f"'{StockPolicy.ALLOTTED}'"), own),
        else_=own + pool,
    )
