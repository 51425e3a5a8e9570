"""Signed tokens: who carries one is the principal it names, until it expires."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from domain.access import ADMIN_ROLE, PartnerScope, Principal, PrincipalKind
from domain.members.codes import member_key
from domain.refusals import RequestError
from graph.keys import kept_key
from graph.public_keys import thumbprint
from graph.settings import BadSettings, Settings

ISSUER = "shelfgraph"
DEVELOPMENT_LIFETIME = timedelta(hours=12)
# A revocation of everything somebody has is remembered for so long.
LONGEST_LIFETIME = timedelta(days=31)
STAFF_ROLE = "staff"
_ALGORITHM = "EdDSA"
# Checking a signature takes a quarter of a millisecond, and a token comes with every request of its caller.
_REMEMBERED = 4_096
_NAMES = UUID("0193b6d2-6f52-7c1e-9a57-5be1f6a4c0de")
# As whom `shelfgraph token` signs in, in the words of its argument.
KINDS = ("staff", "admin", "member", "device", "partner")


class TokenRefused(Exception):  # noqa: N818 - a refusal is an answer
    """The token proves nothing; `expired` when it once did."""

    def __init__(self, *, expired: bool) -> None:
        super().__init__("the token has expired" if expired else "the token is not valid")
        self.expired = expired


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A principal, and its token: by which id, from when and until when it counts (UTC), of which sign-in."""

    principal: Principal
    expires_at: datetime
    issued_at: datetime
    token_id: str
    sign_in: str | None = None


class Tokens:
    """Issues tokens with one Ed25519 key, and verifies those of that key and of `others`.

    A token says by which key it was signed; one that does not was signed by ours.
    """

    def __init__(self, key: Ed25519PrivateKey, others: Iterable[Ed25519PublicKey] = ()) -> None:
        self._key = key
        self._public = key.public_key()
        self._name = thumbprint(self._public)
        self.keys = {thumbprint(one): one for one in (self._public, *others)}
        self._proven: dict[str, SignedIn] = {}

    @classmethod
    def of(cls, settings: Settings) -> Tokens:
        """Tokens under the key of the settings, or under the data folder's, which is made when missing.

        Raises BadSettings when that is no Ed25519 key.
        """
        others = _public_keys(settings.verifying_keys)
        if settings.signing_key is not None:
            given = settings.signing_key.get_secret_value().encode()
            return cls(_key(given, "SHELFGRAPH_SIGNING_KEY"), others)
        path = settings.data_dir / "signing-key.pem"
        return cls(_key(kept_key(path, _new_key), str(path)), others)

    def issue(
        self, principal: Principal, *, now: datetime, lifetime: timedelta, sign_in: str | None = None
    ) -> str:
        """A token for the principal, good from now until `now + lifetime`, to the second, or `sign_in` ends.

        Raises ValueError for a lifetime above LONGEST_LIFETIME.
        """
        if lifetime > LONGEST_LIFETIME:
            raise ValueError(f"a token lives for {LONGEST_LIFETIME.days} days at most")
        claims: dict[str, object] = {
            "iss": ISSUER,
            "sub": principal.subject,
            "kind": principal.kind.value,
            # To the microsecond: who signs in again right after signing out everywhere must be let in.
            "iat": now.timestamp(),
            "exp": now + lifetime,
            "jti": secrets.token_urlsafe(16),
        }
        if sign_in is not None:
            claims["sid"] = sign_in
        if principal.store is not None:
            claims["store"] = principal.store
        if principal.tier is not None:
            claims["tier"] = principal.tier
        if principal.roles:
            claims["roles"] = sorted(principal.roles)
        if principal.scopes:
            claims["scopes"] = sorted(principal.scopes)
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM, headers={"kid": self._name})

    def read(self, token: str, *, now: datetime | None = None) -> SignedIn:
        """Whom the token signs in, and until when; `now` is the clock's unless it is handed in.

        Raises TokenRefused.
        """
        signed_in = self._proven.get(token)
        if signed_in is None:
            signed_in = self._prove(token)
            if len(self._proven) >= _REMEMBERED:
                del self._proven[next(iter(self._proven))]
            self._proven[token] = signed_in
        if (now or datetime.now(UTC)) >= signed_in.expires_at:
            raise TokenRefused(expired=True)
        return signed_in

    def _prove(self, token: str) -> SignedIn:
        try:
            name = jwt.get_unverified_header(token).get("kid", self._name)
            claims = jwt.decode(
                token,
                self.keys[name],
                # Whatever the token says of it: this is the one way ours are signed.
                algorithms=[_ALGORITHM],
                issuer=ISSUER,
                options={
                    "require": ["exp", "iat", "sub", "kind", "jti"],
                    "verify_exp": False,
                    "verify_iat": False,
                },
            )
            expires_at = datetime.fromtimestamp(claims["exp"], UTC)
            issued_at = datetime.fromtimestamp(claims["iat"], UTC)
            sign_in = _text(claims.get("sid"))
            principal = Principal(
                kind=PrincipalKind(claims["kind"]),
                subject=claims["sub"],
                store=_text(claims.get("store")),
                tier=_text(claims.get("tier")),
                roles=_texts(claims.get("roles", [])),
                scopes=_texts(claims.get("scopes", [])),
            )
        except (jwt.InvalidTokenError, KeyError, ValueError, TypeError, OverflowError, OSError) as error:
            raise TokenRefused(expired=False) from error
        return SignedIn(principal, expires_at, issued_at, str(claims["jti"]), sign_in)

    def verify(self, token: str, *, now: datetime | None = None) -> Principal:
        """Whom the token signs in. Raises TokenRefused."""
        return self.read(token, now=now).principal


