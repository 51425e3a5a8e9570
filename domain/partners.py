"""Partners: their API keys, and which documents, fields and addresses are theirs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

CODE = re.compile(r"[a-z0-9][a-z0-9-]{1,62}")
"""What a partner's code looks like; a colon is kept for the group's own applications."""
OWN_CLIENT = re.compile(r"(app|device):[a-z0-9][a-z0-9-]{0,62}")
"""What the code of an own application looks like: `app:mini-program`, `device:gateway`."""
LARGEST_BUDGET = 100_000_000
LONGEST_GRACE = timedelta(days=30)

KEY_MARK = "sgk_"
_PREFIX_BYTES = 6
_SECRET_BYTES = 32
_CHECK_BYTES = 6
_SHAPE = re.compile(r"sgk_([A-Za-z0-9_-]{8})([A-Za-z0-9_-]{43})([A-Za-z0-9_-]{8})")


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key on its way to its partner: told once, and then known by its prefix and hash alone."""

    key: str
    prefix: str
    hash: bytes


def new_key(pepper: bytes, random_bytes: Callable[[int], bytes]) -> NewKey:
    """A new key: `sgk_`, eight characters that are shown ever after, the secret, and a check of both.

    The secret has 256 bits, so a fast keyed hash of it is as good as a slow one.
    """
    shown = _text(random_bytes(_PREFIX_BYTES))
    secret = _text(random_bytes(_SECRET_BYTES))
    key = f"{KEY_MARK}{shown}{secret}{_check(pepper, shown + secret)}"
    return NewKey(key, f"{KEY_MARK}{shown}", _hash(pepper, key))


def hash_of_key(pepper: bytes, key: str) -> bytes | None:
    """What a key is stored as; None for a text that was never handed out as one."""
    found = _SHAPE.fullmatch(key)
    if found is None:
        return None
    shown, secret, check = found.groups()
    if not hmac.compare_digest(check, _check(pepper, shown + secret)):
        return None
    return _hash(pepper, key)


def _hash(pepper: bytes, key: str) -> bytes:
    return hashlib.blake2b(key.encode(), key=pepper, digest_size=32, person=b"api key").digest()


def _check(pepper: bytes, text: str) -> str:
    digest = hashlib.blake2b(text.encode(), key=pepper, digest_size=_CHECK_BYTES, person=b"key check")
    return _text(digest.digest())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def retired_at(expires_at: datetime | None, *, now: datetime, grace: timedelta) -> datetime:
    """When a key that was replaced stops counting: after the grace, or when it would have expired anyway."""
    return min(now + grace, expires_at) if expires_at is not None else now + grace


@dataclass(frozen=True, slots=True)
class PartnerTerms:
    """What a partner was granted, beside the scopes and channels that its principal carries.

    `masked` are fields (`Type.field`) that it may not select; `networks` the addresses it may call from,
    none meaning every one.
    """

    code: str
    budget_per_minute: int
    masked: frozenset[str] = frozenset()
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()

    def calls_from(self, address: str | None) -> bool:
        """Whether the partner may call from an address."""
        if not self.networks:
            return True
        if address is None:
            return False
        try:
            known = ipaddress.ip_address(address)
        except ValueError:
            return False
        mapped = getattr(known, "ipv4_mapped", None)
        return any((mapped or known) in network for network in self.networks)


def networks_of(
    texts: Iterable[str],
) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    """Networks as they are written (`203.0.113.7`, `10.0.0.0/8`); raises ValueError for what is none."""
    return tuple(ipaddress.ip_network(text) for text in texts)


def document_id(document: str) -> str:
    """The id a document is published under: `sha256:` and the hex of its hash."""
    return f"sha256:{hashlib.sha256(document.encode()).hexdigest()}"
