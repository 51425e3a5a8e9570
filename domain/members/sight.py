"""How much of a member a caller may see: decided once, by viewer, purpose, consent and store."""

from __future__ import annotations

from collections.abc import Collection
from enum import IntEnum

from domain.access import PartnerScope, Principal, PrincipalKind
from domain.members.consents import ConsentPurpose

MASK = "****"


class Sight(IntEnum):
    """How much of a member is shown; each shows what those below it do, and more.

    KNOWN: that there is such a member, the tier, and a masked name and phone.
    SERVED: what a clerk needs to serve the member: the name, purchases, coupons.
    OWN: everything; it is the member.
    """

    NOTHING = 0
    KNOWN = 1
    SERVED = 2
    OWN = 3


def sight(
    viewer: Principal,
    member: str,
    *,
    consents: Collection[ConsentPurpose],
    presented: bool,
    dealt_with: bool,
) -> Sight:
    """How much of a member (by id) a caller sees, given the consents in force.

    `presented`: the caller asks for this very member, whose phone, code or id is at hand.
    `dealt_with`: the caller's store sold or served an order of the member's, or the member showed a fresh
    code there.
    """
    if viewer.kind is PrincipalKind.MEMBER:
        return Sight.OWN if viewer.subject == member else Sight.NOTHING
    if viewer.kind is PrincipalKind.PARTNER:
        # What a partner has of a member is an order that it placed.
        shared = PartnerScope.MEMBER_READ in viewer.scopes and ConsentPurpose.DATA_SHARING in consents
        return Sight.KNOWN if shared and dealt_with else Sight.NOTHING
    serves = viewer.is_admin or (viewer.is_staff and viewer.store is not None)
    if not serves or ConsentPurpose.CLIENTELING not in consents:
        return Sight.NOTHING
    if dealt_with:
        return Sight.SERVED
    return Sight.KNOWN if presented else Sight.NOTHING


def sight_of_delivery(viewer: Principal, store: str | None) -> Sight:
    """How much of an address the caller sees, who sees its order, served by this store (None: by any).

    Whoever placed it sees all of it; who brings it there must know where. Everybody else of the house may see
    the order, when goods come back in another store, but not where somebody lives.
    """
    if viewer.is_staff:
        return Sight.SERVED if store is None or viewer.works_in(store) else Sight.KNOWN
    return Sight.NOTHING if viewer.kind is PrincipalKind.DEVICE else Sight.OWN


def masked_phone(national: str) -> str:
    """A national number with its middle hidden: `138****5678`, `91****67`."""
    ends = (3, 4) if len(national) >= 10 else (2, 2)
    if len(national) < sum(ends) + 2:
        return MASK
    return f"{national[: ends[0]]}{MASK}{national[-ends[1] :]}"


def masked_name(name: str) -> str:
    """A name of which the first character is left: `陳**`."""
    return f"{name[:1]}**"


def masked_subject(subject: str) -> str:
    """Whatever names a person elsewhere, such as an openid or a card's number: its last four characters."""
    return MASK + (subject[-4:] if len(subject) >= 12 else "")
