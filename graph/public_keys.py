"""What others are told of a public key, and the name it goes by."""

from __future__ import annotations

import base64
import hashlib

import orjson
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def thumbprint(key: Ed25519PublicKey) -> str:
    """A key's name: the hash of its JWK (RFC 7638), the same wherever it is reckoned."""
    # Members in the order of their names, without spaces, is what the hash is of.
    told = orjson.dumps({"crv": "Ed25519", "kty": "OKP", "x": x_of(key)})
    return base64.urlsafe_b64encode(hashlib.sha256(told).digest()).rstrip(b"=").decode()


def x_of(key: Ed25519PublicKey) -> str:
    """The key itself, as a JWK has it in `x` (RFC 8037)."""
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
