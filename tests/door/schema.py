"""A small schema to try the door with: slow fields, bugs, lists and streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace

import strawberry

from domain.refusals import RequestCode, RequestError, Text
from graph.door import Caller, TokenExpired

GOOD = ("Bearer good", "Bearer good-2", "Bearer other")
SECRET = 'SELECT secret FROM members WHERE phone = "13800000000"'


@dataclass
class Shop:
    """What happened while the schema was used, for tests to look at."""

    started: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    closed_streams: list[str] = field(default_factory=list)
    abandoned: int = 0
    callers: list[Caller] = field(default_factory=list)
    context_failure: Exception | None = None
    expired: set[str] = field(default_factory=set)
    revoked: set[str] = field(default_factory=set)
    release: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True)
class Standing:
    """As whom somebody was let in; `Bearer good-2` is a newer token of the caller with `Bearer good`."""

    token: str

    @property
    def principal(self) -> str:
        return self.token.partition("-")[0]


class Context:
    """A context as the house would make it; its loaders are a number that tells whether it is fresh."""

    made = 0

    def __init__(self, caller: Caller, shop: Shop) -> None:
        Context.made += 1
        self.number = Context.made
        self.caller = caller
        self.shop = shop
        self.extensions: dict[str, object] = {}

    @property
    def standing(self) -> Standing | None:
        given = self.caller.authorization or self.caller.api_key
        return None if given is None else Standing(given)

    @property
    def view(self) -> str | None:
        return self.caller.authorization

    def for_everyone(self) -> Context:
        return Context(replace(self.caller, authorization=None), self.shop)

    def for_event(self) -> Context:
        return Context(self.caller, self.shop)

    def abandon(self) -> None:
        self.shop.abandoned += 1


class Opening:
    """Opens contexts: GOOD tokens sign members in, nothing is a visitor, everything else is refused."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    async def __call__(self, caller: Caller) -> Context:
        self.shop.callers.append(caller)
        if self.shop.context_failure is not None:
            raise self.shop.context_failure
        if caller.authorization == "Bearer expired":
            raise TokenExpired
        if caller.authorization not in (
            None,
            "Bearer good",
            "Bearer good-2",
            "Bearer other",
        ) or caller.api_key not in (None, "key"):
            raise RequestError(
                RequestCode.UNAUTHENTICATED, Text(en="This token is not ours.", zh="令牌无效。")
            )
        return Context(caller, self.shop)

    def must_stand(self, standing: Standing) -> None:
        if standing.token in self.shop.expired:
            raise TokenExpired
        if standing.token in self.shop.revoked:
            raise RequestError(RequestCode.UNAUTHENTICATED, Text(en="Signed out.", zh="已退出登录。"))


Info = strawberry.Info[Context, None]


@strawberry.type
class Item:
    sku: str

    @strawberry.field
    def name(self, upper: bool = False) -> str:
        return self.sku.upper() if upper else self.sku

    @strawberry.field
    def similar(self) -> list[Item]:
        return [Item(sku=f"{self.sku}+")]

    @strawberry.field
    def must(self) -> str:
        raise RuntimeError(SECRET)


@strawberry.type
class ItemConnection:
    nodes: list[Item]
    total_count: int


@strawberry.input
class ItemInput:
    sku: str
    quantity: int = 1


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "you") -> str:
        return f"Hello {name}"

    @strawberry.field
    def context_number(self, info: Info) -> int:
        return info.context.number

    @strawberry.field
    def items(self, first: int) -> ItemConnection:
        return ItemConnection(nodes=[Item(sku=f"s{n}") for n in range(min(first, 5))], total_count=5)

    @strawberry.field
    def by_skus(self, skus: list[str]) -> list[Item]:
        return [Item(sku=sku) for sku in skus]

    @strawberry.field
    def item(self) -> Item:
        return Item(sku="one")

    @strawberry.field
    def bug(self) -> str | None:
        raise RuntimeError(SECRET)

    @strawberry.field
    def not_null(self) -> str:
        return None  # type: ignore[return-value]

    @strawberry.field
    def huge(self) -> int | None:
        return 2**40

    @strawberry.field
    def wrong_input(self) -> str | None:
        raise RequestError.bad_input(en="first is 1 to 100.", zh="first 应为 1 到 100。")

    @strawberry.field
    async def away(self) -> str | None:
        raise RequestError(
            RequestCode.UNAVAILABLE,
            Text(en="The database is away.", zh="数据库暂不可用。"),
            retry_after_seconds=7,
        )

    @strawberry.field
    async def foreign(self) -> str | None:
        raise ConnectionRefusedError("10.1.2.3:5432 password=hunter2")

    @strawberry.field
    async def slow(self, info: Info, name: str = "slow", seconds: float = 30) -> str:
        shop = info.context.shop
        shop.started.append(name)
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            shop.cancelled.append(name)
            raise
        shop.finished.append(name)
        return name


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def put(self, info: Info, item: ItemInput, seconds: float = 0) -> str:
        shop = info.context.shop
        shop.started.append(item.sku)
        await asyncio.sleep(seconds)
        shop.finished.append(item.sku)
        return item.sku


@strawberry.type
class Tick:
    number: int

    @strawberry.field
    def context_number(self, info: Info) -> int:
        return info.context.number

    @strawberry.field
    def bug(self) -> str | None:
        raise RuntimeError(SECRET)

    @strawberry.field
    async def slow(self, info: Info) -> int:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            info.context.shop.cancelled.append("tick")
            raise
        return self.number


@strawberry.type
class Step:
    """An event with a place in an order; only every other one is a good one to go on from."""

    number: int

    @property
    def resume_from(self) -> str | None:
        return str(self.number) if self.number % 2 else None


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def steps(
        self, info: Info, after: str | None = None, to: int | None = None
    ) -> AsyncGenerator[Step, None]:
        number = int(after or 0)
        try:
            while to is None or number < to:
                number += 1
                yield Step(number=number)
                await asyncio.sleep(0.01)
        finally:
            info.context.shop.closed_streams.append("steps")

    @strawberry.subscription
    async def ticks(self, info: Info, to: int = 3, name: str = "ticks") -> AsyncGenerator[Tick, None]:
        shop = info.context.shop
        shop.started.append(name)
        try:
            for number in range(to):
                yield Tick(number=number)
            if to == 0:
                await asyncio.sleep(30)
        finally:
            shop.closed_streams.append(name)

    @strawberry.subscription
    async def forever(self, info: Info, size: int = 10) -> AsyncGenerator[str, None]:
        try:
            while True:
                yield "x" * size
                await asyncio.sleep(0)
        finally:
            info.context.shop.closed_streams.append("forever")

    @strawberry.subscription
    async def breaks(self) -> AsyncGenerator[int, None]:
        yield 1
        raise RuntimeError(SECRET)

    @strawberry.subscription
    async def refused(self) -> AsyncGenerator[int, None]:
        raise RequestError.bad_input(en="No such cursor.", zh="游标无效。")
        yield 1


SCHEMA = strawberry.Schema(query=Query, mutation=Mutation, subscription=Subscription)
