"""From whoever knocks to the context that resolvers see: token, language and clock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from domain.access import VISITOR, Principal, PrincipalKind
from domain.locales import preferred
from domain.partners import KEY_MARK
from domain.refusals import RequestCode, RequestError, Text
from graph.door.caller import Caller, Standing, TokenExpired
from graph.newcomers import Newcomers
from graph.partners.keys import KeyRing, WithKey
from graph.revoked import RevokedTokens, names_of
from graph.tokens import SignedIn, TokenRefused, Tokens
from resolvers.context import Context
from resolvers.house import House

_SCHEME = "bearer "


@dataclass(slots=True)
class SignedContext(Context):
    """A context that knows with which token it was opened."""

    standing: SignedIn | WithKey | None = None
    client: str | None = None

    def for_everyone(self) -> Self:
        """The same for all who share this view; each of them has an end of their own."""
        # Not super(): a dataclass with slots is another class than the one this body closes over.
        return replace(Context.for_everyone(self), standing=None, client=None)


class Reception:
    """Finds out who asks, and opens a context for them; called once for every operation."""

    def __init__(
        self,
        house: House,
        tokens: Tokens,
        revoked: RevokedTokens,
        keys: KeyRing,
        newcomers: Newcomers | None = None,
    ) -> None:
        self._house = house
        self._keys = keys
        self._newcomers = newcomers
        self._tokens = tokens
        self._revoked = revoked

    async def __call__(self, caller: Caller) -> SignedContext:
        """The context of one operation.

        Raises UNAUTHENTICATED for a token or key that proves nothing or was revoked, TokenExpired for one
        that has run out.
        """
        now = self._house.clock()
        signed_in = await self._signed_in(caller, now)
        if signed_in is not None and self._newcomers is not None:
            await self._newcomers.welcome(signed_in.principal)
        context = SignedContext.make(
            self._house,
            VISITOR if signed_in is None else signed_in.principal,
            preferred(caller.accept_language, self._house.default_locale),
            caller.request_id,
        )
        context.standing = signed_in
        context.address = caller.address
        context.client = caller.client
        if isinstance(signed_in, SignedIn):
            context.sign_in = names_of(signed_in)
        return context

    def must_stand(self, standing: Standing) -> None:
        """Raises TokenExpired once the token has run out, UNAUTHENTICATED once it was revoked."""
        if isinstance(standing, WithKey):
            self._keys.must_count(standing, self._house.clock())
            return
        if not isinstance(standing, SignedIn):
            raise TypeError(f"{standing!r} was not let in here")
        if self._house.clock() >= standing.expires_at:
            raise TokenExpired
        self._revoked.must_count(standing)

    async def _signed_in(self, caller: Caller, now: datetime) -> SignedIn | WithKey | None:
        if caller.authorization is not None:
            scheme, token = caller.authorization[: len(_SCHEME)], caller.authorization[len(_SCHEME) :]
            if scheme.lower() != _SCHEME:
                raise _unauthenticated()
            return await self._read(token, now, partner=False)
        if caller.api_key is None:
            return None
        key = caller.api_key.strip()
        if key.startswith(KEY_MARK):
            return await self._keys.let_in(key, address=caller.address, now=now)
        return await self._read(key, now, partner=True)

    async def _read(self, token: str, now: datetime, *, partner: bool) -> SignedIn:
        try:
            signed_in = self._tokens.read(token.strip(), now=now)
        except TokenRefused as refused:
            if refused.expired:
                raise TokenExpired from refused
            raise _unauthenticated() from refused
        if _is_partner(signed_in.principal) is not partner:
            raise _unauthenticated()
        await self._revoked.ready()
        self._revoked.must_count(signed_in)
        return signed_in


def _is_partner(principal: Principal) -> bool:
    return principal.kind is PrincipalKind.PARTNER


def _unauthenticated() -> RequestError:
    return RequestError(
        RequestCode.UNAUTHENTICATED,
        Text(en="This token or key is not valid.", zh="该令牌或密钥无效。"),
    )
