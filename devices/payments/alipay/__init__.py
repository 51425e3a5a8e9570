"""Alipay's open platform, for merchants of their own (alipay.trade.*, RSA2)."""

from devices.payments.alipay.merchant import Merchant
from devices.payments.alipay.provider import Alipay

__all__ = ["Alipay", "Merchant"]
