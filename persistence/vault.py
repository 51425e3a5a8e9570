"""What is kept sealed: personal values that only a process with the key reads, and finds again blindly."""

from __future__ import annotations

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12
KEY_BYTES = 32


class Vault:
    """Seals short texts under one key (AES-256-GCM), and makes keyed hashes to look them up by.

    A sealed text is bound to what it belongs to, so that nobody moves it to another row.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a vault's key has {KEY_BYTES} bytes, not {len(key)}")
        self._key = key
        self._secrets: dict[str, bytes] = {}
        self._cipher = AESGCM(self.secret("seal"))
        self._blinding = self.secret("blind index")

    def secret(self, purpose: str) -> bytes:
        """32 bytes for a purpose of the house: of this key, telling nothing of it (RFC 5869)."""
        found = self._secrets.get(purpose)
        if found is None:
            derivation = HKDF(hashes.SHA256(), 32, salt=None, info=b"shelfgraph " + purpose.encode())
            found = self._secrets[purpose] = derivation.derive(self._key)
        return found

    def seal(self, text: str, belongs_to: bytes) -> bytes:
        """The text, readable by this vault only and only together with what it belongs to."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, text.encode(), belongs_to)

    def open(self, sealed: bytes, belongs_to: bytes) -> str | None:
        """The text; None when it was sealed by another vault, or belongs to something else."""
        try:
            opened = self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], belongs_to)
        except InvalidTag:
            return None
        return opened.decode()

    def blind(self, kind: str, text: str) -> bytes:
        """A hash by which the same text of a kind is found again; without the key it tells nothing."""
        return hmac.digest(self._blinding, f"{kind}\0{text}".encode(), hashlib.sha256)
