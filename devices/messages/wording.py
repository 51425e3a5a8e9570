"""What a text message with a code says."""

from __future__ import annotations

from domain.refusals import Text


def code_message(code: str) -> Text:
    """The message that brings a code."""
    return Text(
        en=f"{code} is your sign-in code. It is good for 5 minutes; nobody of ours will ever ask for it.",
        zh=f"您的登录验证码是 {code}，5 分钟内有效。我们的员工不会向您索取验证码。",
    )
