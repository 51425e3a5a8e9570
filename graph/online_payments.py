"""The payment providers that are called over the network, as the settings tell of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from pydantic import SecretStr

from devices.payments import alipay, wechat_pay
from devices.payments.keys import BadKey, certificate_serial, private_key, public_key
from devices.payments.line import Line
from graph.settings import PREFIX, BadSettings, Settings

_Read = TypeVar("_Read")


def online_providers(
    settings: Settings, webhook_url: Callable[[str], str], clock: Callable[[], datetime]
) -> Sequence[wechat_pay.WeChatPay | alipay.Alipay]:
    """WeChat Pay and Alipay, each if the settings name its merchant; raises BadSettings.

    `webhook_url` is where the world reaches the webhook of a provider, by its code.
    """
    providers: list[wechat_pay.WeChatPay | alipay.Alipay] = []
    if settings.wechat_pay_merchant_id is not None:
        merchant = _wechat_merchant(settings, webhook_url(wechat_pay.WeChatPay.code))
        line = Line(settings.wechat_pay_url, seconds=settings.payment_call_seconds)
        providers.append(wechat_pay.WeChatPay(merchant, line, clock))
    if settings.alipay_app_id is not None:
        seller = _alipay_merchant(settings, webhook_url(alipay.Alipay.code))
        line = Line(settings.alipay_url, seconds=settings.payment_call_seconds)
        providers.append(alipay.Alipay(seller, line, clock))
    return providers


def _wechat_merchant(settings: Settings, notify_url: str) -> wechat_pay.Merchant:
    key_file = _needed(settings.wechat_pay_key_file, "WECHAT_PAY_KEY_FILE")
    api_v3_key: SecretStr = _needed(settings.wechat_pay_v3_key, "WECHAT_PAY_V3_KEY")
    return wechat_pay.Merchant(
        merchant_id=_needed(settings.wechat_pay_merchant_id, "WECHAT_PAY_MERCHANT_ID"),
        app_id=_needed(settings.wechat_pay_app_id, "WECHAT_PAY_APP_ID"),
        mobile_app_id=settings.wechat_pay_mobile_app_id,
        serial=_needed(settings.wechat_pay_serial, "WECHAT_PAY_SERIAL"),
        key=_read(key_file, "WECHAT_PAY_KEY_FILE", private_key),
        api_v3_key=api_v3_key.get_secret_value().encode(),
        platform_keys=_platform_keys(_needed(settings.wechat_pay_platform_keys, "WECHAT_PAY_PLATFORM_KEYS")),
        notify_url=notify_url,
    )


def _platform_keys(told: str) -> dict[str, RSAPublicKey]:
    """The keys of a list such as "PUB_KEY_ID_1=/path/pub_key.pem,/path/certificate.pem", by their names."""
    variable, keys = "WECHAT_PAY_PLATFORM_KEYS", {}
    for one in filter(None, (part.strip() for part in told.split(","))):
        name, equals, path = one.rpartition("=")
        serial = name if equals else _read(Path(path), variable, certificate_serial)
        if not serial:
            raise BadSettings([f"{PREFIX}{variable}: {path} is no certificate, so its id has to be told."])
        keys[serial] = _read(Path(path), variable, public_key)
    if not keys:
        raise BadSettings([f"{PREFIX}{variable}: names no key."])
    return keys


def _alipay_merchant(settings: Settings, notify_url: str) -> alipay.Merchant:
    key_file = _needed(settings.alipay_key_file, "ALIPAY_KEY_FILE")
    public_key_file = _needed(settings.alipay_public_key_file, "ALIPAY_PUBLIC_KEY_FILE")
    return alipay.Merchant(
        gateway=settings.alipay_url,
        app_id=_needed(settings.alipay_app_id, "ALIPAY_APP_ID"),
        seller_id=settings.alipay_seller_id,
        key=_read(key_file, "ALIPAY_KEY_FILE", private_key),
        alipay_key=_read(public_key_file, "ALIPAY_PUBLIC_KEY_FILE", public_key),
        notify_url=notify_url,
        return_url=settings.alipay_return_url,
        currency=settings.alipay_currency,
    )


def _needed(value: _Read | None, variable: str) -> _Read:
    if value is None:
        merchant = "WECHAT_PAY_MERCHANT_ID" if variable.startswith("WECHAT") else "ALIPAY_APP_ID"
        raise BadSettings([f"{PREFIX}{variable}: is needed with {PREFIX}{merchant}."])
    return value


def _read(path: Path, variable: str, read: Callable[[bytes], _Read]) -> _Read:
    """What a file holds; what is wrong with it is said without a word of what stands in it."""
    try:
        return read(path.read_bytes())
    except OSError as error:
        raise BadSettings([f"{PREFIX}{variable}: {path} cannot be read: {error.strerror}."]) from None
    except BadKey:
        raise BadSettings(
            [f"{PREFIX}{variable}: {path} is no RSA key of 2,048 bits or more without a passphrase."]
        ) from None
