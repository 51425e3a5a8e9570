"""Who is to hear of what: subscriptions, found by what they named."""

from __future__ import annotations

from collections.abc import Iterator

from domain.news import Happening, Topic
from persistence.news.subscription import Subscription

# By topic alone; by topic and a sku or store; or, with no name, all that named any sku or any store.
_Place = tuple[Topic, str, str | None]
_ALONE, _SKU, _STORE = "", "sku", "store"


class Switchboard:
    """The subscriptions that listen now. Finding a happening's costs what they are, not what there are.

    A subscription is filed under its skus, else under its stores, else under its topics alone.
    """

    def __init__(self) -> None:
        # A dict without values is a set that keeps the order of joining.
        self._filed: dict[_Place, dict[Subscription, None]] = {}
        self._all: dict[Subscription, None] = {}

    def __len__(self) -> int:
        return len(self._all)

    def everyone(self) -> list[Subscription]:
        """All that listen now."""
        return list(self._all)

    def join(self, subscription: Subscription) -> None:
        """Files a subscription; doing so again changes nothing."""
        self._all[subscription] = None
        for place in _places(subscription):
            self._filed.setdefault(place, {})[subscription] = None

    def leave(self, subscription: Subscription) -> None:
        """Takes a subscription out, wherever it is filed."""
        if subscription not in self._all:
            return
        del self._all[subscription]
        for place in _places(subscription):
            members = self._filed[place]
            del members[subscription]
            if not members:
                del self._filed[place]

    def deliver(self, happening: Happening) -> int:
        """How many subscriptions were asked whether they want it; those that do have it queued."""
        _, topic, sku, store, _, _, _ = happening
        asked = 0
        # News that names no sku (store) concerns all that named one, and they are filed under no name, too.
        for place in ((topic, _ALONE, None), (topic, _SKU, sku), (topic, _STORE, store)):
            if members := self._filed.get(place):
                asked += len(members)
                # A copy: one whose queue is full leaves while it is asked.
                for subscription in tuple(members):
                    subscription.put(happening)
        return asked


def _places(subscription: Subscription) -> Iterator[_Place]:
    interest = subscription.interest
    for topic in interest.topics:
        if interest.skus is not None:
            yield topic, _SKU, None
            for sku in interest.skus:
                yield topic, _SKU, sku
        elif interest.stores is not None:
            yield topic, _STORE, None
            for store in interest.stores:
                yield topic, _STORE, store
        else:
            yield topic, _ALONE, None
