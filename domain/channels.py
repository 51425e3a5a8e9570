"""Channels: where a sale happens, and which stock it may sell from."""

from __future__ import annotations

from enum import StrEnum


class ChannelKind(StrEnum):
    """What sort of touchpoint a channel is."""

    APP = "APP"
    MINI_PROGRAM = "MINI_PROGRAM"
    H5 = "H5"
    POS = "POS"
    SELF_CHECKOUT = "SELF_CHECKOUT"
    MARKETPLACE = "MARKETPLACE"
    LIVE = "LIVE"

    @property
    def is_till(self) -> bool:
        """True where goods leave the store with the shopper, so that the shelf's prices hold."""
        return self in (ChannelKind.POS, ChannelKind.SELF_CHECKOUT)


class StockPolicy(StrEnum):
    """SHARED sells from the common pool, ALLOTTED only its own quota, BORROW its quota and then the pool."""

    SHARED = "SHARED"
    ALLOTTED = "ALLOTTED"
    BORROW = "BORROW"
