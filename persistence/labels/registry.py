"""The registry of devices: who is known, by which secret, and what was last heard of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from domain.devices import DeviceKind, DeviceLifecycle
from persistence.database import Connection, given, param, statement, texts
from persistence.labels.tables import Device, Label

_MOMENT = sa.DateTime(timezone=True)
_BY_CODE = statement(select(Device).where(col(Device.code) == sa.any_(texts("codes"))))
_BY_ID = statement(select(Device).where(col(Device.id) == sa.any_(param("ids", sa.ARRAY(sa.Uuid)))))
_LOCK = statement(select(Device).where(col(Device.code) == param("code")).with_for_update(key_share=True))
_CODES = statement(
    sa.select(col(Device.code))
    .where(col(Device.store) == param("store"), col(Device.kind) == sa.any_(texts("kinds")))
    .order_by(col(Device.code))
)


async def devices_by_code(db: Connection, codes: Sequence[str]) -> dict[str, Device]:
    """By code: the devices that were ever heard of, those out of service too."""
    return {row.code: row for row in await _BY_CODE.all(db, codes=codes)}


async def devices_by_id(db: Connection, ids: Sequence[UUID]) -> dict[UUID, Device]:
    """By id: the devices that were ever heard of, those out of service too."""
    return {row.id: row for row in await _BY_ID.all(db, ids=ids)}


async def locked(db: Connection, code: str) -> Device | None:
    """A device, locked until the transaction ends."""
    return await _LOCK.one_or_none(db, code=code)


async def codes_in_store(db: Connection, store: str, kinds: Sequence[DeviceKind]) -> list[str]:
    """The codes of a store's devices of some kinds, in their order."""
    return [row.code for row in await _CODES.all(db, store=store, kinds=[kind.value for kind in kinds])]


_REGISTER = statement(
    insert(Device)
    .values(
        code=param("code"),
        kind=param("kind"),
        store=param("store"),
        lifecycle=DeviceLifecycle.REGISTERED,
        model=param("model"),
        gateway=param("gateway"),
        secret_hash=param("secret_hash"),
        registered_at=param("at", _MOMENT),
    )
    # Hardware that was only heard of so far is adopted, and by a person; what is registered stays as it is.
    .on_conflict_do_update(
        index_elements=["code"],
        set_={
            "kind": param("kind"),
            "store": param("store"),
            "lifecycle": DeviceLifecycle.REGISTERED.value,
            "model": param("model"),
            "gateway": param("gateway"),
            "secret_hash": param("secret_hash"),
            "registered_at": param("at", _MOMENT),
        },
        where=col(Device.lifecycle) == DeviceLifecycle.QUARANTINED,
    )
    .returning(col(Device.id))
)
_HANG = statement(
    insert(Label).values(
        code=param("code"), store=param("store"), gateway=param("gateway"), model=param("model")
    )
)


async def register(
    db: Connection,
    *,
    code: str,
    kind: DeviceKind,
    store: str,
    model: str | None,
    gateway: str | None,
    secret_hash: bytes,
    at: datetime,
) -> bool:
    """Whether the device is registered now; False when one of this code was already.

    A label is hung up unbound; it needs a model.
    """
    device_id = await _REGISTER.value(
        db,
        code=code,
        kind=kind.value,
        store=store,
        model=model,
        gateway=gateway,
        secret_hash=secret_hash,
        at=at,
    )
    if device_id is None:
        return False
    if kind is DeviceKind.LABEL:
        await _HANG.run(db, code=code, store=store, gateway=gateway, model=model)
    return True


_SET_SECRET = statement(
    sa.update(Device)
    .where(col(Device.code) == param("of_code"))
    .values(secret_hash=param("secret_hash", sa.LargeBinary))
)
_SET_LIFECYCLE = statement(
    sa.update(Device)
    .where(col(Device.code) == param("of_code"))
    .values(lifecycle=param("lifecycle", sa.Text), asleep=sa.false())
)
_RETIRE = statement(
    sa.update(Device)
    .where(col(Device.code) == param("of_code"))
    .values(
        lifecycle=DeviceLifecycle.RETIRED,
        secret_hash=sa.null(),
        gateway=sa.null(),
        retired_for=param("reason", sa.Text),
    )
)
_CLAIM = statement(
    sa.update(Device)
    .where(col(Device.code) == param("of_code"))
    .values(epoch=col(Device.epoch) + 1, last_seen_at=param("at", _MOMENT))
    .returning(col(Device.epoch))
)
_SEEN = statement(
    sa.update(Device)
    .where(col(Device.code) == param("of_code"))
    .values(last_seen_at=sa.func.greatest(col(Device.last_seen_at), param("at", _MOMENT)))
)
_EPOCH = statement(
    sa.select(col(Device.epoch)).where(col(Device.code) == param("code")).with_for_update(read=True)
)
_ORPHANS = statement(
    sa.update(Label).where(col(Label.gateway) == param("of_gateway")).values(gateway=sa.null())
)


async def set_secret(db: Connection, code: str, secret_hash: bytes) -> None:
    """From now on the device is known by this secret and no other."""
    await _SET_SECRET.run(db, of_code=code, secret_hash=secret_hash)


async def set_lifecycle(db: Connection, code: str, lifecycle: DeviceLifecycle) -> None:
    """Moves a device that the transaction has locked."""
    await _SET_LIFECYCLE.run(db, of_code=code, lifecycle=lifecycle.value)


async def retire(db: Connection, code: str, reason: str) -> None:
    """Takes a device out of service for good; the labels of a gateway wait for another one."""
    await _RETIRE.run(db, of_code=code, reason=reason)
    await _ORPHANS.run(db, of_gateway=code)


async def claim(db: Connection, gateway: str, at: datetime) -> int:
    """The epoch that fences off everybody who claimed the gateway before."""
    return int(await _CLAIM.value(db, of_code=gateway, at=at))


async def seen(db: Connection, code: str, at: datetime) -> None:
    """Notes that a device was heard of."""
    await _SEEN.run(db, of_code=code, at=at)


async def epoch_held(db: Connection, gateway: str) -> int | None:
    """A gateway's epoch, which stays as it is until the transaction ends."""
    epoch: int | None = await _EPOCH.value(db, code=gateway)
    return epoch


_strangers = given("strangers", code=sa.Text)
_QUARANTINE = statement(
    insert(Device)
    .from_select(
        ["code", "kind", "store", "lifecycle", "last_seen_at"],
        sa.select(
            _strangers.c.code,
            sa.literal(DeviceKind.LABEL.value),
            param("store", sa.Text),
            sa.literal(DeviceLifecycle.QUARANTINED.value),
            param("at", _MOMENT),
        ).order_by(_strangers.c.code),
    )
    .on_conflict_do_nothing(index_elements=["code"])
)


async def quarantine(db: Connection, codes: Sequence[str], store: str, at: datetime) -> None:
    """Notes hardware that nobody registered, so that a person can; it takes part in nothing."""
    await _QUARANTINE.run(db, code=codes, store=store, at=at)
