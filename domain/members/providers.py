"""Who else knows members: other houses that tell us by what name."""

from __future__ import annotations

from typing import NamedTuple, Protocol

WECHAT = "wechat"


class WeChatUser(NamedTuple):
    """Somebody by the name WeChat has for them in one application, and across all of an owner's (or None)."""

    openid: str
    unionid: str | None


class WeChatLogin(Protocol):
    """Tells who logged in to a mini-program."""

    async def user(self, code: str) -> WeChatUser | None:
        """Whoever the code of `wx.login` stands for; None for a code that proves nothing.

        Raises RequestError UNAVAILABLE when WeChat cannot be asked.
        """
        ...
