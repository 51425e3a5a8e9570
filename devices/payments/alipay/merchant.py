"""Who we are at Alipay, and by which keys we know each other."""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey


@dataclass(frozen=True, slots=True)
class Merchant:
    """An application at Alipay and the keys of its account; these are not in its repr.

    `gateway` is the address that is called, and that browsers are sent to. `seller_id` is checked in notices
    where it is known. `return_url` is where browsers come back to. `currency` is the one of the contract.
    """

    gateway: str
    app_id: str
    seller_id: str | None
    key: RSAPrivateKey = field(repr=False)
    alipay_key: RSAPublicKey = field(repr=False)
    notify_url: str
    return_url: str | None
    currency: str
