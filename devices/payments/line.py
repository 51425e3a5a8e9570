"""The line to a provider: every call ends in time, and is repeated while nobody answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpx2
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from domain.payments import ProviderAway

_ATTEMPTS = 3
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 1.0
_BUSY = 429
_FAILING = 500

# They write down the address of every call, which with Alipay is signed and complete, and every header.
for _name in ("httpx2", "httpcore2"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: header names in lower case, the body as it was sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Line:
    """Calls to one address, over connections that are kept.

    An attempt has `seconds`, all attempts of a call twice as many. Only calls that may be repeated belong on
    it: whoever was not answered does not know whether he was heard.
    """

    def __init__(self, address: str, *, seconds: float) -> None:
        self._address = address.rstrip("/")
        self._seconds = seconds
        self._client = httpx2.AsyncClient(timeout=seconds)

    async def ask(
        self, method: str, path: str, *, body: bytes = b"", headers: Callable[[], Mapping[str, str]]
    ) -> Answer:
        """An answer, good or bad; raises ProviderAway when there was none in time, or only apologies.

        `headers` is asked for each attempt: a signature with its moment is good once.
        """
        attempts = AsyncRetrying(
            retry=retry_if_exception_type((httpx2.HTTPError, ProviderAway)),
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_random_exponential(multiplier=_FIRST_PAUSE_SECONDS, max=_LONGEST_PAUSE_SECONDS),
            reraise=True,
        )
        try:
            async with asyncio.timeout(2 * self._seconds):
                return await attempts(self._once, method, path, body, headers)
        except (httpx2.HTTPError, TimeoutError) as error:
            raise ProviderAway(f"{type(error).__name__} of {self._address}") from error

    async def _once(
        self, method: str, path: str, body: bytes, headers: Callable[[], Mapping[str, str]]
    ) -> Answer:
        response = await self._client.request(
            method, self._address + path, content=body, headers=dict(headers())
        )
        if response.status_code == _BUSY or response.status_code >= _FAILING:
            raise ProviderAway(f"{response.status_code} of {self._address}")
        return Answer(response.status_code, response.headers, response.content)

    async def stop(self) -> None:
        """Lets the connections go."""
        await self._client.aclose()