def principal_for(
    kind: str,
    *,
    store: str | None = None,
    subject: str | None = None,
    tier: str | None = None,
    scopes: Iterable[str] | None = None,
) -> Principal:
    """A principal in a developer's words: one of KINDS; a partner has every scope unless some are named.

    Raises RequestError BAD_USER_INPUT for any other word.
    """
    if kind not in KINDS:
        raise RequestError.bad_input(
            en=f"There is no kind {kind!r}: take one of {', '.join(KINDS)}.",
            zh=f"没有 {kind!r} 这种身份：请用 {'、'.join(KINDS)} 之一。",
        )
    known = [scope.value for scope in PartnerScope]
    granted = frozenset(known if scopes is None else scopes) if kind == "partner" else frozenset[str]()
    if unknown := sorted(granted.difference(known)):
        raise RequestError.bad_input(
            en=f"There is no scope {unknown[0]!r}: take of {', '.join(known)}.",
            zh=f"没有 {unknown[0]!r} 这个范围：请用 {'、'.join(known)}。",
        )
    is_staff = kind in (STAFF_ROLE, ADMIN_ROLE)
    return Principal(
        kind=PrincipalKind.STAFF if is_staff else PrincipalKind(kind),
        subject=subject or f"{kind}-1",
        store=store,
        tier=tier if kind == "member" else None,
        roles=frozenset({kind}) if is_staff else frozenset(),
        scopes=granted,
    )


def with_an_id(principal: Principal) -> Principal:
    """The principal, a member by an id: `alice` is the same member every time, on every machine."""
    if principal.kind is not PrincipalKind.MEMBER or member_key(principal.subject) is not None:
        return principal
    return replace(principal, subject=str(uuid5(_NAMES, principal.subject)))


def _text(claim: object) -> str | None:
    if claim is None or isinstance(claim, str):
        return claim
    raise TypeError(f"{claim!r} is no text")


def _texts(claim: object) -> frozenset[str]:
    if isinstance(claim, list) and all(isinstance(one, str) for one in claim):
        return frozenset(claim)
    raise TypeError(f"{claim!r} is no list of texts")


def _key(pem: bytes, where: str) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise BadSettings([f"{where}: should be an Ed25519 private key in PEM, without a passphrase."])
    return key


def _public_keys(pems: str) -> list[Ed25519PublicKey]:
    """The public keys of PEM texts one after another; raises BadSettings for any that is no Ed25519 key."""
    found = []
    for text in re.findall(r"-----BEGIN .+?-----END [^-]+-----", pems, re.DOTALL):
        try:
            key = serialization.load_pem_public_key(text.encode())
        except (ValueError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, Ed25519PublicKey):
            raise BadSettings(["SHELFGRAPH_VERIFYING_KEYS: should be Ed25519 public keys in PEM."])
        found.append(key)
    return found


def _new_key() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
