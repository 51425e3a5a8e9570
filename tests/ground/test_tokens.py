"""Tokens: what goes in comes out, and nothing else is believed."""

import base64
import hmac
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import jwt
import orjson
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from pydantic import SecretStr
from starlette.applications import Starlette

from domain.access import PartnerScope, Principal, PrincipalKind
from domain.refusals import RequestError
from graph.jwks import jwks_route
from graph.settings import BadSettings, Settings
from graph.tokens import KINDS, TokenRefused, Tokens, principal_for

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEY = Ed25519PrivateKey.generate()
TOKENS = Tokens(KEY)


def pem(key: Ed25519PrivateKey | X25519PrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def signed(key: Ed25519PrivateKey = KEY, *, without: str | None = None, **changes: object) -> str:
    claims = {"iss": "shelfgraph", "sub": "m1", "kind": "member", "jti": "1", "iat": NOON, "exp": NOON + HOUR}
    claims |= changes
    if without:
        del claims[without]
    return jwt.encode(claims, key, algorithm="EdDSA")


@pytest.mark.parametrize(
    "principal",
    [
        Principal(PrincipalKind.MEMBER, "m1", tier="gold"),
        Principal(PrincipalKind.STAFF, "s1", store="wellcome", roles=frozenset({"staff"})),
        Principal(PrincipalKind.DEVICE, "gateway-1", store="wellcome"),
        Principal(PrincipalKind.PARTNER, "p1", scopes=frozenset({"PRICE_READ", "STOCK_READ"})),
    ],
)
def test_a_principal_comes_back_as_it_was(principal):
    told = TOKENS.read(TOKENS.issue(principal, now=NOON, lifetime=HOUR), now=NOON)
    assert (told.principal, told.expires_at) == (principal, NOON + HOUR)


def public(key: Ed25519PrivateKey | X25519PrivateKey) -> str:
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def test_a_key_is_changed_without_anybody_being_signed_out():
    old, new = KEY, Ed25519PrivateKey.generate()
    before, told = (
        Tokens.of(Settings(signing_key=SecretStr(pem(signs)), verifying_keys=public(other) * 2))
        for signs, other in ((old, new), (new, old))
    )
    principal = Principal(PrincipalKind.MEMBER, "m1")
    for issuer, reader in ((before, told), (told, before), (told, told)):
        token = issuer.issue(principal, now=NOON, lifetime=HOUR)
        assert reader.verify(token, now=NOON) == principal
    # Whoever was not told of the new key does not believe it, nor the other way round.
    alone = Tokens(old)
    with pytest.raises(TokenRefused):
        alone.verify(told.issue(principal, now=NOON, lifetime=HOUR), now=NOON)
    with pytest.raises(TokenRefused):
        Tokens(new).verify(alone.issue(principal, now=NOON, lifetime=HOUR), now=NOON)
    assert list(before.keys) == list(reversed(told.keys))


@pytest.mark.parametrize("kid", ["", "another", 7, None, ["x"], {"a": 1}])
def test_a_key_of_another_name_is_no_key(kid):
    claims = {"iss": "shelfgraph", "sub": "m1", "kind": "member", "jti": "1", "iat": NOON, "exp": NOON + HOUR}
    # PyJWT itself refuses to write a name that is no text; somebody else's library may not.
    header = base64.urlsafe_b64encode(orjson.dumps({"alg": "EdDSA", "typ": "JWT", "kid": kid})).rstrip(b"=")
    body = jwt.encode(claims, KEY, algorithm="EdDSA").split(".")[1].encode()
    signature = base64.urlsafe_b64encode(KEY.sign(header + b"." + body)).rstrip(b"=")
    with pytest.raises(TokenRefused):
        TOKENS.verify(b".".join([header, body, signature]).decode(), now=NOON)


@pytest.mark.parametrize("algorithm", ["HS256", "HS512"])
def test_a_public_key_is_no_shared_secret(algorithm):
    """Algorithm confusion: a token sealed with what everybody knows (RFC 8725, 3.1)."""
    for secret in (public(KEY), public(KEY).strip(), next(iter(TOKENS.keys))):
        header = {"alg": algorithm, "typ": "JWT", "kid": next(iter(TOKENS.keys))}
        parts = [base64.urlsafe_b64encode(orjson.dumps(one)).rstrip(b"=") for one in (header, {"sub": "m1"})]
        name = {"HS256": "sha256", "HS512": "sha512"}[algorithm]
        tag = hmac.digest(secret.encode(), b".".join(parts), name)
        forged = b".".join([*parts, base64.urlsafe_b64encode(tag).rstrip(b"=")]).decode()
        with pytest.raises(TokenRefused):
            TOKENS.verify(forged, now=NOON)


@pytest.mark.parametrize(
    "pems", [public(X25519PrivateKey.generate()), "-----BEGIN X-----\nx\n-----END X-----"]
)
def test_a_key_to_verify_with_is_an_ed25519_key(pems):
    with pytest.raises(BadSettings, match="VERIFYING_KEYS"):
        Tokens.of(Settings(signing_key=SecretStr(pem(KEY)), verifying_keys=pems))


async def test_the_public_keys_are_there_for_everybody_to_read():
    """What a stranger's library makes of the address is what our tokens are signed by."""
    other = Ed25519PrivateKey.generate()
    tokens = Tokens(KEY, [other.public_key()])
    app = Starlette(routes=[jwks_route(tokens.keys)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop.test") as client:
        answer = await client.get("/.well-known/jwks.json")
    assert answer.headers["cache-control"] == "public, max-age=300"
    keys = jwt.PyJWKSet.from_dict(answer.json())
    assert [key.key_id for key in keys.keys] == list(tokens.keys)
    token = tokens.issue(Principal(PrincipalKind.MEMBER, "m1"), now=datetime.now(UTC), lifetime=HOUR)
    found = keys[jwt.get_unverified_header(token)["kid"]]
    assert jwt.decode(token, found.key, algorithms=["EdDSA"])["sub"] == "m1"
    assert all("d" not in key for key in answer.json()["keys"])


def test_a_token_counts_until_it_expires_and_not_at_that_moment():
    token = signed()
    assert TOKENS.verify(token, now=NOON + HOUR - timedelta(microseconds=1)).subject == "m1"
    with pytest.raises(TokenRefused) as refused:
        TOKENS.verify(token, now=NOON + HOUR)
    assert refused.value.expired


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b.c",
        signed(Ed25519PrivateKey.generate()),
        jwt.encode({"sub": "m1"}, None, algorithm="none"),
        signed(iss="somebody"),
        signed(kind="king"),
        signed(exp=1e40),
        signed(sub=7),
        signed(store=7),
        signed(roles="admin"),
        signed(scopes=[7]),
        *(signed(without=name) for name in ("iss", "sub", "kind", "jti", "iat", "exp")),
        signed() + "x",
    ],
)
def test_anything_else_is_refused_and_never_called_expired(token):
    with pytest.raises(TokenRefused) as refused:
        TOKENS.verify(token, now=NOON)
    assert not refused.value.expired


def test_every_token_has_its_own_number():
    principal = principal_for("staff")
    assert TOKENS.issue(principal, now=NOON, lifetime=HOUR) != TOKENS.issue(
        principal, now=NOON, lifetime=HOUR
    )


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("staff", (PrincipalKind.STAFF, {"staff"}, False)),
        ("admin", (PrincipalKind.STAFF, {"admin"}, True)),
        ("member", (PrincipalKind.MEMBER, set(), False)),
        ("device", (PrincipalKind.DEVICE, set(), False)),
        ("partner", (PrincipalKind.PARTNER, set(), False)),
    ],
)
def test_a_developer_says_who_to_be_in_one_word(kind, expected):
    principal = principal_for(kind, store="wellcome", tier="gold")
    assert (principal.kind, set(principal.roles), principal.is_admin) == expected
    assert principal.tier == ("gold" if kind == "member" else None)
    assert principal.scopes == (frozenset(PartnerScope) if kind == "partner" else frozenset())


