"""`/.well-known/jwks.json`: the public keys by which others check our access tokens (RFC 7517, RFC 8037)."""

from __future__ import annotations

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from graph.public_keys import x_of

PATH = "/.well-known/jwks.json"
_KEPT_SECONDS = 300


def jwks_route(keys: dict[str, Ed25519PublicKey]) -> Route:
    """The route that answers with the keys, by their names."""
    shown = [
        {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": name, "x": x_of(key)}
        for name, key in keys.items()
    ]
    body = orjson.dumps({"keys": shown})
    headers = {"cache-control": f"public, max-age={_KEPT_SECONDS}"}

    async def serve(_: Request) -> Response:
        return Response(body, media_type="application/jwk-set+json", headers=headers)

    return Route(PATH, serve)
