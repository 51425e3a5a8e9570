"""The kinds of price a record can be."""

from __future__ import annotations

from enum import StrEnum


class PriceKind(StrEnum):
    """LIST and STORE are regular prices, the others offers."""

    LIST = "LIST"
    SALE = "SALE"
    MEMBER = "MEMBER"
    STORE = "STORE"
    LIVE = "LIVE"
    GROUP_BUY = "GROUP_BUY"
    BARGAIN = "BARGAIN"
    CLEARANCE = "CLEARANCE"
