"""What members decide about their data: consents, a name, and to be forgotten."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry

from domain.access import MEMBERS, Principal, PrincipalKind
from domain.members import signing_in as rules
from domain.members.codes import member_key
from domain.members.consents import ConsentPurpose
from domain.members.sight import Sight
from domain.refusals import RefusalCode, Refused
from persistence.members import erasing
from persistence.members import writes as member_writes
from persistence.members.writes import Said
from resolvers.context import Context, Info, Work
from resolvers.fields import mutation
from resolvers.members import desk
from resolvers.members.arriving import must_be_channel
from resolvers.members.member import Member
from resolvers.shapes import Payload, shape

_LONGEST_NAME = 100


@strawberry.input
class ConsentSetInput:
    purpose: ConsentPurpose
    granted: bool
    policy_version: str
    channel: str


@strawberry.input
class MemberNameSetInput:
    name: str | None = strawberry.field(default=None, description="null takes it away")


@strawberry.input
class MemberEraseInput:
    idempotency_key: str


@shape(MEMBERS)
class ConsentSetPayload(Payload):
    member: Member | None = None


@shape(MEMBERS)
class MemberNameSetPayload(Payload):
    member: Member | None = None


@shape(MEMBERS)
class MemberErasePayload(Payload):
    erased_at: datetime | None = None


@mutation(
    ConsentSetPayload,
    MEMBERS,
    description="Grant or withdraw one purpose; it counts at once. What was said before stays written.",
)
async def consent_set(info: Info, input: ConsentSetInput) -> ConsentSetPayload:
    context = info.context
    if not rules.signs(input.policy_version, rules.LONGEST_POLICY_VERSION):
        raise rules.invalid(
            "Say to which text the consent is given.", "请注明所同意的条款版本。", "policyVersion"
        )
    await must_be_channel(context, input.channel)
    member_id = await _myself(context)
    async with context.house.database.connection() as db:
        await member_writes.consent(
            db,
            member_id,
            [Said(input.purpose, input.granted)],
            policy_version=input.policy_version,
            channel=input.channel,
            now=context.now,
        )
    return ConsentSetPayload(member=await _as_is(context, member_id))


@mutation(MemberNameSetPayload, MEMBERS, description="Say how to be called, or take the name away.")
async def member_name_set(info: Info, input: MemberNameSetInput) -> MemberNameSetPayload:
    context = info.context
    name = None if input.name is None else input.name.strip()
    if name is not None and not rules.signs(name, _LONGEST_NAME):
        raise rules.invalid(
            f"A name has 1 to {_LONGEST_NAME} characters.", f"姓名须为 1 到 {_LONGEST_NAME} 个字符。", "name"
        )
    member_id = await _myself(context)
    sealed = None if name is None else context.house.vault.seal(name, member_id.bytes)
    async with context.house.database.connection() as db:
        await member_writes.set_name(db, member_id, sealed)
    return MemberNameSetPayload(member=await _as_is(context, member_id))


@mutation(
    MemberErasePayload,
    MEMBERS,
    description="Be forgotten: phone, name, identities, addresses and carts are removed and every sign-in "
    "ends; orders and ledgers stay, and name nobody. Refused while an order is under way.",
)
async def member_erase(info: Info, input: MemberEraseInput) -> MemberErasePayload:
    context = info.context
    member_id = await _myself(context)

    async def act(work: Work) -> dict[str, Any]:
        if not await erasing.lock_member(work.db, member_id):
            raise gone()
        if await erasing.open_orders(work.db, member_id, work.now):
            raise Refused.because(
                RefusalCode.ORDER_STATE_FORBIDS,
                en="An order of yours is still under way; cancel it, or wait until it is done.",
                zh="您还有进行中的订单，请先取消或等待完成。",
            )
        await erasing.erase(work.db, member_id, work.now)
        myself = Principal(PrincipalKind.MEMBER, str(member_id))
        await desk.revoke_all_of(work.db, myself, work.now, "memberErase")
        return {"at": work.now.isoformat()}

    done = await context.once("memberErase", input.idempotency_key, input, act)
    context.house.hub.nudge()
    await context.house.desk.revoked()
    return MemberErasePayload(erased_at=datetime.fromisoformat(done.answer["at"]))


async def _myself(context: Context) -> UUID:
    """The id of the member who asks; refuses NOT_FOUND for one who is not there any more."""
    member_id = member_key(context.viewer.subject)
    if member_id is None or await context.loaders.member.load(member_id) is None:
        raise gone()
    return member_id


def gone() -> Refused:
    """What whoever has no account any more hears."""
    return Refused.because(
        RefusalCode.NOT_FOUND, en="There is no such member any more.", zh="该会员已不存在。"
    )


async def _as_is(context: Context, member_id: UUID) -> Member | None:
    context.loaders.member.clear(member_id)
    context.loaders.consents_of_member.clear(member_id)
    row = await context.loaders.member.load(member_id)
    return None if row is None else Member.seen(row, Sight.OWN)
