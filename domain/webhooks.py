"""Webhooks: what is told to partners, how it is signed (Standard Webhooks), and when it is told again."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum

from domain.access import PartnerScope
from domain.news import Topic

MOST_ATTEMPTS = 15
"""After so many a delivery is given up: about nine hours after the first."""
ENOUGH_FAILURES = 5
"""After so many in a row an address is left alone for a while, and then tried with a single delivery."""
LEASE = timedelta(seconds=60)
"""How long whoever took a delivery has for it, before another takes it: longer than any answer is awaited."""
_MARK = "whsec_"
_FIRST_PAUSE = timedelta(seconds=5)
_LONGEST_PAUSE = timedelta(hours=1)
_LONGEST_REST = timedelta(minutes=10)


class WebhookTopic(StrEnum):
    """What a webhook may be told of."""

    ORDER = "ORDER"
    PICKUP = "PICKUP"
    PRICE = "PRICE"
    STOCK = "STOCK"

    @property
    def topic(self) -> Topic:
        """The news it is about."""
        return Topic(self.value.lower())

    @property
    def scope(self) -> PartnerScope:
        """What a partner has to be granted to be told."""
        return _SCOPES[self]


_SCOPES = {
    WebhookTopic.ORDER: PartnerScope.ORDER_READ,
    WebhookTopic.PICKUP: PartnerScope.ORDER_READ,
    WebhookTopic.PRICE: PartnerScope.PRICE_READ,
    WebhookTopic.STOCK: PartnerScope.STOCK_READ,
}


def new_secret(random_bytes: Callable[[int], bytes]) -> str:
    """A new signing secret: `whsec_` and 32 bytes in base64."""
    return _MARK + base64.b64encode(random_bytes(32)).decode()


def signature(secret: str, *, id_: str, at: datetime, body: bytes) -> str:
    """The `webhook-signature` of a delivery: `v1,` and HMAC-SHA256 of id, timestamp and body in base64."""
    key = base64.b64decode(secret.removeprefix(_MARK))
    signed = b"%b.%d.%b" % (id_.encode(), int(at.timestamp()), body)
    return f"v1,{base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}"


def pause_after(attempts: int) -> timedelta:
    """How long after an attempt that failed the next is made: twice as long each time, an hour at most."""
    return _doubled(attempts - 1, _LONGEST_PAUSE)


def rest_after(failures: int) -> timedelta | None:
    """How long an address is left alone after so many failures in a row; None while there are few."""
    if failures < ENOUGH_FAILURES:
        return None
    return _doubled(failures - ENOUGH_FAILURES + 1, _LONGEST_REST)


def _doubled(times: int, longest: timedelta) -> timedelta:
    return min(_FIRST_PAUSE * (1 << min(times, 20)), longest)
