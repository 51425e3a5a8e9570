"""Every field's rule, and what a caller hears who may not ask."""

from __future__ import annotations

from domain.access import Principal, Rule
from domain.refusals import RequestCode, RequestError, Text

RULE = "rule"
"""The key under which a field's metadata holds its rule."""


def must_allow(rule: Rule, viewer: Principal) -> None:
    """Raises UNAUTHENTICATED without a token and FORBIDDEN with one that the rule does not allow."""
    if rule.allows(viewer):
        return
    if not viewer.is_signed_in:
        raise RequestError(RequestCode.UNAUTHENTICATED, Text(en="Please sign in.", zh="请先登录。"))
    raise RequestError(
        RequestCode.FORBIDDEN,
        Text(en=f"This is for {rule.name}.", zh="当前身份无权执行此操作。"),
    )
