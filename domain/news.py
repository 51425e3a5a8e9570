"""News: what changed in the house, and how far along its one order somebody has read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

_CURSOR = re.compile(r"([0-9]{4})\.([0-9]{20})")
_LARGEST_POSITION = 2**63 - 1


class Topic(StrEnum):
    """What a piece of news is about.

    DIRECTORY: a channel or a store itself changed; SIGN_IN: one was revoked; PARTNER: its terms or its keys.
    DEVICE tells of a device by its code, LABEL_WORK of a gateway by its code: there is something to do.
    """

    PRICE = "price"
    STOCK = "stock"
    PRODUCT = "product"
    DIRECTORY = "directory"
    SIGN_IN = "signIn"
    ORDER = "order"
    PICKUP = "pickup"
    PARTNER = "partner"
    DEVICE = "device"
    LABEL_WORK = "labelWork"


class LiveKind(StrEnum):
    """What an event of a stream is: state as it is, a change to it, a position, or a call to start over."""

    SNAPSHOT = "SNAPSHOT"
    CHANGE = "CHANGE"
    BOOKMARK = "BOOKMARK"
    RESYNC = "RESYNC"


@dataclass(frozen=True, slots=True)
class News:
    """Something that changed, told in the transaction that changed it.

    `cause` is the mutation or the clock that set it off, such as pricesSet or priceBoundary. No sku, store or
    channel means every one. Without `occurred_at` it happened when it was written.
    """

    topic: Topic
    cause: str
    sku: str | None = None
    store: str | None = None
    channel: str | None = None
    occurred_at: datetime | None = None

    @classmethod
    def of_order(cls, order_id: UUID, cause: str, *, channel: str, store: str | None) -> News:
        """News of an order: its id stands where other news names a sku, so that it is found likewise."""
        return cls(Topic.ORDER, cause, sku=str(order_id), store=store, channel=channel)

    @classmethod
    def of_pickup(
        cls, pickup_id: UUID, cause: str, *, store: str, occurred_at: datetime | None = None
    ) -> News:
        """News of a pickup in a store, found by its id likewise."""
        return cls(Topic.PICKUP, cause, sku=str(pickup_id), store=store, occurred_at=occurred_at)

    @classmethod
    def of_device(cls, code: str, cause: str, *, store: str) -> News:
        """News of a device: its code stands where other news names a sku."""
        return cls(Topic.DEVICE, cause, sku=code, store=store)

    @classmethod
    def of_gateway_work(cls, gateway: str, cause: str, *, store: str) -> News:
        """News that there is something for a gateway to do: its code stands where other news names a sku."""
        return cls(Topic.LABEL_WORK, cause, sku=gateway, store=store)


class Cursor(NamedTuple):
    """How far somebody has read: the epoch, raised when a backup is restored, and the position in it.

    Cursors, and the texts they are written as, sort in the order of the news.
    """

    epoch: int
    position: int

    def __str__(self) -> str:
        return f"{self.epoch:04d}.{self.position:020d}"

    @classmethod
    def parse(cls, text: str) -> Cursor | None:
        """The cursor a client hands back, or None when no cursor was ever written like that."""
        found = _CURSOR.fullmatch(text)
        if found is None:
            return None
        cursor = cls(int(found[1]), int(found[2]))
        return cursor if cursor.position <= _LARGEST_POSITION else None


class Happening(NamedTuple):
    """A piece of news that has its place in the one order; every process sees it with the same cursor."""

    cursor: Cursor
    topic: Topic
    sku: str | None
    store: str | None
    channel: str | None
    cause: str
    occurred_at: datetime
