"""The gate: whoever wants to see something of a member passes it, and what is seen is written down.

A field of a person is declared with `personal(Sight…)`, and its shape knows how much of the person this
caller sees, which `sight_of` decides. `tests/house` holds that no personal field goes without.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Protocol
from uuid import UUID

import strawberry

from domain.access import Principal, PrincipalKind
from domain.members.consents import ConsentPurpose
from domain.members.sight import Sight, sight
from persistence.members.reads import FRESH_CODE, Dealing
from persistence.members.writes import Look
from resolvers.context import Context

PERSONAL = "personal"
"""The key under which a field's metadata holds the sight it takes."""


class Seen(Protocol):
    """A shape of a person, with how much of it this caller sees."""

    @property
    def sight(self) -> Sight: ...


def personal(
    least: Sight, *, description: str | None = None, otherwise: Callable[[], object] = lambda: None
) -> Callable[[Callable[..., object]], Any]:
    """A field that tells something of a person, to those who see at least so much; others get `otherwise()`.

    What is masked rather than withheld asks `self.sight` itself.
    """

    def declare(resolver: Callable[..., object]) -> Any:
        @functools.wraps(resolver)
        async def answer(self: Seen, *arguments: Any, **keywords: Any) -> object:
            if self.sight < least:
                return otherwise()
            value = resolver(self, *arguments, **keywords)
            return await value if inspect.isawaitable(value) else value

        return strawberry.field(resolver=answer, description=description, metadata={PERSONAL: least})

    return declare


async def sight_of(
    context: Context, member_id: UUID, *, how: str, presented: bool = False, most: Sight = Sight.OWN
) -> Sight:
    """How much of a member the caller sees, at most so much; a look by the house is written down.

    `how` the member was found: by FRESH_CODE, "phone", "id", "order" …; `presented` when it was asked for.
    """
    viewer = context.viewer
    member = str(member_id)
    if viewer.kind is PrincipalKind.MEMBER or not _could_see(viewer):
        return sight(viewer, member, consents=(), presented=presented, dealt_with=False)
    rows = await context.loaders.consents_of_member.load(member_id)
    consents = frozenset(row.purpose for row in rows if row.granted)
    if not consents & {ConsentPurpose.CLIENTELING, ConsentPurpose.DATA_SHARING}:
        return Sight.NOTHING
    dealt_with = how == FRESH_CODE or await _dealt_with(context, member)
    found = min(most, sight(viewer, member, consents=consents, presented=presented, dealt_with=dealt_with))
    if found is not Sight.NOTHING:
        await context.loaders.look.load(Look(member_id, str(viewer), viewer.store, how))
    return found


def _could_see(viewer: Principal) -> bool:
    return viewer.is_staff or viewer.kind is PrincipalKind.PARTNER


async def _dealt_with(context: Context, member: str) -> bool:
    viewer = context.viewer
    if not viewer.is_staff or viewer.is_admin:
        # What a partner has of a member is an order that it placed itself.
        return True
    if viewer.store is None:
        return False
    return await context.loaders.dealing.load(Dealing(member, viewer.store)) is not None
