"""Who we are at WeChat Pay, and by which keys we know each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey


@dataclass(frozen=True, slots=True)
class Merchant:
    """A merchant and the secrets of its account; these are not in its repr.

    `app_id` is the mini-program's or official account's, `mobile_app_id` the app's. `serial` names our own
    certificate. `platform_keys` are WeChat Pay's, by id ("PUB_KEY_ID_…") or serial number of a certificate.
    """

    merchant_id: str
    app_id: str
    mobile_app_id: str | None
    serial: str
    key: RSAPrivateKey = field(repr=False)
    api_v3_key: bytes = field(repr=False)
    platform_keys: Mapping[str, RSAPublicKey] = field(repr=False)
    notify_url: str

    def platform_key(self, serial: str) -> RSAPublicKey | None:
        """WeChat Pay's key under this name; serial numbers are the same with and without leading zeros."""
        wanted = _bare(serial)
        return next((key for name, key in self.platform_keys.items() if _bare(name) == wanted), None)

    @property
    def wanted_platform_key(self) -> str:
        """The name of the key we ask WeChat Pay to sign with: its public key before its certificates."""
        return min(self.platform_keys, key=lambda name: not name.startswith("PUB_KEY_ID_"))


def _bare(serial: str) -> str:
    return serial.upper().lstrip("0")
