"""The payment providers played for a test."""

from collections.abc import AsyncIterator

import pytest

from tests.payments.alipay import AlipayServer
from tests.payments.alipay import alipay as play_alipay
from tests.payments.wechat import WeChatServer
from tests.payments.wechat import wechat as play_wechat


@pytest.fixture(scope="session")
async def wechat_played() -> AsyncIterator[WeChatServer]:
    async with play_wechat() as server:
        yield server


@pytest.fixture(scope="session")
async def alipay_played() -> AsyncIterator[AlipayServer]:
    async with play_alipay() as server:
        yield server


@pytest.fixture
def wechat(wechat_played: WeChatServer) -> WeChatServer:
    wechat_played.forget()
    return wechat_played


@pytest.fixture
def alipay(alipay_played: AlipayServer) -> AlipayServer:
    alipay_played.forget()
    return alipay_played
