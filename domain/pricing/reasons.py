"""Why a price record won or lost: the machine-readable half of a price trace."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """What decided over one candidate, in the order in which the engine asks."""

    WON = "WON"
    WRONG_STORE = "WRONG_STORE"
    WRONG_CHANNEL = "WRONG_CHANNEL"
    WRONG_TIER = "WRONG_TIER"
    WRONG_CAMPAIGN = "WRONG_CAMPAIGN"
    QUANTITY_TOO_LOW = "QUANTITY_TOO_LOW"
    WRONG_CURRENCY = "WRONG_CURRENCY"
    INCOMPLETE = "INCOMPLETE"
    """The kind needs a store, tier or campaign that the record does not name."""
    NOT_YET_RECORDED = "NOT_YET_RECORDED"
    NOT_YET_VALID = "NOT_YET_VALID"
    NO_LONGER_VALID = "NO_LONGER_VALID"
    SUPERSEDED = "SUPERSEDED"
    """A record set later in the same slot is in force."""
    NO_REGULAR_PRICE = "NO_REGULAR_PRICE"
    """An offer with nothing regular to be an offer on."""
    LESS_SPECIFIC = "LESS_SPECIFIC"
    HIGHER_PRICE = "HIGHER_PRICE"
    SET_EARLIER = "SET_EARLIER"
    """Equal in every way that counts, but another one was set last."""
    HELD_FOR_LABELS = "HELD_FOR_LABELS"
    """Won, but the till charges what a shelf label may still be showing."""
