"""RSA keys of payments: ours to sign with, a provider's to check with (SHA-256, PKCS #1 v1.5, base64)."""

from __future__ import annotations

import base64
import binascii

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)
from cryptography.x509 import load_pem_x509_certificate

_FEWEST_BITS = 2048


class BadKey(ValueError):  # noqa: N818 - says what the file is
    """What was given is no RSA key of at least 2,048 bits, or is locked with a passphrase."""


def private_key(text: bytes) -> RSAPrivateKey:
    """A private key out of PEM, or out of the bare base64 that Alipay's tool writes; raises BadKey."""
    try:
        if b"-----BEGIN" in text:
            key = load_pem_private_key(text, password=None)
        else:
            key = load_der_private_key(_bare(text), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadKey from error
    if not isinstance(key, RSAPrivateKey) or key.key_size < _FEWEST_BITS:
        raise BadKey
    return key


def public_key(text: bytes) -> RSAPublicKey:
    """The public key in PEM, in bare base64 or of a certificate; raises BadKey."""
    key: object
    try:
        if b"-----BEGIN CERTIFICATE" in text:
            key = load_pem_x509_certificate(text).public_key()
        elif b"-----BEGIN" in text:
            key = load_pem_public_key(text)
        else:
            key = load_der_public_key(_bare(text))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadKey from error
    if not isinstance(key, RSAPublicKey) or key.key_size < _FEWEST_BITS:
        raise BadKey
    return key


def certificate_serial(text: bytes) -> str | None:
    """The serial number of a certificate in upper-case hex, None for what is none; raises BadKey."""
    if b"-----BEGIN CERTIFICATE" not in text:
        return None
    try:
        return f"{load_pem_x509_certificate(text).serial_number:X}"
    except ValueError as error:
        raise BadKey from error


def sign(key: RSAPrivateKey, message: str) -> str:
    """The signature of a message."""
    return base64.b64encode(key.sign(message.encode(), PKCS1v15(), SHA256())).decode()


def is_signed(key: RSAPublicKey, message: bytes, signature: str) -> bool:
    """Whether the signature is the key owner's for this very message."""
    try:
        key.verify(base64.b64decode(signature, validate=True), message, PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def _bare(text: bytes) -> bytes:
    return base64.b64decode(b"".join(text.split()), validate=True)
