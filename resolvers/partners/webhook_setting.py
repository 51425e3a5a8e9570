"""Setting up webhooks, changing them, and telling them again."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import strawberry

from domain.access import ADMINS, PARTNER_READERS
from domain.news import Cursor
from domain.refusals import RefusalCode, Refused
from domain.webhooks import WebhookTopic, new_secret
from persistence.database import Connection
from persistence.news import outbox
from persistence.partners import book, tables
from persistence.partners import webhooks as webhooks_db
from resolvers.context import Context, Info, Work
from resolvers.fields import mutation
from resolvers.partners.setting import no_such_partner
from resolvers.partners.webhooks import Webhook
from resolvers.scalars import EventCursor
from resolvers.shapes import Payload, parse_global_id, shape

_LONGEST_URL = 2_000
_SECRET = b"webhook"
_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")


@shape(PARTNER_READERS)
class WebhookPayload(Payload):
    webhook: Webhook | None = None


@shape(PARTNER_READERS)
class WebhookCreatePayload(Payload):
    webhook: Webhook | None = None
    secret: str | None = strawberry.field(
        default=None, description="whsec_…, shown once: to whoever repeats the request within a day"
    )


@strawberry.input
class WebhookCreateInput:
    idempotency_key: str
    partner: str
    url: str = strawberry.field(description="https, or http to this machine itself")
    topics: list[WebhookTopic] = strawberry.field(description="1 or more")


@mutation(
    WebhookCreatePayload,
    ADMINS,
    description="Tell a partner news at an address from now on, signed by the Standard Webhooks convention. "
    "For administrators.",
)
async def webhook_create(info: Info, input: WebhookCreateInput) -> WebhookCreatePayload:
    context = info.context
    vault = context.house.vault

    async def act(work: Work) -> dict[str, Any]:
        _must_be_told(input.url, input.topics)
        if await book.locked(work.db, input.partner) is None:
            raise no_such_partner(input.partner)
        secret = new_secret(secrets.token_bytes)
        id_ = await webhooks_db.create(
            work.db,
            input.partner,
            url=input.url,
            topics=_texts(input.topics),
            secret=vault.seal(secret, _SECRET),
            after=await outbox.head(work.db),
        )
        return {"webhook": str(id_), "secret": vault.seal(secret, id_.bytes).hex()}

    done = await context.once("webhookCreate", input.idempotency_key, input, act)
    id_ = UUID(done.answer["webhook"])
    secret = vault.open(bytes.fromhex(done.answer["secret"]), id_.bytes)
    return WebhookCreatePayload(webhook=await _webhook(context, id_), secret=secret)


@strawberry.input(description="What is left out stays as it is.")
class WebhookSetInput:
    idempotency_key: str
    webhook: strawberry.ID
    url: str | None = None
    topics: list[WebhookTopic] | None = None
    active: bool | None = strawberry.field(
        default=None, description="false holds it back; what happens meanwhile is told once it is true again"
    )


@mutation(
    WebhookPayload,
    ADMINS,
    description="Change a webhook, and have one that was left alone tried at once. For administrators.",
)
async def webhook_set(info: Info, input: WebhookSetInput) -> WebhookPayload:
    context = info.context

    async def act(work: Work) -> dict[str, Any]:
        row = await _known(work.db, input.webhook)
        url = row.url if input.url is None else input.url
        topics = [WebhookTopic(one) for one in row.topics] if input.topics is None else input.topics
        _must_be_told(url, topics)
        active = row.active if input.active is None else input.active
        await webhooks_db.change(work.db, row.id, url=url, topics=_texts(topics), active=active)
        return {"webhook": str(row.id)}

    done = await context.once("webhookSet", input.idempotency_key, input, act)
    return WebhookPayload(webhook=await _webhook(context, UUID(done.answer["webhook"])))


@strawberry.input
class WebhookReplayInput:
    idempotency_key: str
    webhook: strawberry.ID
    after: EventCursor = strawberry.field(
        description="what came after it is told again, as far as it is kept"
    )


@mutation(WebhookPayload, ADMINS, description="Tell a webhook again what it was told. For administrators.")
async def webhook_replay(info: Info, input: WebhookReplayInput) -> WebhookPayload:
    context = info.context
    after = Cursor.parse(input.after)

    async def act(work: Work) -> dict[str, Any]:
        row = await _known(work.db, input.webhook)
        head = await outbox.head(work.db)
        if after is None or after.epoch != head.epoch or after > head:
            raise Refused.because(
                RefusalCode.INVALID_INPUT,
                en="after is no cursor of the news as it stands.",
                zh="after 不是当前消息序列的游标。",
                field=("input", "after"),
            )
        await webhooks_db.replay(work.db, row.id, after)
        return {"webhook": str(row.id)}

    done = await context.once("webhookReplay", input.idempotency_key, input, act)
    return WebhookPayload(webhook=await _webhook(context, UUID(done.answer["webhook"])))


def _must_be_told(url: str, topics: list[WebhookTopic]) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and host in _THIS_MACHINE)
    if host is None or not is_safe or parts.username or len(url) > _LONGEST_URL:
        raise Refused.because(
            RefusalCode.INVALID_INPUT,
            en="A webhook has an https address, without a password in it.",
            zh="webhook 地址须为 https，且不含密码。",
            field=("input", "url"),
        )
    if not topics:
        raise Refused.because(
            RefusalCode.INVALID_INPUT,
            en="Name at least one topic.",
            zh="请至少指定一个主题。",
            field=("input", "topics"),
        )


def _texts(topics: list[WebhookTopic]) -> list[str]:
    return sorted({topic.value for topic in topics})


async def _known(db: Connection, global_id: str) -> tables.Webhook:
    parsed = parse_global_id(global_id)
    found = None
    if parsed is not None and parsed[0] == Webhook.tag:
        found = (await webhooks_db.webhooks_by_id(db, [parsed[1]])).get(parsed[1])
    if found is None:
        raise Refused.because(
            RefusalCode.NOT_FOUND,
            en="There is no such webhook.",
            zh="没有此 webhook。",
            field=("input", "webhook"),
        )
    return found


async def _webhook(context: Context, id_: UUID) -> Webhook | None:
    async with context.house.database.connection() as db:
        row = (await webhooks_db.webhooks_by_id(db, [id_])).get(id_)
    return None if row is None else Webhook.of(row)
