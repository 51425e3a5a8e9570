"""Who is asking, and which of them may ask for what. Default is deny: what has no rule has no answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class PrincipalKind(StrEnum):
    """What sort of caller a request comes from."""

    VISITOR = "visitor"
    MEMBER = "member"
    STAFF = "staff"
    DEVICE = "device"
    PARTNER = "partner"


class PartnerScope(StrEnum):
    """What a partner was allowed when it was taken on."""

    CATALOG_READ = "CATALOG_READ"
    CATALOG_WRITE = "CATALOG_WRITE"
    PRICE_READ = "PRICE_READ"
    PRICE_WRITE = "PRICE_WRITE"
    STOCK_READ = "STOCK_READ"
    STOCK_WRITE = "STOCK_WRITE"
    ORDER_READ = "ORDER_READ"
    ORDER_WRITE = "ORDER_WRITE"
    MEMBER_READ = "MEMBER_READ"
    DEVICE_READ = "DEVICE_READ"
    DEVICE_WRITE = "DEVICE_WRITE"


ADMIN_ROLE = "admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller: who, bound to which store (None: to none), of which tier, with which roles and scopes."""

    kind: PrincipalKind
    subject: str
    store: str | None = None
    tier: str | None = None
    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    channels: frozenset[str] | None = None
    """The channels it trades in, for whom there are no others; None for everybody who is bound to none."""

    def trades_in(self, channel: str) -> bool:
        """Whether a channel is there for the caller."""
        return self.channels is None or channel in self.channels

    @property
    def is_admin(self) -> bool:
        """True for staff who may do everything everywhere."""
        return self.kind is PrincipalKind.STAFF and ADMIN_ROLE in self.roles

    @property
    def is_staff(self) -> bool:
        """True for anyone who works for the group."""
        return self.kind is PrincipalKind.STAFF

    @property
    def is_signed_in(self) -> bool:
        """True for everyone but a visitor."""
        return self.kind is not PrincipalKind.VISITOR

    @property
    def sees_exact_stock(self) -> bool:
        """True for those who are told stock to the unit; shoppers are told at most so many."""
        return self.kind in (PrincipalKind.STAFF, PrincipalKind.DEVICE, PrincipalKind.PARTNER)

    def works_in(self, store: str) -> bool:
        """Whether the caller may act on a store: its own, or any for an admin or head office."""
        return self.is_admin or self.store == store or (self.is_staff and self.store is None)

    def sees_levels_of(self, store: str) -> bool:
        """Whether the caller may read a store's stock levels: staff and devices bound to a store, its own."""
        if self.kind in (PrincipalKind.STAFF, PrincipalKind.DEVICE):
            return self.works_in(store)
        return self.sees_exact_stock

    def __str__(self) -> str:
        return f"{self.kind}:{self.subject}"


VISITOR = Principal(PrincipalKind.VISITOR, "")


@dataclass(frozen=True, slots=True)
class Rule:
    """Which kinds of caller may ask for a field; a partner needs the scope too."""

    name: str
    kinds: frozenset[PrincipalKind]
    scope: PartnerScope | None = None
    admin_only: bool = field(default=False)

    def allows(self, principal: Principal) -> bool:
        """Whether this caller may ask."""
        if principal.kind not in self.kinds:
            return False
        if principal.kind is PrincipalKind.PARTNER and self.scope is not None:
            return self.scope in principal.scopes
        return principal.is_admin or not self.admin_only


EVERYONE = Rule("everyone", frozenset(PrincipalKind))
CATALOG_READERS = Rule("everyone; partners with CATALOG_READ", EVERYONE.kinds, PartnerScope.CATALOG_READ)
PRICE_READERS = Rule("everyone; partners with PRICE_READ", EVERYONE.kinds, PartnerScope.PRICE_READ)
STOCK_SHOPPERS = Rule("everyone; partners with STOCK_READ", EVERYONE.kinds, PartnerScope.STOCK_READ)
_TRADE = frozenset({PrincipalKind.STAFF, PrincipalKind.PARTNER})
MEMBERS = Rule("members", frozenset({PrincipalKind.MEMBER}))
ADMINS = Rule("administrators", frozenset({PrincipalKind.STAFF}), admin_only=True)
STAFF = Rule("staff", frozenset({PrincipalKind.STAFF}))
ADMINS = Rule("administrators", frozenset({PrincipalKind.STAFF}), admin_only=True)
PARTNER_READERS = Rule("staff; partners, of themselves", _TRADE)
STOCK_READERS = Rule(
    "staff, devices; partners with STOCK_READ", _TRADE | {PrincipalKind.DEVICE}, PartnerScope.STOCK_READ
)
CATALOG_WRITERS = Rule("staff; partners with CATALOG_WRITE", _TRADE, PartnerScope.CATALOG_WRITE)
PRICE_WRITERS = Rule("staff; partners with PRICE_WRITE", _TRADE, PartnerScope.PRICE_WRITE)
STOCK_WRITERS = Rule("staff; partners with STOCK_WRITE", _TRADE, PartnerScope.STOCK_WRITE)
CART_USERS = Rule("everyone; partners with ORDER_WRITE", EVERYONE.kinds, PartnerScope.ORDER_WRITE)
ORDER_READERS = Rule("everyone; partners with ORDER_READ", EVERYONE.kinds, PartnerScope.ORDER_READ)
ORDER_LISTERS = Rule("staff; partners with ORDER_READ", _TRADE, PartnerScope.ORDER_READ)
ORDER_HANDLERS = Rule("staff; partners with ORDER_WRITE", _TRADE, PartnerScope.ORDER_WRITE)
STORE_WORKERS = Rule("staff, devices", frozenset({PrincipalKind.STAFF, PrincipalKind.DEVICE}))
ORDER_RECORDERS = Rule(
    "staff, devices; partners with ORDER_WRITE", _TRADE | {PrincipalKind.DEVICE}, PartnerScope.ORDER_WRITE
)
DEVICE_READERS = Rule(
    "staff, devices; partners with DEVICE_READ", _TRADE | {PrincipalKind.DEVICE}, PartnerScope.DEVICE_READ
)
DEVICE_KEEPERS = Rule("staff; partners with DEVICE_WRITE", _TRADE, PartnerScope.DEVICE_WRITE)
LABEL_CONTROLLERS = Rule(
    "staff, devices; partners with DEVICE_WRITE", _TRADE | {PrincipalKind.DEVICE}, PartnerScope.DEVICE_WRITE
)
