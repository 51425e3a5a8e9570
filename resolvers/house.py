"""What a process shares between all its requests: the way to the data, the clock, the group's directory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from typing import Any, NamedTuple, TypeVar

from domain.access import Principal
from domain.payments import PaymentProvider
from persistence.database import Database
from persistence.directory import ChannelEntry, StoreEntry, channel_entries, store_entries
from persistence.loyalty.programme import Earning
from persistence.news.hub import Hub
from persistence.promotions.reads import Promotions
from persistence.vault import Vault
from resolvers.members.desk import FrontDesk
from resolvers.members.phones import Phones
from resolvers.together import Together

AskedT = TypeVar("AskedT")
AnswerT = TypeVar("AnswerT")

_FRESH_SECONDS = 30.0
_ASK_AGAIN_SECONDS = 1.0


class Directory:
    """Every channel and store by code, kept in memory.

    News of a change drops it at once; an unknown code asks again, at most once a second; and without any
    news it is read anew every 30 seconds.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._channels: dict[str, ChannelEntry] = {}
        self._stores: dict[str, StoreEntry] = {}
        self._delivering: tuple[str, ...] = ()
        self._read_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None
        self._forgotten = 0

    async def channel(self, code: str) -> ChannelEntry | None:
        """The active channel under a code."""
        await self._keep_fresh()
        found = self._channels.get(code)
        if found is None and await self._ask_again():
            found = self._channels.get(code)
        return found if found is not None and found.active else None

    async def store(self, code: str) -> StoreEntry | None:
        """The active store under a code."""
        await self._keep_fresh()
        found = self._stores.get(code)
        if found is None and await self._ask_again():
            found = self._stores.get(code)
        return found if found is not None and found.active else None

    async def delivering_stores(self) -> tuple[str, ...]:
        """The codes of the stores a context without a store sells from, in order."""
        await self._keep_fresh()
        return self._delivering

    def forget(self) -> None:
        """To be called when a channel or store has changed."""
        self._read_at = float("-inf")
        self._forgotten += 1

    async def _keep_fresh(self) -> None:
        if monotonic() - self._read_at > _FRESH_SECONDS:
            await self._read(older_than=_FRESH_SECONDS)

    async def _ask_again(self) -> bool:
        if monotonic() - self._read_at < _ASK_AGAIN_SECONDS:
            return False
        await self._read(older_than=_ASK_AGAIN_SECONDS)
        return True

    async def _read(self, *, older_than: float) -> None:
        came = monotonic()
        while self._read_at < came - older_than:
            # One reading for all who ask meanwhile: they go on in the same turn, and load together again.
            if self._reading is None:
                self._reading = asyncio.create_task(self._fetch(), name="directory")
            await asyncio.shield(self._reading)

    async def _fetch(self) -> None:
        started, forgotten = monotonic(), self._forgotten
        try:
            async with self._database.connection() as db:
                channels, stores = await channel_entries(db), await store_entries(db)
        finally:
            self._reading = None
        self._channels, self._stores = channels, stores
        self._delivering = tuple(sorted(store.code for store in stores.values() if store.delivers))
        # What changed while we read may not be in it: the next question reads again.
        if forgotten == self._forgotten:
            self._read_at = started


@dataclass(frozen=True, slots=True)
class Tills:
    """How the house is paid: its providers by code, and how long goods are kept for a payment.

    `secret` makes the tokens by which visitors read their orders again.
    """

    providers: Mapping[str, PaymentProvider]
    hold: timedelta
    secret: bytes


@dataclass(frozen=True, slots=True)
class PickupDesk:
    """How orders are handed over: under codes of `secret`, kept so long once they are ready.

    `qr_seed` is the Ed25519 key that signs their QR codes.
    """

    secret: bytes
    qr_seed: bytes
    hold: timedelta


class Examined(NamedTuple):
    """What a document turned out to be: one operation by this name, of so many points."""

    name: str
    cost: int
    fields: frozenset[str]
    """The fields it selects, as `Type.field`."""


def _nothing_is_valid(_: str) -> Examined:
    raise LookupError("no door has been opened that could examine documents")


@dataclass(slots=True)
class PartnerOffice:
    """What the house needs to take on partners.

    `pepper` keys the hashes of their API keys. `examine` says what a document is, and raises RequestError for
    one that could not be run; the door sets it.
    """

    pepper: bytes
    examine: Callable[[str], Examined] = _nothing_is_valid


@dataclass(frozen=True, slots=True)
class Hardware:
    """What the house needs to deal with devices.

    `secret` makes the secrets devices are given; `issue` a token for a principal, from a moment on and for so
    long; `renderer_version` is part of what decides a face; `base_url` is where its pictures are fetched.
    """

    secret: bytes
    issue: Callable[[Principal, datetime, timedelta], str]
    renderer_version: str
    base_url: str


@dataclass(slots=True)
class House:
    """Everything a request finds in place; made once when the process starts."""

    database: Database
    hub: Hub
    directory: Directory
    clock: Callable[[], datetime]
    default_locale: str
    currency: str
    tills: Tills
    vault: Vault
    phones: Phones
    pickup_desk: PickupDesk
    partners: PartnerOffice
    hardware: Hardware
    desk: FrontDesk
    promotions: Promotions = field(default_factory=Promotions)
    earning: Earning = field(default_factory=Earning)
    _rounds: dict[Any, Together[Any, Any]] = field(default_factory=dict, init=False)

    async def together(
        self,
        serve: Callable[[House, Sequence[AskedT]], Awaitable[Sequence[AnswerT | Exception]]],
        asked: AskedT,
    ) -> AnswerT:
        """The answer of `serve`, which serves this together with whatever else is asked of it meanwhile."""
        rounds: Together[AskedT, AnswerT] | None = self._rounds.get(serve)
        if rounds is None:
            rounds = self._rounds[serve] = Together(partial(serve, self))
        return await rounds(asked)
