"""Everything at the door that has to do with partners, built from a process's settings."""

from __future__ import annotations

from graph.household import Household
from graph.partners.budgets import Budgets
from graph.partners.documents import PublishedDocuments
from graph.partners.keys import KeyRing
from graph.partners.policy import HousePolicy
from graph.partners.usage import Usage
from graph.settings import Settings
from persistence.counters import Counters, OwnCounters, SharedCounters
from persistence.database import Database


class Entrance:
    """The keys, counters and documents of one process, and the policy made of them.

    What is looked up beside requests, or by few of them, is read on `aside`.
    """

    def __init__(self, home: Household, aside: Database, settings: Settings) -> None:
        house = home.house
        self.keys = KeyRing(aside, house.hub, house.partners.pepper)
        self.usage = Usage(aside, self.keys)
        self.counters: Counters = (
            OwnCounters()
            if settings.redis_url is None
            else SharedCounters(settings.redis_url, home.house.vault.secret("counters")[:8].hex())
        )
        self.policy = HousePolicy(
            PublishedDocuments(house.database),
            Budgets(self.counters, requests_per_minute=settings.most_requests),
            self.usage,
            free=settings.documents,
            register=settings.is_development,
            budget_per_minute=settings.budget_per_minute,
        )
