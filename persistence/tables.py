"""Every table of the house, gathered so that migrations and checks see them all."""

from __future__ import annotations

from sqlmodel import SQLModel

from persistence import carts, channels, footfall, idempotency, stores
from persistence.attribution import tables as attribution
from persistence.catalog import tables as catalog
from persistence.inventory import tables as inventory
from persistence.labels import tables as labels
from persistence.loyalty import tables as loyalty
from persistence.members import code_uses, sign_ins, staff
from persistence.members import tables as members
from persistence.news import tables as news
from persistence.orders import tables as orders
from persistence.partners import tables as partners
from persistence.payments import tables as payments
from persistence.pickup import tables as pickup
from persistence.pricing import tables as pricing
from persistence.promotions import tables as promotions

METADATA = SQLModel.metadata

__all__ = [
    "METADATA",
    "attribution",
    "carts",
    "catalog",
    "channels",
    "code_uses",
    "footfall",
    "idempotency",
    "inventory",
    "labels",
    "loyalty",
    "members",
    "news",
    "orders",
    "partners",
    "payments",
    "pickup",
    "pricing",
    "promotions",
    "sign_ins",
    "staff",
    "stores",
]
