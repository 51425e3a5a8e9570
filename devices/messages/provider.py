"""Text messages by a provider: one signed call to an address, which any of them can be put behind."""

from __future__ import annotations

import hashlib
import hmac

import httpx2
import orjson

from devices.messages.wording import code_message
from domain.refusals import RequestCode, RequestError, Text

_SECONDS = 5.0
_FAILED = 300


class NoMessages:
    """Where no provider was named: nobody is sent a code."""

    async def send(self, phone: str, code: str, locale: str) -> None:
        """Raises UNAVAILABLE."""
        raise _unavailable()


class PostedMessages:
    """Hands messages to an address: JSON of phone, text and code, signed by `X-Signature`."""

    def __init__(self, address: str, secret: bytes) -> None:
        self._address = address
        self._secret = secret

    async def send(self, phone: str, code: str, locale: str) -> None:
        """The message, taken by the provider. Raises UNAVAILABLE."""
        text = code_message(code).in_language(locale)
        body = orjson.dumps({"phone": phone, "text": text, "code": code})
        headers = {
            "content-type": "application/json",
            "x-signature": hmac.new(self._secret, body, hashlib.sha256).hexdigest(),
        }
        try:
            # A message is sent once: two attempts might be two messages.
            async with httpx2.AsyncClient(timeout=_SECONDS) as client:
                answer = await client.post(self._address, content=body, headers=headers)
        except httpx2.HTTPError as error:
            raise _unavailable() from error
        if answer.status_code >= _FAILED:
            raise _unavailable()


def _unavailable() -> RequestError:
    return RequestError(
        RequestCode.UNAVAILABLE,
        Text(
            en="Text messages cannot be sent right now; please try again shortly.",
            zh="短信暂时无法发送，请稍后重试。",
        ),
        retry_after_seconds=30,
    )
