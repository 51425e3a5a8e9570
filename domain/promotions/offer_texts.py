"""What an offer says that a shop words itself, where it can't be mistaken; else nothing is read into it.

A text is read as a whole: every part between " / " must be understood, and the texts of one offer in several
languages must say the same. The forms are those shops in Hong Kong write; amounts are in the shop's currency.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

_LARGEST_QUANTITY = 100


class OfferKind(StrEnum):
    """What sort of thing an offer says."""

    BUY_FOR = "BUY_FOR"
    """So many for an amount."""
    BUY_SAVE = "BUY_SAVE"
    """So many, and an amount less."""
    BUY_PERCENT = "BUY_PERCENT"
    """So many at a percentage off."""
    BUY_GET = "BUY_GET"
    """So many, and so many more free or at a percentage off."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """One thing an offer says: for how many, and what amount, percentage or pieces belong to it."""

    kind: OfferKind
    quantity: int
    amount: Decimal | None = None
    percent: Decimal | None = None
    get: int | None = None


def understood(texts: Iterable[str]) -> frozenset[Meaning] | None:
    """What an offer says, given its texts in one or more languages; None when there is any doubt."""
    readings = {read(text) for text in texts if text.strip()}
    return readings.pop() if len(readings) == 1 else None


def read(text: str) -> frozenset[Meaning] | None:
    """What one text says, in whatever language; None when any part of it is not understood."""
    meanings: set[Meaning] = set()
    for part in re.split(r"\s/(?:\s|$)", text):
        if part.strip():
            meaning = _read_part(part.strip())
            if meaning is None:
                return None
            meanings.add(meaning)
    return frozenset(meanings) or None


def _read_part(part: str) -> Meaning | None:
    for pattern, make in _FORMS:
        found = pattern.fullmatch(part)
        if found is not None:
            meaning = make(**found.groupdict())
            return meaning if meaning is not None and _is_sound(meaning) else None
    return None


def _is_sound(meaning: Meaning) -> bool:
    return (
        1 <= meaning.quantity <= _LARGEST_QUANTITY
        and (meaning.amount is None or meaning.amount > 0)
        and (meaning.percent is None or 0 < meaning.percent <= 100)
        and (meaning.get is None or 1 <= meaning.get <= _LARGEST_QUANTITY)
    )


def in_order(meaning: Meaning) -> tuple[int, str, Decimal, Decimal, int]:
    """What to sort the meanings of an offer by: few before many."""
    return (
        meaning.quantity,
        meaning.kind.value,
        meaning.amount or Decimal(0),
        meaning.percent or Decimal(0),
        meaning.get or 0,
    )


# ------------------------------------------------------------------ what the forms mean


def _buy_for(n: str, amount: str) -> Meaning:
    return Meaning(OfferKind.BUY_FOR, int(n), amount=_plain(amount))


def _buy_save(n: str, amount: str) -> Meaning:
    return Meaning(OfferKind.BUY_SAVE, int(n), amount=_plain(amount))


def _buy_percent(percent: str, n: str = "1") -> Meaning | None:
    # A whole price off is no percentage anybody gives on everything.
    return Meaning(OfferKind.BUY_PERCENT, int(n), percent=_plain(percent)) if Decimal(percent) < 100 else None


def _buy_at_tenths(tenths: str, n: str = "1") -> Meaning | None:
    off = _off_in_tenths(tenths)
    return None if off is None else Meaning(OfferKind.BUY_PERCENT, int(n), percent=off)


def _buy_get(n: str, get: str) -> Meaning:
    return Meaning(OfferKind.BUY_GET, int(n), percent=Decimal(100), get=int(get))


def _nth_at(percent: Decimal | None, nth: str, n: str | None) -> Meaning | None:
    # "Buy 3, the 2nd at half price" leaves open how many are at half price.
    if percent is None or int(nth) < 2 or (n is not None and n != nth):
        return None
    return Meaning(OfferKind.BUY_GET, int(nth) - 1, percent=percent, get=1)


def _nth_at_half(nth: str, n: str | None = None) -> Meaning | None:
    return _nth_at(Decimal(50), nth, n)


def _nth_at_percent(nth: str, percent: str) -> Meaning | None:
    return _nth_at(_plain(percent), nth, None)


def _nth_at_tenths(nth: str, tenths: str, n: str | None = None) -> Meaning | None:
    return _nth_at(_off_in_tenths(tenths), nth, n)


def _off_in_tenths(tenths: str) -> Decimal | None:
    """The percentage off when 8折 or 85折 is what is left to pay: 20 and 15."""
    paid = Decimal(tenths)
    if paid < 10:
        paid *= 10
    elif paid == 10 or "." in tenths:
        return None
    off = 100 - paid
    return _plain(str(off)) if 0 < off < 100 else None


def _plain(number: str) -> Decimal:
    """The number written in one way only, so that 4.00 and 4 are the same."""
    value = Decimal(number)
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value.normalize()


# ------------------------------------------------------------------ the forms

_N, _AMOUNT = r"(?P<n>\d{1,3})", r"\$\s?(?P<amount>\d{1,6}(?:\.\d{1,2})?)"
_PERCENT = r"(?P<percent>\d{1,2}(?:\.\d)?)\s?%"
_TENTHS = r"(?P<tenths>\d(?:\.\d)?|\d\d)\s?折"
_NTH = r"(?P<nth>\d)(?:st|nd|rd|th)"
_PIECES = r"(?:\s?(?:pcs?|items?|item\(s\)|bottles|packs|boxes))?"
_WEEK = r"(?:\s?WK\d{1,2})?"  # the shop's own mark for a week, which its Chinese texts leave out

_ENGLISH: tuple[tuple[str, Callable[..., Meaning | None]], ...] = (
    (rf"(?:buy\s)?{_N}{_PIECES}\s(?:for|at)\s{_AMOUNT}", _buy_for),
    (rf"buy\s{_N}\s?pcs\s{_AMOUNT}", _buy_for),
    (rf"buy\s{_N}{_PIECES}\s(?:to\s)?save\s{_AMOUNT}", _buy_save),
    (rf"buy\s{_N}{_PIECES}\s(?:(?:to\s)?(?:get|enjoy)\s)?{_PERCENT}\s?off", _buy_percent),
    (rf"{_N}\sor\smore\s{_PERCENT}\s?off", _buy_percent),
    (rf"{_PERCENT}\s?off", _buy_percent),
    (rf"buy\s{_N}\sget\s(?P<get>\d{{1,2}})\sfree", _buy_get),
    (rf"buy\s{_NTH}\sat\shalf\sprice{_WEEK}", _nth_at_half),
    (rf"{_NTH}\s{_PERCENT}\s?off", _nth_at_percent),
)
_CHINESE: tuple[tuple[str, Callable[..., Meaning | None]], ...] = (
    (rf"(?:买\s?)?{_N}\s?件\s?(?:只需)?\s?{_AMOUNT}", _buy_for),
    (rf"{_AMOUNT}\s?任拣\s?{_N}\s?件", _buy_for),
    (rf"买\s?{_N}\s?件?\s?悭\s?{_AMOUNT}", _buy_save),
    (rf"买\s?{_N}\s?件(?:或以上)?\s?(?:享有?)?\s?{_PERCENT}\s?折扣", _buy_percent),
    (rf"(?:买\s?)?{_N}\s?件(?:或以上)?\s?(?:可?享)?\s?{_TENTHS}", _buy_at_tenths),
    (_TENTHS, _buy_at_tenths),
    (rf"买\s?{_N}\s?件?\s?送\s?(?P<get>\d{{1,2}})\s?件?", _buy_get),
    (rf"(?:买\s?{_N}\s?件\s?)?第\s?(?P<nth>\d)\s?件\s?半价", _nth_at_half),
    (rf"(?:买\s?{_N}\s?件\s?)?第\s?(?P<nth>\d)\s?件\s?{_TENTHS}", _nth_at_tenths),
)
_FORMS = tuple((re.compile(form, re.IGNORECASE | re.ASCII), make) for form, make in (*_ENGLISH, *_CHINESE))
