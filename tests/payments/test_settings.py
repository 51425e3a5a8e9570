"""Providers are offered when settings name their merchant; what is missing is said, secrets are not."""

from __future__ import annotations

import base64
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from devices.payments.keys import BadKey, private_key, public_key
from domain.money import Money
from domain.payments import PaymentAsked
from graph import settings as settings_of
from graph.online_payments import online_providers
from graph.settings import BadSettings, Settings
from graph.till_room import TillRoom
from tests.payments.played import NOW, certificate, private_pem, public_pem
from tests.payments.wechat import sealed, signature_headers

SECRET = "0123456789abcdef0123456789abcdef"


def providers_of(settings: Settings):
    return {
        one.code: one for one in online_providers(settings, lambda code: f"https://m/{code}", lambda: NOW)
    }


@pytest.fixture
def told(tmp_path: Path) -> dict[str, object]:
    """Settings of both providers, with their files."""
    files = {
        "merchant.pem": private_pem("merchant"),
        "wechat.pem": public_pem("wechat"),
        "old.pem": certificate("old wechat", 0x0A3F),
        "application.pem": private_pem("application"),
        "alipay.pem": public_pem("alipay"),
    }
    for name, text in files.items():
        (tmp_path / name).write_bytes(text)
    return {
        "wechat_pay_merchant_id": "1900000109",
        "wechat_pay_app_id": "wxd678efh567hg6787",
        "wechat_pay_serial": "5157F09EFDC096DE15EBE81A47057A72",
        "wechat_pay_key_file": tmp_path / "merchant.pem",
        "wechat_pay_v3_key": SECRET,
        "wechat_pay_platform_keys": f"PUB_KEY_ID_1={tmp_path}/wechat.pem, {tmp_path}/old.pem",
        "alipay_app_id": "2021000000000001",
        "alipay_key_file": tmp_path / "application.pem",
        "alipay_public_key_file": tmp_path / "alipay.pem",
    }


def test_nobody_is_offered_who_is_not_named():
    assert providers_of(Settings()) == {}


def test_both_are_offered_once_they_are_named(told):
    assert list(providers_of(Settings(**told))) == ["wechat_pay", "alipay"]
    assert list(providers_of(Settings(**{**told, "alipay_app_id": None}))) == ["wechat_pay"]


async def test_their_connections_go_when_the_till_room_is_closed(told):
    settings = Settings(**told)
    room = TillRoom(settings, bytes(32), lambda: NOW)
    await room.stop()
    asked = PaymentAsked(uuid4(), "1", Money(100, "CNY"), None, NOW, NOW + timedelta(minutes=5))
    for code in ("wechat_pay", "alipay"):
        with pytest.raises(RuntimeError, match="closed"):
            await room.tills.providers[code].query(asked)


@pytest.mark.parametrize(("serial", "whose"), [("PUB_KEY_ID_1", "wechat"), ("0A3F", "old wechat")])
def test_each_platform_key_that_is_named_is_believed(told, serial, whose):
    provider = providers_of(Settings(**told))["wechat_pay"]
    paid = {
        "mchid": "1900000109",
        "out_trade_no": "0192f8a0000070008000000000000001",
        "trade_state": "NOTPAY",
    }
    body = sealed("TRANSACTION.SUCCESS", paid)
    headers = signature_headers(body, whose=whose, serial=serial)
    assert provider.read_notice(headers, body).payment_id.hex == paid["out_trade_no"]


@pytest.mark.parametrize(
    "name",
    [
        "wechat_pay_app_id",
        "wechat_pay_serial",
        "wechat_pay_key_file",
        "wechat_pay_v3_key",
        "wechat_pay_platform_keys",
        "alipay_key_file",
        "alipay_public_key_file",
    ],
)
def test_what_is_missing_is_named(told, name):
    with pytest.raises(BadSettings, match=f"SHELFGRAPH_{name.upper()}: is needed"):
        providers_of(Settings(**{**told, name: None}))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("wechat_pay_key_file", "{}/nowhere.pem", "nowhere.pem cannot be read: No such file or directory"),
        ("wechat_pay_key_file", "{}/wechat.pem", "wechat.pem is no RSA key"),
        ("wechat_pay_platform_keys", "{}/wechat.pem", "is no certificate, so its id has to be told"),
        ("wechat_pay_platform_keys", "PUB_KEY_ID_1={}/merchant.pem", "merchant.pem is no RSA key"),
        ("wechat_pay_platform_keys", " , ", "names no key"),
        ("alipay_key_file", "{}/alipay.pem", "alipay.pem is no RSA key"),
        ("alipay_public_key_file", "{}/application.pem", "application.pem is no RSA key"),
    ],
)
def test_a_key_that_can_not_be_used_is_named_and_not_shown(told, tmp_path, name, value, said):
    with pytest.raises(BadSettings) as refused:
        providers_of(Settings(**{**told, name: value.format(tmp_path)}))
    (line,) = refused.value.problems
    assert line.startswith(f"SHELFGRAPH_{name.upper()}: ")
    assert said in line
    assert "BEGIN" not in line


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("WECHAT_PAY_MERCHANT_ID", "wx1"),
        ("WECHAT_PAY_V3_KEY", SECRET[1:]),
        ("WECHAT_PAY_V3_KEY", SECRET + "0"),
        ("WECHAT_PAY_URL", "ftp://pay"),
        ("ALIPAY_CURRENCY", "USD"),
        ("ALIPAY_SELLER_ID", "1088000000000009"),
        ("PAYMENT_CALL_SECONDS", "0"),
    ],
)
def test_a_value_no_provider_has_is_refused_in_one_line(monkeypatch, variable, value):
    monkeypatch.setenv(f"SHELFGRAPH_{variable}", value)
    with pytest.raises(BadSettings) as refused:
        settings_of.load()
    (line,) = refused.value.problems
    assert line.startswith(f"SHELFGRAPH_{variable}")
    assert SECRET[1:] not in line


def test_secrets_are_not_shown(told):
    settings = Settings(**told)
    assert SECRET not in repr(settings) + settings_of.reference(settings)
    wechat = providers_of(settings)["wechat_pay"]
    assert SECRET not in repr(vars(wechat))


def test_a_key_may_be_bare_base64_as_alipays_tool_writes_it():
    bare = base64.encodebytes(
        b"".join(
            base64.b64decode(line) for line in private_pem("application").splitlines() if b"-" not in line
        )
    )
    assert private_key(bare).private_numbers() == private_key(private_pem("application")).private_numbers()
    lines = public_pem("alipay").splitlines()[1:-1]
    assert public_key(b"".join(lines)).public_numbers() == public_key(public_pem("alipay")).public_numbers()


def _pem(made: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, password: bytes | None = None) -> bytes:
    lock = serialization.NoEncryption()
    if password is not None:
        lock = serialization.BestAvailableEncryption(password)
    return made.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)


def test_only_rsa_keys_of_some_length_are_taken():
    for wrong in (
        _pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)),  # noqa: S505
        _pem(ec.generate_private_key(ec.SECP256R1())),
        _pem(rsa.generate_private_key(public_exponent=65537, key_size=2048), b"locked"),
        public_pem("alipay"),
        b"",
        b"no base64 at all",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
    ):
        with pytest.raises(BadKey):
            private_key(wrong)
    for wrong in (
        private_pem("alipay"),
        b"",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
    ):
        with pytest.raises(BadKey):
            public_key(wrong)
