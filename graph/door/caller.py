"""Who knocks, and what the house hands the door for one operation."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Protocol

from domain.refusals import RequestCode, RequestError, Text


@dataclass(frozen=True, slots=True)
class Caller:
    """What a transport knows of whoever asks; nothing in it is checked yet."""

    authorization: str | None
    api_key: str | None
    accept_language: str | None
    request_id: str
    address: str | None = None
    """Where the call comes from, as the server in front tells it."""
    client: str | None = None
    """What the calling application says it is called."""


class Standing(Protocol):
    """As whom a signed-in caller was let in."""

    @property
    def principal(self) -> Hashable:
        """Equal for callers who are the same and may see the same."""
        ...


class OperationContext(Protocol):
    """What resolvers find in `info.context` during one operation."""

    @property
    def standing(self) -> Standing | None:
        """As whom the caller was let in; None for a visitor."""
        ...

    @property
    def extensions(self) -> Mapping[str, object]:
        """What the answer says beside its data."""
        ...

    @property
    def view(self) -> Hashable:
        """What the answers depend on, of whoever asks: equal for two callers that are shown the same."""
        ...

    def for_everyone(self) -> OperationContext:
        """A context for all who share this view, as nobody in particular; it does not run out."""
        ...

    def for_event(self) -> OperationContext:
        """The same viewer with fresh loaders, for one event of a subscription."""
        ...

    def abandon(self) -> None:
        """Cancels the loader batches still under way: the client hung up, time ran out or the stream ended.

        Awaiting fields are cancelled with the operation, but a batch runs in a task of its own, so only its
        owner can end it and the statement it waits for. Not called after an operation that came to its end.
        """
        ...


class OpenContext(Protocol):
    """Finds out who the caller is; called once for every operation, also over a socket."""

    async def __call__(self, caller: Caller) -> OperationContext:
        """The context of one operation. Raises RequestError with UNAUTHENTICATED on a bad token."""
        ...

    def must_stand(self, standing: Standing) -> None:
        """Raises TokenExpired once the token has run out, UNAUTHENTICATED once it was revoked."""
        ...


class TokenExpired(RequestError):  # noqa: N818 - like the refusals it is one of
    """A token that was good and has run out; over a socket 4403, and clients come back with a new one."""

    def __init__(self) -> None:
        super().__init__(
            RequestCode.UNAUTHENTICATED,
            Text(en="Your sign-in has expired.", zh="登录已过期，请重新登录。"),
        )
