"""Taking devices on, giving them secrets, letting them in with these, and taking them out of service."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Any

import strawberry

from domain.access import DEVICE_KEEPERS, EVERYONE, Principal, PrincipalKind
from domain.devices import IN_SERVICE, DeviceKind, DeviceLifecycle, unknown_device
from domain.labels import LABEL_MODELS
from domain.news import News
from domain.refusals import RefusalCode, Refused
from persistence import revocations
from persistence.labels import binding as binding_db
from persistence.labels import registry as registry_db
from persistence.labels.tables import Device as StoredDevice
from resolvers.context import Context, Info, Work
from resolvers.fields import mutation
from resolvers.labels.access import tends
from resolvers.labels.binding import released
from resolvers.labels.devices import Device
from resolvers.labels.labels import shape_of
from resolvers.shapes import Payload, shape

TOKEN_LIFETIME = timedelta(hours=12)
_LONGEST_CODE, _LONGEST_REASON = 64, 500
_CODE = ("input", "code")


@shape(DEVICE_KEEPERS)
class DeviceRegisterPayload(Payload):
    device: Device | None = None
    secret: str | None = strawberry.field(default=None, description="shown once")


@strawberry.input
class DeviceRegisterInput:
    idempotency_key: str
    code: str = strawberry.field(description="printed on the hardware: MAC or serial")
    kind: DeviceKind
    store: str
    model: str | None = strawberry.field(default=None, description="of a label: a code of labelModels")
    gateway: str | None = strawberry.field(default=None, description="of a label: the gateway that drives it")


@strawberry.input
class DeviceSecretRotateInput:
    idempotency_key: str
    code: str


@strawberry.input
class DeviceRetireInput:
    idempotency_key: str
    code: str
    reason: str


@strawberry.input
class DeviceSignInInput:
    code: str
    secret: str


@shape(EVERYONE)
class DeviceSignInPayload(Payload):
    access_token: str | None = None
    expires_at: datetime | None = None


def _secret(context: Context, code: str, nonce: str) -> str:
    """A device's secret: made from the house's own and a number that is kept with the first answer only."""
    digest = hmac.digest(context.house.hardware.secret, f"{code}\0{nonce}".encode(), "sha256")
    return f"sgd_{digest.hex()}"


def _hash(secret: str) -> bytes:
    # Of 256 bits by chance there is nothing to guess, so that one round is enough.
    return hashlib.sha256(secret.encode()).digest()


def _invalid(field: str, en: str, zh: str) -> Refused:
    return Refused.because(RefusalCode.INVALID_INPUT, en=en, zh=zh, field=("input", field))


# ------------------------------------------------------------------ deviceRegister


@mutation(
    DeviceRegisterPayload,
    DEVICE_KEEPERS,
    description="Take a device on; what was in quarantine under this code comes out of it. Its secret is in "
    "this answer and in no other.",
)
async def device_register(info: Info, input: DeviceRegisterInput) -> DeviceRegisterPayload:
    context = info.context

    async def act(work: Work) -> dict[str, Any]:
        await _must_be_registrable(context, work, input)
        nonce = secrets.token_hex(16)
        is_new = await registry_db.register(
            work.db,
            code=input.code,
            kind=input.kind,
            store=input.store,
            model=input.model,
            gateway=input.gateway,
            secret_hash=_hash(_secret(context, input.code, nonce)),
            at=work.now,
        )
        if not is_new:
            raise Refused.because(
                RefusalCode.CONFLICT,
                en=f"A device {input.code} is registered already.",
                zh=f"设备 {input.code} 已登记。",
                field=_CODE,
            )
        work.announce(News.of_device(input.code, "deviceRegister", store=input.store))
        return {"code": input.code, "nonce": nonce}

    done = await context.once("deviceRegister", input.idempotency_key, input, act)
    return await _told(context, done.answer)


async def _must_be_registrable(context: Context, work: Work, asked: DeviceRegisterInput) -> None:
    if not (1 <= len(asked.code) <= _LONGEST_CODE and asked.code.isprintable() and asked.code.strip()):
        raise _invalid(
            "code",
            f"A code has 1 to {_LONGEST_CODE} characters, as printed on the hardware.",
            f"设备编码须为 1 到 {_LONGEST_CODE} 个可打印字符。",
        )
    known = await context.house.directory.store(asked.store)
    if known is None or not tends(context.viewer, asked.store):
        raise Refused.because(
            RefusalCode.NOT_FOUND,
            en=f'There is no store "{asked.store}" that you work in.',
            zh=f"没有您任职的门店“{asked.store}”。",
            field=("input", "store"),
        )
    is_label = asked.kind is DeviceKind.LABEL
    if is_label and asked.model not in LABEL_MODELS:
        raise _invalid(
            "model", "A label has a model out of labelModels.", "价签须指定 labelModels 中的型号。"
        )
    if not is_label and (asked.gateway is not None or asked.model is not None):
        raise _invalid(
            "gateway" if asked.gateway is not None else "model",
            "Only a label has a model and a gateway.",
            "只有价签有型号和网关。",
        )
    if asked.gateway is not None:
        gateway = await registry_db.locked(work.db, asked.gateway)
        if (
            gateway is None
            or gateway.kind is not DeviceKind.GATEWAY
            or gateway.store != asked.store
            or gateway.lifecycle not in IN_SERVICE
        ):
            raise unknown_device(("input", "gateway"))


async def _told(context: Context, answer: dict[str, Any]) -> DeviceRegisterPayload:
    row = await context.loaders.device.load(answer["code"])
    nonce = answer.get("nonce")
    return DeviceRegisterPayload(
        device=None if row is None else shape_of(row),
        secret=None if nonce is None else _secret(context, answer["code"], nonce),
    )


# ------------------------------------------------------------------ deviceSecretRotate, deviceRetire


async def tended(context: Context, work: Work, code: str, field: tuple[str, ...] = _CODE) -> StoredDevice:
    """A device that the caller tends, locked; refuses DEVICE_UNKNOWN for any other."""
    row = await registry_db.locked(work.db, code)
    if row is None or not tends(context.viewer, row.store):
        raise unknown_device(field)
    return row


@mutation(
    DeviceRegisterPayload,
    DEVICE_KEEPERS,
    description="Give a device a new secret; the old one, and every token it was given, count no more.",
)
async def device_secret_rotate(info: Info, input: DeviceSecretRotateInput) -> DeviceRegisterPayload:
    context = info.context

    async def act(work: Work) -> dict[str, Any]:
        row = await tended(context, work, input.code)
        if row.lifecycle not in IN_SERVICE:
            raise unknown_device(_CODE)
        nonce = secrets.token_hex(16)
        await registry_db.set_secret(work.db, row.code, _hash(_secret(context, row.code, nonce)))
        await _sign_out(work, row, "deviceSecretRotate")
        return {"code": row.code, "nonce": nonce}

    done = await context.once("deviceSecretRotate", input.idempotency_key, input, act)
    return await _told(context, done.answer)


@mutation(
    DeviceRegisterPayload,
    DEVICE_KEEPERS,
    description="Take a device out of service for good. A label is unbound with it; the labels of a gateway "
    "wait for another one.",
)
async def device_retire(info: Info, input: DeviceRetireInput) -> DeviceRegisterPayload:
    context = info.context

    async def act(work: Work) -> dict[str, Any]:
        if not 1 <= len(input.reason.strip()) <= _LONGEST_REASON:
            raise _invalid(
                "reason",
                f"A reason has 1 to {_LONGEST_REASON} characters.",
                f"原因须为 1 到 {_LONGEST_REASON} 个字符。",
            )
        row = await tended(context, work, input.code)
        if row.lifecycle is DeviceLifecycle.RETIRED:
            raise unknown_device(_CODE)
        if row.kind is DeviceKind.LABEL:
            label = (await binding_db.lock_labels(work.db, [row.code])).get(row.code)
            if label is not None and label.sku is not None:
                await binding_db.unbind(work.db, label, by=str(context.viewer), at=work.now)
                work.announce(*released(label, "deviceRetire"))
        await registry_db.retire(work.db, row.code, input.reason.strip())
        await _sign_out(work, row, "deviceRetire")
        work.announce(News.of_device(row.code, "deviceRetire", store=row.store))
        return {"code": row.code}

    done = await context.once("deviceRetire", input.idempotency_key, input, act)
    return await _told(context, done.answer)


def principal_of(row: StoredDevice) -> Principal:
    """Who a device is once it has signed in: bound to its store."""
    return Principal(PrincipalKind.DEVICE, row.code, store=row.store)


async def _sign_out(work: Work, row: StoredDevice, cause: str) -> None:
    name = revocations.principal_name(principal_of(row))
    kept_until = work.now + 2 * TOKEN_LIFETIME
    work.announce(
        await revocations.revoke(work.db, name, issued_until=work.now, kept_until=kept_until, cause=cause)
    )


# ------------------------------------------------------------------ deviceSignIn


@mutation(
    DeviceSignInPayload,
    EVERYONE,
    description="A token for a device that shows its secret, bound to it and to its store. DEVICE_UNKNOWN "
    "for a wrong secret as for no such device.",
)
async def device_sign_in(info: Info, input: DeviceSignInInput) -> DeviceSignInPayload:
    context = info.context
    row = await context.loaders.device.load(input.code)
    known = row.secret_hash if row is not None and row.lifecycle in IN_SERVICE else None
    # The comparison takes as long whether the device is there or not.
    if not hmac.compare_digest(known or bytes(32), _hash(input.secret)) or row is None or known is None:
        raise unknown_device(_CODE)
    now = context.house.clock()
    token = context.house.hardware.issue(principal_of(row), now, TOKEN_LIFETIME)
    async with context.house.database.connection() as db:
        await registry_db.seen(db, row.code, now)
    return DeviceSignInPayload(access_token=token, expires_at=now + TOKEN_LIFETIME)
