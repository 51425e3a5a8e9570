"""WeChat's mini-program login: the code of `wx.login` against an openid, by `code2session`.

How it is spoken is described at
https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-login/code2Session.html.
"""

from __future__ import annotations

import httpx2
import structlog

from domain.members.providers import WeChatUser
from domain.refusals import RequestCode, RequestError, Text

_PATH = "/sns/jscode2session"
_SECONDS = 5.0
_LONGEST_CODE = 200
# Codes that are invalid, were used, or whose user WeChat blocks: the caller has to log in again, or cannot.
_WORTHLESS = {40029, 40163, 40226, 41008}
_log = structlog.get_logger("shelfgraph.wechat")


class MiniProgram:
    """One mini-program at WeChat's address."""

    def __init__(self, address: str, app_id: str, secret: str) -> None:
        self._address = address.rstrip("/") + _PATH
        self._app_id = app_id
        self._secret = secret

    async def user(self, code: str) -> WeChatUser | None:
        """Whoever the code stands for; None for a code that proves nothing. Raises UNAVAILABLE.

        The session key WeChat answers with is not kept: nothing here is decrypted by it.
        """
        if not 1 <= len(code) <= _LONGEST_CODE:
            return None
        asked = {
            "appid": self._app_id,
            "secret": self._secret,
            "js_code": code,
            "grant_type": "authorization_code",
        }
        try:
            async with httpx2.AsyncClient(timeout=_SECONDS) as client:
                response = await client.get(self._address, params=asked)
            # WeChat answers JSON as text/plain, refusals with status 200.
            answer = response.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise _unavailable() from error
        if not isinstance(answer, dict):
            raise _unavailable()
        openid, unionid = answer.get("openid"), answer.get("unionid")
        problem = answer.get("errcode", 0)
        if problem in _WORTHLESS:
            return None
        if problem or not isinstance(openid, str) or not openid:
            _log.error("WeChat refuses to tell who logged in", code=problem)
            raise _unavailable()
        return WeChatUser(openid, unionid if isinstance(unionid, str) and unionid else None)


def _unavailable() -> RequestError:
    return RequestError(
        RequestCode.UNAVAILABLE,
        Text(
            en="WeChat cannot be asked right now; please try again shortly.",
            zh="暂时无法连接微信，请稍后重试。",
        ),
        retry_after_seconds=5,
    )
