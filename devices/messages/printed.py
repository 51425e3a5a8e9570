"""Text messages for developers: into the log."""

from __future__ import annotations

import structlog

from devices.messages.wording import code_message

_log = structlog.stdlib.get_logger("shelfgraph.messages")


class PrintedMessages:
    """Writes every message down instead of sending it."""

    async def send(self, phone: str, code: str, locale: str) -> None:
        """The message, in the log."""
        _log.info("a text message", phone=phone, text=code_message(code).in_language(locale))
