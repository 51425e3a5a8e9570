"""Taking partners on, changing what they were granted, and giving, replacing and revoking their keys."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import strawberry

from domain.access import ADMINS, PARTNER_READERS, PartnerScope
from domain.news import News, Topic
from domain.partners import CODE, LARGEST_BUDGET, LONGEST_GRACE, NewKey, networks_of, new_key, retired_at
from domain.refusals import Refusal, RefusalCode, Refused, Text
from persistence.partners import book
from persistence.partners import tables as stored
from persistence.partners.book import Terms
from resolvers.context import Context, Info, Work
from resolvers.fields import mutation
from resolvers.partners.partner import Partner
from resolvers.shapes import Payload, shape

_LONGEST_NAME = 200
_MOST_ENTRIES = 200
_GRACE_SECONDS = 86_400

Act = Callable[[Work], Awaitable[dict[str, Any]]]


@shape(PARTNER_READERS)
class PartnerPayload(Payload):
    partner: Partner | None = None


@shape(PARTNER_READERS)
class _KeyPayload(Payload):
    partner: Partner | None = None
    api_key: str | None = strawberry.field(
        default=None, description="shown once: to whoever repeats the request within a day, and never again"
    )


@shape(PARTNER_READERS)
class PartnerCreatePayload(_KeyPayload):
    """A new partner with its first key."""


@shape(PARTNER_READERS)
class ApiKeyRotatePayload(_KeyPayload):
    """A partner with its new key."""


# ------------------------------------------------------------------ partnerCreate


@strawberry.input
class PartnerCreateInput:
    idempotency_key: str
    code: str = strawberry.field(description="2 to 63 of a-z, 0-9 and -")
    name: str
    channels: list[str] = strawberry.field(description="the only channels there will be for it; 1 or more")
    scopes: list[PartnerScope]
    budget_per_minute: int = strawberry.field(description="cost points a minute")
    masked_fields: list[str] | None = strawberry.field(
        default=None, description="fields, as Type.field, that it may not select"
    )
    networks: list[str] | None = strawberry.field(
        default=None, description="addresses and networks it may call from; left out: from everywhere"
    )
    key_expires_at: datetime | None = None


@mutation(
    PartnerCreatePayload, ADMINS, description="Take a partner on, with a first key. For administrators."
)
async def partner_create(info: Info, input: PartnerCreateInput) -> PartnerCreatePayload:
    context = info.context
    terms = Terms(
        input.name.strip(),
        sorted(set(input.channels)),
        sorted({scope.value for scope in input.scopes}),
        input.budget_per_minute,
        sorted(set(input.masked_fields or ())),
        sorted(set(input.networks or ())),
        active=True,
    )

    async def act(work: Work) -> dict[str, Any]:
        problems = await _problems(info, terms)
        if not CODE.fullmatch(input.code):
            problems.append(
                _invalid("code", "A code is 2 to 63 of a-z, 0-9 and -.", "代码为 2 至 63 位 a-z、0-9 和 -。")
            )
        if input.key_expires_at is not None and input.key_expires_at <= work.now:
            problems.append(_invalid("keyExpiresAt", "A key expires later than now.", "密钥须在将来过期。"))
        if problems:
            raise Refused(*problems)
        if await book.create(work.db, input.code, terms) is None:
            raise Refused.because(
                RefusalCode.CONFLICT,
                en=f'There is a partner "{input.code}" already.',
                zh=f"已有合作方“{input.code}”。",
                field=("input", "code"),
            )
        key = new_key(context.house.partners.pepper, secrets.token_bytes)
        await book.add_key(work.db, input.code, key, now=work.now, expires_at=input.key_expires_at)
        return _sealed(context, input.code, key)

    partner, key = await _keyed(context, "partnerCreate", input.idempotency_key, input, act)
    return PartnerCreatePayload(partner=partner, api_key=key)


# ------------------------------------------------------------------ partnerSet


@strawberry.input(description="What is left out stays as it is.")
class PartnerSetInput:
    idempotency_key: str
    partner: str
    name: str | None = None
    channels: list[str] | None = None
    scopes: list[PartnerScope] | None = None
    budget_per_minute: int | None = None
    masked_fields: list[str] | None = None
    networks: list[str] | None = None
    active: bool | None = strawberry.field(default=None, description="false refuses all its keys")


@mutation(
    PartnerPayload,
    ADMINS,
    description="Change what a partner is granted; it counts everywhere within a second. For administrators.",
)
async def partner_set(info: Info, input: PartnerSetInput) -> PartnerPayload:
    context = info.context

    async def act(work: Work) -> dict[str, Any]:
        terms = _changed(await _locked(work, input.partner), input)
        problems = await _problems(info, terms)
        if problems:
            raise Refused(*problems)
        await book.change(work.db, input.partner, terms)
        work.announce(News(Topic.PARTNER, "partnerSet", sku=input.partner))
        return {"partner": input.partner}

    done = await context.once("partnerSet", input.idempotency_key, input, act)
    return PartnerPayload(partner=await _partner(context, done.answer["partner"]))


def _changed(row: stored.Partner, input: PartnerSetInput) -> Terms:
    def chosen(given: list[str] | None, now: list[str]) -> list[str]:
        return now if given is None else sorted(set(given))

    return Terms(
        row.name if input.name is None else input.name.strip(),
        chosen(input.channels, row.channels),
        row.scopes if input.scopes is None else sorted({scope.value for scope in input.scopes}),
        row.budget_per_minute if input.budget_per_minute is None else input.budget_per_minute,
        chosen(input.masked_fields, row.masked_fields),
        chosen(input.networks, row.networks),
        row.active if input.active is None else input.active,
    )


# ------------------------------------------------------------------ keys


@strawberry.input
class ApiKeyRotateInput:
    idempotency_key: str
    partner: str
    grace_seconds: int = strawberry.field(
        default=_GRACE_SECONDS,
        description="the old key works this long still; 0 revokes it at once; 30 days at most",
    )
    expires_at: datetime | None = strawberry.field(default=None, description="when the new key expires")


@mutation(
    ApiKeyRotatePayload,
    ADMINS,
    description="Give a partner a new key; its old ones go on working for the grace. For administrators.",
)
async def api_key_rotate(info: Info, input: ApiKeyRotateInput) -> ApiKeyRotatePayload:
    context = info.context
    grace = timedelta(seconds=input.grace_seconds)

    async def act(work: Work) -> dict[str, Any]:
        if not timedelta() <= grace <= LONGEST_GRACE:
            longest = int(LONGEST_GRACE.total_seconds())
            raise Refused(
                _invalid(
                    "graceSeconds", f"A grace is 0 to {longest} seconds.", f"宽限期为 0 至 {longest} 秒。"
                )
            )
        if input.expires_at is not None and input.expires_at <= work.now:
            raise Refused(_invalid("expiresAt", "A key expires later than now.", "密钥须在将来过期。"))
        await _locked(work, input.partner)
        key = new_key(context.house.partners.pepper, secrets.token_bytes)
        until = retired_at(None, now=work.now, grace=grace)
        await book.retire_keys(work.db, input.partner, now=work.now, until=until)
        await book.add_key(work.db, input.partner, key, now=work.now, expires_at=input.expires_at)
        work.announce(News(Topic.PARTNER, "apiKeyRotate", sku=input.partner))
        return _sealed(context, input.partner, key)

    partner, key = await _keyed(context, "apiKeyRotate", input.idempotency_key, input, act)
    return ApiKeyRotatePayload(partner=partner, api_key=key)


@strawberry.input
class ApiKeyRevokeInput:
    idempotency_key: str
    partner: str
    prefix: str


@mutation(
    PartnerPayload,
    ADMINS,
    description="End one key of a partner at once: it is refused everywhere and its streams end, within a "
    "second. For administrators.",
)
async def api_key_revoke(info: Info, input: ApiKeyRevokeInput) -> PartnerPayload:
    context = info.context

    async def act(work: Work) -> dict[str, Any]:
        await _locked(work, input.partner)
        if not await book.revoke_key(work.db, input.partner, input.prefix, now=work.now):
            raise Refused.because(
                RefusalCode.NOT_FOUND,
                en=f'No key "{input.prefix}" of this partner counts.',
                zh=f"该合作方没有有效密钥“{input.prefix}”。",
                field=("input", "prefix"),
            )
        work.announce(News(Topic.PARTNER, "apiKeyRevoke", sku=input.partner))
        return {"partner": input.partner}

    done = await context.once("apiKeyRevoke", input.idempotency_key, input, act)
    return PartnerPayload(partner=await _partner(context, done.answer["partner"]))


# ------------------------------------------------------------------ what they share


def _sealed(context: Context, partner: str, key: NewKey) -> dict[str, Any]:
    return {"partner": partner, "key": context.house.vault.seal(key.key, partner.encode()).hex()}


async def _keyed(
    context: Context, name: str, idempotency_key: str, input: object, act: Act
) -> tuple[Partner | None, str | None]:
    """The partner and its new key, also when the request was made before."""
    done = await context.once(name, idempotency_key, input, act)
    code = done.answer["partner"]
    key = context.house.vault.open(bytes.fromhex(done.answer["key"]), code.encode())
    return await _partner(context, code), key


async def _partner(context: Context, code: str) -> Partner | None:
    row = await context.loaders.partner_by_code.load(code)
    return None if row is None else Partner.of(row)


async def _locked(work: Work, code: str) -> stored.Partner:
    row = await book.locked(work.db, code)
    if row is None:
        raise no_such_partner(code)
    return row


def no_such_partner(code: str) -> Refused:
    """NOT_FOUND for the partner a mutation names."""
    return Refused.because(
        RefusalCode.NOT_FOUND,
        en=f'There is no partner "{code}".',
        zh=f"没有合作方“{code}”。",
        field=("input", "partner"),
    )


async def _problems(info: Info, terms: Terms) -> list[Refusal]:
    """What is wrong with the terms, one refusal for each entry that cannot be."""
    problems: list[Refusal] = []
    if not 1 <= len(terms.name) <= _LONGEST_NAME:
        problems.append(
            _invalid(
                "name", f"A name has 1 to {_LONGEST_NAME} characters.", f"名称为 1 至 {_LONGEST_NAME} 字。"
            )
        )
    if not 1 <= terms.budget_per_minute <= LARGEST_BUDGET:
        problems.append(
            _invalid(
                "budgetPerMinute",
                f"A budget is 1 to {LARGEST_BUDGET} points a minute.",
                f"每分钟预算为 1 至 {LARGEST_BUDGET} 点。",
            )
        )
    if not terms.channels:
        problems.append(_invalid("channels", "Name at least one channel.", "请至少指定一个渠道。"))
    unknown = (
        (
            "channels",
            "channel",
            "渠道",
            terms.channels,
            [await _is_channel(info, one) for one in terms.channels],
        ),
        (
            "maskedFields",
            "field",
            "字段",
            terms.masked_fields,
            [_is_field(info, one) for one in terms.masked_fields],
        ),
        ("networks", "network", "网段", terms.networks, list(map(_is_network, terms.networks))),
    )
    for field, en, zh, entries, known in unknown:
        if len(entries) > _MOST_ENTRIES:
            problems.append(
                _invalid(field, f"At most {_MOST_ENTRIES} of these.", f"最多 {_MOST_ENTRIES} 项。")
            )
        problems += [
            _invalid(field, f'There is no {en} "{entry}".', f"没有{zh}“{entry}”。")
            for entry, is_known in zip(entries, known, strict=True)
            if not is_known
        ]
    return problems


async def _is_channel(info: Info, code: str) -> bool:
    return await info.context.house.directory.channel(code) is not None


def _is_network(text: str) -> bool:
    try:
        networks_of([text])
    except ValueError:
        return False
    return True


def _is_field(info: Info, coordinate: str) -> bool:
    type_name, _, field_name = coordinate.partition(".")
    kind = info.schema._schema.type_map.get(type_name)
    return field_name in getattr(kind, "fields", {})


def _invalid(field: str, en: str, zh: str) -> Refusal:
    return Refusal(RefusalCode.INVALID_INPUT, Text(en, zh), ("input", field))
