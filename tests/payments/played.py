"""Payment providers played on loopback: real keys, real sockets, and the faults of a network."""

from __future__ import annotations

import asyncio
import functools
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID
from starlette.applications import Starlette

from domain.money import Money
from domain.payments import PaymentAsked, RefundAsked

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
PAYMENT_ID = UUID("0192f8a0-0000-7000-8000-000000000001")
REFUND_ID = UUID("0192f8a0-0000-7000-8000-0000000000f1")


class Fault(StrEnum):
    """What goes wrong with an answer."""

    HANG = "it never comes"
    BUSY = "429"
    BROKEN = "500"
    HALF = "the connection ends before it"
    ELSEWHERE = "it sends us elsewhere"
    GARBAGE = "a page for people"
    UNSIGNED = "nobody signed it"
    FORGED = "somebody else signed it"
    CHANGED = "it was changed on its way"
    OLD = "it is from before"


@functools.cache
def key(whose: str) -> rsa.RSAPrivateKey:
    """A person's key, made when it is first wanted."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_pem(whose: str) -> bytes:
    return key(whose).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def public_pem(whose: str) -> bytes:
    return (
        key(whose)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def certificate(whose: str, serial: int) -> bytes:
    """A certificate that a person made for their own key, in PEM."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, whose)])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key(whose).public_key())
        .serial_number(serial)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=365))
        .sign(key(whose), SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


def asked(token: str | None = None, *, minor: int = 1230, currency: str = "CNY") -> PaymentAsked:
    """A payment of 12.30 that may be paid for fifteen minutes."""
    return PaymentAsked(
        id=PAYMENT_ID,
        order_number="A-1001",
        amount=Money(minor, currency),
        token=token,
        started_at=NOW,
        expires_at=NOW + timedelta(minutes=15),
    )


def refund_asked(minor: int = 230, reason: str = "returned", currency: str = "CNY") -> RefundAsked:
    return RefundAsked(
        id=REFUND_ID, payment=asked(currency=currency), amount=Money(minor, currency), reason=reason
    )


@asynccontextmanager
async def played(app: Starlette) -> AsyncIterator[str]:
    """The address of an application that is served on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server._serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110 - it has no event to wait for
            await asyncio.sleep(0.005)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving
