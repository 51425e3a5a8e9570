"""Members sign in from a WeChat mini-program, or link it to the account they are signed in to."""

from __future__ import annotations

import strawberry

from domain.access import EVERYONE, MEMBERS
from domain.members import signing_in as rules
from domain.members.codes import member_key
from domain.members.consents import ConsentPurpose
from domain.members.providers import WECHAT
from domain.members.sight import Sight
from domain.refusals import RefusalCode, Refused
from persistence.members import reads as members_db
from resolvers.context import Context, Info
from resolvers.fields import mutation
from resolvers.members.arriving import Known, SignInPayload, arrive, link, must_be_channel, said_by
from resolvers.members.counting import count
from resolvers.members.member import Member
from resolvers.shapes import Payload, shape


@strawberry.input
class WechatSignInInput:
    code: str = strawberry.field(description="what wx.login answered")
    channel: str
    consents: list[ConsentPurpose] | None = strawberry.field(
        default=None, description="granted now; policyVersion then says to what text"
    )
    policy_version: str | None = None
    cart_id: strawberry.ID | None = strawberry.field(
        default=None, description="a visitor's cart to take over"
    )


@strawberry.input
class WechatLinkInput:
    code: str = strawberry.field(description="what wx.login answered")


@shape(MEMBERS)
class WechatLinkPayload(Payload):
    member: Member | None = None


@mutation(
    SignInPayload,
    EVERYONE,
    description="Sign in by the code of wx.login in the shop's mini-program; whoever is new becomes a "
    "member.",
)
async def wechat_sign_in(info: Info, input: WechatSignInInput) -> SignInPayload:
    context = info.context
    await must_be_channel(context, input.channel)
    said = said_by(input)
    known = await _known(context, input.code)
    async with context.house.database.transaction() as db:
        return await arrive(db, context, known, input, said)


@mutation(
    WechatLinkPayload,
    MEMBERS,
    description="Sign in by WeChat to this same account from now on; CONFLICT when another account does.",
)
async def wechat_link(info: Info, input: WechatLinkInput) -> WechatLinkPayload:
    context = info.context
    known = await _known(context, input.code)
    member_id = member_key(context.viewer.subject)
    async with context.house.database.transaction() as db:
        row = None if member_id is None else (await members_db.members_by_id(db, [member_id])).get(member_id)
        if row is None:
            raise Refused.because(
                RefusalCode.NOT_FOUND, en="There is no such member any more.", zh="该会员已不存在。"
            )
        if not await link(db, context, row.id, known):
            whose = await members_db.member_by_identity(db, known.provider, known.blind)
            if whose is None or whose.id != row.id:
                raise Refused.because(
                    RefusalCode.CONFLICT,
                    en="Another account signs in by this WeChat.",
                    zh="该微信已绑定其他账号。",
                    field=("input", "code"),
                )
    return WechatLinkPayload(member=Member.seen(row, Sight.OWN))


async def _known(context: Context, code: str) -> Known:
    """Whom WeChat knows by the code; refuses CODE_WRONG for one that proves nothing."""
    login = context.house.desk.wechat
    if login is None:
        raise rules.invalid("This shop has no mini-program.", "本店未开通小程序登录。", "code")
    await count(context, field="code")
    user = await login.user(code)
    if user is None:
        raise rules.code_wrong("code")
    # Of one owner's applications, all know the same person by the unionid.
    return Known.by(context, WECHAT, user.unionid or user.openid)
