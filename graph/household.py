"""What a process shares between all it does, built from its settings: for servers and workers alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from devices.faces import RENDERER_VERSION
from graph.front_desk import front_desk
from graph.partners.webhooks import Courier
from graph.pickup_clock import mind_pickups
from graph.settings import Settings
from graph.till_room import TillRoom
from graph.tokens import Tokens
from graph.vault import vault_of
from persistence.database import Database
from persistence.news.hub import Hub
from resolvers.house import Directory, Hardware, House, PartnerOffice, PickupDesk
from resolvers.labels.following import LabelFollower
from resolvers.members.phones import Phones


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Household:
    """A house with those who keep its doors and its tills; `databases` are to be opened with it."""

    house: House
    databases: tuple[Database, ...]
    tokens: Tokens
    till_room: TillRoom
    labels: LabelFollower

    @property
    def work(self) -> Mapping[str, Callable[[], Awaitable[None]]]:
        """What is to be done behind the graph, by name."""
        return {
            "payments": self.till_room.mind,
            "pickups": partial(mind_pickups, self.house),
            "labels": self.labels.run,
            "webhooks": Courier(self.house).run,
        }


def hub_of(settings: Settings, direct_dsn: str) -> Hub:
    """The hub of a process that was told these settings."""
    return Hub(direct_dsn, redis_url=settings.redis_url, remember=settings.replay_in_memory)


def household(settings: Settings, clock: Callable[[], datetime] = utc_now) -> Household:
    """The household on the database that the settings name, which need not be there yet."""
    dsn = settings.database_url
    if dsn is None:
        raise ValueError("a household stands on a database that runs; settings name none")
    database = Database(dsn, size=settings.pool_size)
    # The directory reads on a connection of its own: whoever asks it may hold one, and all may be held.
    aside = Database(dsn, size=1)
    tokens = Tokens.of(settings)
    vault = vault_of(settings)
    till_room = TillRoom(settings, vault.secret("order tokens"), clock)
    house = House(
        database=database,
        hub=hub_of(settings, settings.database_direct_url or dsn),
        directory=Directory(aside),
        clock=clock,
        default_locale=settings.default_locale,
        currency=settings.currency,
        tills=till_room.tills,
        vault=vault,
        phones=Phones(settings.phone_regions.split(",")),
        pickup_desk=PickupDesk(
            secret=vault.secret("pickup codes"),
            qr_seed=vault.secret("pickup QR codes"),
            hold=timedelta(seconds=settings.pickup_hold_seconds),
        ),
        partners=PartnerOffice(vault.secret("api keys")),
        hardware=Hardware(
            secret=vault.secret("device secrets"),
            issue=lambda principal, now, lifetime: tokens.issue(principal, now=now, lifetime=lifetime),
            renderer_version=RENDERER_VERSION,
            base_url=settings.base_url,
        ),
        desk=front_desk(settings, tokens),
    )
    till_room.house = house
    direct_dsn = settings.database_direct_url or dsn
    return Household(house, (database, aside), tokens, till_room, LabelFollower(house, direct_dsn))
