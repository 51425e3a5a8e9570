"""The front desk of a process, built from its settings."""

from __future__ import annotations

from datetime import timedelta

from devices.messages.printed import PrintedMessages
from domain.members.providers import WeChatLogin
from domain.members.signing_in import Allowance, CodeSender
from graph.settings import Environment, Settings
from graph.tokens import Tokens
from resolvers.members.desk import FrontDesk

_CLIENTS_COUNTED = timedelta(minutes=10)


def front_desk(settings: Settings, tokens: Tokens) -> FrontDesk:
    """How this process signs people in."""
    return FrontDesk(
        issuer=tokens,
        sender=_sender(settings),
        tells_codes=settings.env is not Environment.PRODUCTION,
        access=timedelta(seconds=settings.access_token_seconds),
        refresh=timedelta(days=settings.refresh_token_days),
        wechat=_wechat(settings),
        per_client=Allowance(settings.sign_ins_per_client, _CLIENTS_COUNTED),
    )


def _wechat(settings: Settings) -> WeChatLogin | None:
    if settings.wechat_mini_program_app_id is None or settings.wechat_mini_program_secret is None:
        return None
    from devices.wechat_login import MiniProgram

    return MiniProgram(
        settings.wechat_url,
        settings.wechat_mini_program_app_id,
        settings.wechat_mini_program_secret.get_secret_value(),
    )


def _sender(settings: Settings) -> CodeSender:
    if settings.sms_url is None and settings.env is not Environment.PRODUCTION:
        return PrintedMessages()
    # The HTTP client takes a tenth of a second to load: only who needs it waits for it.
    from devices.messages.provider import NoMessages, PostedMessages

    if settings.sms_url is None or settings.sms_secret is None:
        return NoMessages()
    return PostedMessages(settings.sms_url, settings.sms_secret.get_secret_value().encode())
