"""WeChat Pay v3, for merchants of their own in mainland China (CNY)."""

from devices.payments.wechat_pay.merchant import Merchant
from devices.payments.wechat_pay.provider import WeChatPay

__all__ = ["Merchant", "WeChatPay"]
