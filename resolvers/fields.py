"""How a field of the roots is declared: with its rule first, so that none goes without."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, NamedTuple, ParamSpec, TypeVar, cast

import strawberry

from domain.access import Rule
from domain.refusals import Refused
from resolvers.access import RULE, must_allow
from resolvers.context import Info
from resolvers.shapes import Payload, user_errors

GUARDED = "guarded"
"""The attribute of a function that only guards a resolver: the Guarded it stands for."""

P = ParamSpec("P")
T = TypeVar("T")
PayloadT = TypeVar("PayloadT", bound=Payload)


class Guarded(NamedTuple):
    """A resolver that answers whoever a rule allows, and looks at nothing of its own field."""

    rule: Rule
    resolver: Callable[..., object]


def _info(arguments: tuple[object, ...], keywords: dict[str, object]) -> Info:
    return cast("Info", keywords.get("info", arguments[0] if arguments else None))


def field(
    *, description: str | None = None, rule: Rule | None = None, name: str | None = None
) -> Callable[[Callable[..., object]], Any]:
    """A field of a shape that is answered by a method; `rule` where it is narrower than the shape's own."""

    def declare(resolver: Callable[..., object]) -> Any:
        if rule is None:
            return strawberry.field(resolver=resolver, description=description, name=name)

        @functools.wraps(resolver)
        async def answer(*arguments: Any, **keywords: Any) -> object:
            must_allow(rule, cast("Info", keywords["info"]).context.viewer)
            value = resolver(*arguments, **keywords)
            return await value if inspect.isawaitable(value) else value

        setattr(answer, GUARDED, Guarded(rule, resolver))
        return strawberry.field(resolver=answer, description=description, name=name, metadata={RULE: rule})

    return declare


def query(
    rule: Rule, *, description: str, name: str | None = None
) -> Callable[[Callable[P, Awaitable[T]]], Any]:
    """A field of Query: who may ask, and its description."""

    def declare(resolver: Callable[P, Awaitable[T]]) -> Any:
        @functools.wraps(resolver)
        async def answer(*arguments: P.args, **keywords: P.kwargs) -> T:
            must_allow(rule, _info(arguments, keywords).context.viewer)
            return await resolver(*arguments, **keywords)

        setattr(answer, GUARDED, Guarded(rule, resolver))
        return strawberry.field(resolver=answer, description=description, name=name, metadata={RULE: rule})

    return declare


def mutation(
    payload: type[PayloadT], rule: Rule, *, description: str, name: str | None = None
) -> Callable[[Callable[P, Awaitable[PayloadT]]], Any]:
    """A field of Mutation: a refusal inside becomes the payload's `userErrors`."""

    def declare(resolver: Callable[P, Awaitable[PayloadT]]) -> Any:
        @functools.wraps(resolver)
        async def answer(*arguments: P.args, **keywords: P.kwargs) -> PayloadT:
            context = _info(arguments, keywords).context
            must_allow(rule, context.viewer)
            try:
                return await resolver(*arguments, **keywords)
            except Refused as refused:
                return payload(user_errors=user_errors(refused, context.locale))

        return strawberry.mutation(resolver=answer, description=description, name=name, metadata={RULE: rule})

    return declare


def stream(
    rule: Rule, *, description: str, name: str | None = None
) -> Callable[[Callable[P, AsyncGenerator[T, None]]], Any]:
    """A field of Subscription."""

    def declare(resolver: Callable[P, AsyncGenerator[T, None]]) -> Any:
        @functools.wraps(resolver)
        async def answer(*arguments: P.args, **keywords: P.kwargs) -> AsyncIterator[T]:
            must_allow(rule, _info(arguments, keywords).context.viewer)
            # Closed with the stream, not when memory is next cleaned up: its subscription ends at once.
            async with aclosing(resolver(*arguments, **keywords)) as events:
                async for event in events:
                    yield event

        return strawberry.subscription(
            resolver=answer, description=description, name=name, metadata={RULE: rule}
        )

    return declare


def live_stream(
    rule: Rule, *, description: str, name: str | None = None
) -> Callable[[Callable[P, Awaitable[AsyncIterable[T]]]], Any]:
    """A field of Subscription that answers a LiveStream: one execution for all who ask for the same."""

    def declare(resolver: Callable[P, Awaitable[AsyncIterable[T]]]) -> Any:
        @functools.wraps(resolver)
        async def answer(*arguments: P.args, **keywords: P.kwargs) -> AsyncIterable[T]:
            must_allow(rule, _info(arguments, keywords).context.viewer)
            return await resolver(*arguments, **keywords)

        return strawberry.subscription(
            resolver=answer, description=description, name=name, metadata={RULE: rule}
        )

    return declare
