"""How goods reach the shopper: what may be chosen, and how it is shown."""

from __future__ import annotations

import strawberry

from domain.access import EVERYONE
from domain.members.sight import MASK, Sight, masked_name, masked_phone
from domain.orders.states import FulfilmentKind
from domain.refusals import RefusalCode, Refused
from domain.stores import StoreService
from persistence.carts import StoredAddress, StoredFulfilment
from resolvers.context import Context, Info
from resolvers.fields import field
from resolvers.members.gate import personal
from resolvers.shapes import shape
from resolvers.stores.store import Store, store_shape

_LONGEST_TEXT = 200
_INPUT = ("input", "fulfilment")


@shape(EVERYONE, description="Where goods are brought; masked for those who do not bring them.")
class Address:
    stored: strawberry.Private[StoredAddress]
    sight: strawberry.Private[Sight]

    @property
    def _whole(self) -> bool:
        return self.sight >= Sight.SERVED

    @personal(Sight.KNOWN)
    def name(self) -> str:
        return self.stored["name"] if self._whole else masked_name(self.stored["name"])

    @personal(Sight.KNOWN)
    def phone(self) -> str:
        return self.stored["phone"] if self._whole else masked_phone(self.stored["phone"])

    @personal(Sight.KNOWN)
    def region(self) -> str:
        return self.stored["region"]

    @personal(Sight.KNOWN)
    def city(self) -> str:
        return self.stored["city"]

    @personal(Sight.KNOWN)
    def street(self) -> str:
        return self.stored["street"] if self._whole else MASK

    @personal(Sight.SERVED)
    def postal_code(self) -> str | None:
        return self.stored["postal_code"]


@shape(EVERYONE)
class Fulfilment:
    store_code: strawberry.Private[str | None]
    kind: FulfilmentKind
    address: Address | None = strawberry.field(
        description="null for devices; masked for staff of stores that do not serve it"
    )

    @field(
        description="where it is picked up or carried out; for a delivery, where it is sent from if chosen"
    )
    async def store(self, info: Info) -> Store | None:
        return None if self.store_code is None else await store_shape(info, self.store_code)

    @classmethod
    def of(
        cls, kind: FulfilmentKind, store: str | None, address: StoredAddress | None, sight: Sight
    ) -> Fulfilment:
        """The shape of a stored fulfilment, for a caller who sees so much of its address."""
        shown = None if address is None or sight is Sight.NOTHING else Address(stored=address, sight=sight)
        return cls(store_code=store, kind=kind, address=shown)


@strawberry.input
class AddressInput:
    name: str
    phone: str
    region: str
    city: str
    street: str
    postal_code: str | None = None


@strawberry.input
class FulfilmentInput:
    kind: FulfilmentKind
    store: str | None = strawberry.field(
        default=None, description="required for PICKUP; for DELIVERY the store to send from, if it matters"
    )
    address: AddressInput | None = strawberry.field(default=None, description="required for DELIVERY")


async def chosen(
    context: Context, given: FulfilmentInput, *, store: str | None, at_till: bool
) -> StoredFulfilment:
    """The fulfilment to keep, for a sale in a store (None: in none).

    Refuses INVALID_INPUT for what no sale there can be fulfilled by.
    """
    if given.kind is FulfilmentKind.CARRY_OUT:
        if not at_till or store is None or given.store not in (None, store):
            raise _invalid("kind", "Goods are carried out at a till only.", "仅收银渠道可当场带走。")
        return StoredFulfilment(kind=given.kind.value, store=store, address=None)
    if given.kind is FulfilmentKind.PICKUP:
        await _must_offer(context, given.store, StoreService.PICKUP)
        return StoredFulfilment(kind=given.kind.value, store=given.store, address=None)
    if given.address is None:
        raise _invalid("address", "A delivery needs an address.", "配送须填写地址。")
    if given.store is not None:
        await _must_offer(context, given.store, StoreService.DELIVERY)
    return StoredFulfilment(kind=given.kind.value, store=given.store, address=_stored(given.address))


async def _must_offer(context: Context, code: str | None, service: StoreService) -> None:
    store = None if code is None else await context.house.directory.store(code)
    if store is None or service not in store.services:
        raise _invalid(
            "store",
            f"There is no store {code!r} that offers {service.value}.",
            f"没有提供该服务（{service.value}）的门店“{code or ''}”。",
        )


def _stored(address: AddressInput) -> StoredAddress:
    stored = StoredAddress(
        name=address.name.strip(),
        phone=address.phone.strip(),
        region=address.region.strip(),
        city=address.city.strip(),
        street=address.street.strip(),
        postal_code=address.postal_code,
    )
    for name in ("name", "phone", "city", "street"):
        if not stored[name]:
            raise _invalid_address(name)
    for name, value in stored.items():
        if value is not None and len(str(value)) > _LONGEST_TEXT:
            raise _invalid_address("postalCode" if name == "postal_code" else name)
    return stored


def _invalid_address(name: str) -> Refused:
    return Refused.because(
        RefusalCode.INVALID_INPUT,
        en=f"This part of the address has 1 to {_LONGEST_TEXT} characters.",
        zh=f"地址的这一项须为 1 到 {_LONGEST_TEXT} 个字符。",
        field=(*_INPUT, "address", name),
    )


def _invalid(name: str, en: str, zh: str) -> Refused:
    return Refused.because(RefusalCode.INVALID_INPUT, en=en, zh=zh, field=(*_INPUT, name))