def test_an_unknown_word_is_refused_with_the_known_ones():
    with pytest.raises(RequestError) as refused:
        principal_for("king")
    assert all(kind in refused.value.text.en and kind in refused.value.text.zh for kind in KINDS)
    with pytest.raises(RequestError, match="EVERYTHING"):
        principal_for("partner", scopes=["EVERYTHING"])


def test_a_key_is_made_once_kept_private_and_found_again(tmp_path):
    settings = Settings(data_dir=tmp_path / "new")
    token = Tokens.of(settings).issue(principal_for("member"), now=NOON, lifetime=HOUR)
    assert Tokens.of(settings).verify(token, now=NOON).subject == "member-1"
    assert stat.S_IMODE((tmp_path / "new/signing-key.pem").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["signing-key.pem"]


def test_processes_that_start_together_agree_on_one_key(tmp_path):
    ask = (
        "import sys; from pathlib import Path; from graph.tokens import _kept; "
        "sys.stdin.read(); print(_kept(Path(sys.argv[1])).decode())"
    )
    asking = [
        subprocess.Popen(
            [sys.executable, "-c", ask, str(tmp_path / "key.pem")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        for _ in range(4)
    ]
    for process in asking:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    assert len({process.communicate(timeout=30)[0] for process in asking}) == 1


def test_the_key_of_the_settings_comes_first(tmp_path):
    settings = Settings(data_dir=tmp_path, signing_key=SecretStr(pem(KEY)))
    assert Tokens.of(settings).verify(signed(), now=NOON).subject == "m1"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "hunter2", pem(X25519PrivateKey.generate())])
def test_what_is_no_such_key_is_refused_without_being_repeated(tmp_path, text):
    with pytest.raises(BadSettings) as refused:
        Tokens.of(Settings(data_dir=tmp_path, signing_key=SecretStr(text)))
    assert refused.value.problems == [
        "SHELFGRAPH_SIGNING_KEY: should be an Ed25519 private key in PEM, without a passphrase."
    ]


def test_a_token_that_was_proven_still_runs_out_and_is_no_proof_of_another():
    tokens = Tokens(Ed25519PrivateKey.generate())
    token = tokens.issue(principal_for("member"), now=NOON, lifetime=HOUR)
    assert tokens.read(token, now=NOON) is tokens.read(token, now=NOON)
    with pytest.raises(TokenRefused) as refused:
        tokens.read(token, now=NOON + HOUR)
    assert refused.value.expired
    with pytest.raises(TokenRefused):
        tokens.read(token + "x", now=NOON)


def test_only_so_many_tokens_are_remembered(monkeypatch):
    monkeypatch.setattr("graph.tokens._REMEMBERED", 2)
    tokens = Tokens(Ed25519PrivateKey.generate())
    issued = [tokens.issue(principal_for("member"), now=NOON, lifetime=HOUR) for _ in range(4)]
    for token in issued:
        tokens.read(token, now=NOON)
    assert list(tokens._proven) == issued[-2:]
