"""`/.well-known/jwks.json`: the public keys by which others check our access tokens (RFC 7517, RFC 8037)."""

from __future__ import annotations

import base64
import hashlib

import orjson
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

PATH = "/.well-known/jwks.json"
_KEPT_SECONDS = 300


def thumbprint(key: Ed25519PublicKey) -> str:
    """A key's name: the hash of its JWK (RFC 7638), the same wherever it is reckoned."""
    # Members in the order of their names, without spaces, is what the hash is of.
    told = orjson.dumps({"crv": "Ed25519", "kty": "OKP", "x": _x(key)})
    return base64.urlsafe_b64encode(hashlib.sha256(told).digest()).rstrip(b"=").decode()


def jwks_route(keys: dict[str, Ed25519PublicKey]) -> Route:
    """The route that answers with the keys, by their names."""
    shown = [
        {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": name, "x": _x(key)}
        for name, key in keys.items()
    ]
    body = orjson.dumps({"keys": shown})
    headers = {"cache-control": f"public, max-age={_KEPT_SECONDS}"}

    async def serve(_: Request) -> Response:
        return Response(body, media_type="application/jwk-set+json", headers=headers)

    return Route(PATH, serve)


def _x(key: Ed25519PublicKey) -> str:
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
