"""The payment providers of a process, built from its settings, and what they are reached by."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devices.payments.counter import AtTheCounter
from devices.payments.sandbox import Sandbox
from domain.orders.settlement import Verdict
from domain.payments import NotGenuine, PaymentProvider, Unreadable
from domain.refusals import Text
from graph.settings import Settings
from persistence.database import Database
from resolvers.house import House, Tills
from resolvers.orders import settling

_LARGEST_NOTICE = 64 * 1024
_LOOK_SECONDS = 0.5
_UNKNOWN = Text(en="NOT_FOUND: no such payment", zh="没有此付款")
_MISMATCH = Text(en="PAYMENT_AMOUNT_MISMATCH: another amount was asked for", zh="金额与应付不符")


class _Remote(PaymentProvider, Protocol):
    """A provider that holds something open until it is stopped."""

    async def stop(self) -> None: ...


class TillRoom:
    """The providers of one process; `house` is set once there is one, before any of them notifies."""

    house: House

    def __init__(self, settings: Settings, order_secret: bytes, clock: Callable[[], datetime]) -> None:
        self.sandbox = Sandbox(
            settings.sandbox_secret.get_secret_value().encode(),
            f"{settings.base_url}{webhook_path('sandbox')}",
            clock,
            lambda headers, body: self.take("sandbox", headers, body),
        )
        self._remote: list[_Remote] = [self.sandbox, *_online(settings, clock)]
        counter = [AtTheCounter("cash"), AtTheCounter("card_terminal")]
        providers: list[PaymentProvider] = [*self._remote, *counter]
        self.tills = Tills(
            providers={provider.code: provider for provider in providers},
            hold=timedelta(seconds=settings.payment_hold_seconds),
            secret=order_secret,
        )

    async def stop(self) -> None:
        """Lets go of what providers hold open; nothing is asked of them any more."""
        for provider in self._remote:
            await provider.stop()

    async def take(self, code: str, headers: Mapping[str, str], body: bytes) -> Response:
        """The answer to a provider's notice, once what it says is committed."""
        provider = self.tills.providers.get(code)
        if provider is None:
            return JSONResponse({"error": "NOT_FOUND"}, status_code=404)
        try:
            notice = provider.read_notice(headers, body)
        except Unreadable:
            return JSONResponse({"error": "INVALID_INPUT"}, status_code=400)
        except NotGenuine:
            return JSONResponse({"error": "UNAUTHENTICATED"}, status_code=401)
        found = await settling.heard(self.house, code, notice)
        if found is None:
            reply = provider.reply(_UNKNOWN)
        else:
            reply = provider.reply(_MISMATCH if found is Verdict.MISMATCH else None)
        return Response(reply.body, reply.status, media_type=reply.content_type)

    async def mind(self) -> None:
        """Ends orders that nobody paid in time, and asks providers that keep silent; looks twice a second.

        On connections of its own: it never makes a request wait for one.
        """
        async with Database(self.house.database.dsn, size=2) as database:
            house = replace(self.house, database=database)
            while True:
                if await settling.expire(house) + await settling.ask(house) == 0:
                    await asyncio.sleep(_LOOK_SECONDS)

    def route(self) -> Route:
        """Where providers call: POST /webhooks/payments/{provider}."""

        async def notified(request: Request) -> Response:
            body = await _body(request)
            if body is None:
                return JSONResponse({"error": "TOO_LARGE"}, status_code=413)
            return await self.take(request.path_params["provider"], dict(request.headers), body)

        return Route(webhook_path("{provider}"), notified, methods=["POST"])


def _online(settings: Settings, clock: Callable[[], datetime]) -> Sequence[_Remote]:
    """The providers that are called over the network, where the settings name a merchant."""
    if settings.wechat_pay_merchant_id is None and settings.alipay_app_id is None:
        return []
    # The HTTP client takes a tenth of a second to load: only who needs it waits for it.
    from graph.online_payments import online_providers

    return online_providers(settings, lambda code: f"{settings.base_url}{webhook_path(code)}", clock)


def webhook_path(provider: str) -> str:
    """The path of a provider's webhook."""
    return f"/webhooks/payments/{provider}"


async def _body(request: Request) -> bytes | None:
    """The body of a call, None when it is larger than any notice."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > _LARGEST_NOTICE:
                return None
    except ClientDisconnect:
        return None
    return bytes(body)
