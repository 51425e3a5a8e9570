"""Signing in: how long codes and tokens last, how often one may try, and what is said to who may not."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from domain.access import Principal
from domain.refusals import RefusalCode, Refused

CODE_DIGITS = 6
CODE_LIFETIME = timedelta(minutes=5)
ASK_AGAIN = timedelta(seconds=60)
"""So long after a code was asked for, another one may be."""
MOST_TRIES = 5
"""So often a code may be tried."""
LONGEST_POLICY_VERSION = 64
LONGEST_PASSWORD = 200


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many attempts within a stretch of time that begins with the first of them."""

    most: int
    within: timedelta


CODES_PER_PHONE = Allowance(10, timedelta(hours=1))
TRIES_PER_PHONE = Allowance(15, timedelta(minutes=15))
PASSWORDS_PER_ACCOUNT = Allowance(5, timedelta(minutes=15))


class CodeSender(Protocol):
    """Brings a one-time code to a telephone."""

    async def send(self, phone: str, code: str, locale: str) -> None:
        """Sends the code to a number as E.164 writes it. Raises RequestError UNAVAILABLE."""
        ...


class TokenIssuer(Protocol):
    """Makes access tokens."""

    def issue(
        self, principal: Principal, *, now: datetime, lifetime: timedelta, sign_in: str | None = None
    ) -> str:
        """A token for the principal, good from now until `now + lifetime`, or the end of its sign-in."""
        ...


def new_code() -> str:
    """A code nobody can guess in as many tries as it has."""
    return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"


def code_wrong(*field: str) -> Refused:
    """What whoever shows a wrong code hears, an old one, or one that was used."""
    return Refused.because(
        RefusalCode.CODE_WRONG, en="This code is not right.", zh="验证码不正确。", field=("input", *field)
    )


def code_expired(*field: str) -> Refused:
    """What whoever shows the right code too late hears."""
    return Refused.because(
        RefusalCode.CODE_EXPIRED,
        en="This has expired; please ask for another.",
        zh="已过期，请重新获取。",
        field=("input", *field),
    )


def too_many(*field: str) -> Refused:
    """What whoever tried too often hears, whether or not the last try was right."""
    return Refused.because(
        RefusalCode.TOO_MANY_ATTEMPTS,
        en="There were too many attempts; please try again later.",
        zh="尝试次数过多，请稍后再试。",
        field=("input", *field),
    )


def invalid(en: str, zh: str, *field: str) -> Refused:
    """What whoever signs in with what cannot be hears."""
    return Refused.because(RefusalCode.INVALID_INPUT, en=en, zh=zh, field=("input", *field))


def signs(text: str, longest: int) -> bool:
    """Whether a text of an input has a length that anybody means."""
    return 1 <= len(text) <= longest


def first_of(stores: Sequence[str], wanted: str | None) -> str | None:
    """The store to work in of those one may: the one wanted, else the first; None where there is none."""
    if wanted is not None:
        return wanted if wanted in stores else None
    return min(stores, default=None)
