"""From a product's name to the contents it states: numbers with their units, multiplied and added."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal

from domain.catalog.content import ContentUnit
from domain.catalog.content_words import CASED, HAN, LATIN, NOT_BEFORE, Measures, Word


class Unclear(Exception):  # noqa: N818 - no error: a name may say two things
    """The name can be read in two ways."""


@dataclass(frozen=True, slots=True)
class Term:
    """One content that a name states, in base units (g, mL, m, pieces).

    `factors` are the numbers multiplied in it, `depth` the brackets around it, `start` its place in the name.
    """

    measures: Measures
    base: Decimal
    word: Word
    spelt: str
    start: int
    depth: int
    factors: tuple[Decimal, ...] = ()


@dataclass(frozen=True, slots=True)
class _Quantity:
    """A number, and the unit behind it where there is one."""

    number: Decimal
    word: Word | None
    spelt: str
    start: int
    end: int
    depth: int

    def measures(self, *kinds: Measures) -> bool:
        return self.word is not None and self.word.measures in kinds


_QUANTITY = re.compile(
    r"(?<![A-Za-zÀ-ÿ\d])(?<!\d[.,])(?<![A-Za-z]\.)(\d+(?:[.,]\d+)?)(?![.,]?\d)"
    r"(?:[\s-]*('?[A-Za-z]+(?!')|\"|[一-鿿]{1,3}))?"
)
# An x between contents ("250張X3", "6 X 1.5", "200GX3"), and no letter of a word such as "relax 20".
_TIMES = re.compile(r"(?<=[\s)\d一-鿿])x\s*(?=\(?\d)", re.IGNORECASE)
_TIMES_STUCK = re.compile(r"(\d(?:kg|gm|g|ml|lt|l|pcs|pc|'s|s))x(?=\d)", re.IGNORECASE)
_PACK_OF = re.compile(r"\bpack of (\d+)\b", re.IGNORECASE)
_PER_AFTER = re.compile(r"\s*(?:/\s*[^\W\d]|each\b|per\b)", re.IGNORECASE)
_PER_BEFORE = re.compile(r"(?:\bper|每[一-鿿]?)\s*$", re.IGNORECASE)


def normal(name: str) -> str:
    """The name in one spelling: full width as half width, every sign of multiplication as a spaced "×"."""
    text = unicodedata.normalize("NFKC", name).replace("’", "'").replace("`", "'")
    if "×" in text or "*" in text or "✕" in text:
        text = re.sub(r"[×*✕]", " × ", text)
    if "x" in text or "X" in text:
        text = _TIMES.sub(" × ", _TIMES_STUCK.sub(r"\1 × ", text))
    return _PACK_OF.sub(r"\1 pack", text) if "pack of" in text.lower() else text


def terms(text: str) -> list[Term]:
    """The contents that a normal name states, in its order. Raises `Unclear`."""
    quantities = _quantities(text)
    found: list[Term] = []
    loose: list[_Quantity] = []
    index = 0
    while index < len(quantities):
        chain, signs = [quantities[index]], []
        while index + 1 < len(quantities):
            sign = _sign(text, quantities[index], quantities[index + 1])
            if sign is None:
                break
            index += 1
            signs.append(sign)
            chain.append(quantities[index])
        index += 1
        if text[: chain[0].start].rstrip(" (").endswith("×"):
            loose += chain
        else:
            found += _chain(text, chain, signs)
    if not loose:
        return found
    # "Teabag x 25" holds 25; "50g (assorted) x 5" multiplies we know not what.
    if found or len(loose) > 1 or loose[0].word is not None:
        raise Unclear(text)
    (only,) = loose
    return [Term(Measures.PIECES, only.number, LATIN["pcs"], "", only.start, only.depth)]


def _quantities(text: str) -> list[_Quantity]:
    found = []
    for match in _QUANTITY.finditer(text):
        word, spelt, length = _word(match[2] or "")
        number = _number(match[1], word)
        if word is not None and word.measures is Measures.PIECES and number % 1:
            word = None
        end = match.end(1) if word is None else match.start(2) + length
        depth = text.count("(", 0, match.start()) - text.count(")", 0, match.start())
        found.append(_Quantity(number, word, spelt, match.start(), end, depth))
    return found


def _word(letters: str) -> tuple[Word | None, str, int]:
    """What the letters behind a number mean, their spelling, and how many of them that takes."""
    if not letters or letters[0] < "一":
        spelt = letters.lower()
        return CASED.get(letters) or LATIN.get(spelt), spelt, len(letters)
    for length in (2, 1):
        word, after = HAN.get(letters[:length]), letters[length : length + 1]
        if word is not None and after not in NOT_BEFORE and length <= len(letters):
            return word, letters[:length], length + (after in ("裝", "装"))
    return None, letters, 0


def _number(digits: str, word: Word | None) -> Decimal:
    """The number, its comma read as thousands before three digits, else as the decimal point."""
    whole, comma, rest = digits.partition(",")
    if not comma or len(rest) != 3 or whole == "0":
        return Decimal(digits.replace(",", "."))
    if word is not None and word.factor == 1000:
        raise Unclear(digits)  # "1,500 kg" is one and a half, or fifteen hundred.
    return Decimal(whole + rest)


def _sign(text: str, left: _Quantity, right: _Quantity) -> str | None:
    """What joins two quantities: "×", "+", "-" for a range or an alternative; None when nothing does."""
    between = text[left.end : right.start]
    sign = between.strip(" ()") if "×" in between else between.strip()
    if sign in ("×", "+"):
        return sign
    if sign == "/" and left.word is not None and right.word is not None and left.word is not right.word:
        return None  # "340g / 12oz" says one content twice.
    return "-" if sign in ("/", "~", "至") or between in ("-", "–") else None


def _chain(text: str, chain: list[_Quantity], signs: list[str]) -> list[Term]:
    """The terms of quantities joined by signs: none for ranges and for "180g/roll", one for a sum."""
    if "-" in signs or _PER_AFTER.match(text, chain[-1].end) or _PER_BEFORE.search(text[: chain[0].start]):
        return []
    products = [[chain[0]]]
    for sign, quantity in zip(signs, chain[1:], strict=True):
        if sign == "×":
            products[-1].append(quantity)
        else:
            products.append([quantity])
    found = [term for product in products if (term := _product(product)) is not None]
    if len(products) == 1 or not found:
        return found
    first, units = found[0], {term.word.unit for term in found}
    if len(found) < len(products) or any(term.measures is not first.measures for term in found):
        raise Unclear(text)  # "25g x 5+2 bags", "10+1KG": two of what, ten of what?
    word = first.word if len(units) == 1 else _SMALL_UNITS[first.measures]
    total = sum((term.base for term in found), Decimal(0))
    return [Term(first.measures, total, word, "", first.start, first.depth)]


_SMALL_UNITS = {Measures.MASS: LATIN["g"], Measures.VOLUME: LATIN["ml"]}
_CONTENTS = (Measures.MASS, Measures.VOLUME, Measures.LENGTH, Measures.UNREAD)


def _product(quantities: list[_Quantity]) -> Term | None:
    """The content of quantities multiplied; None for plain numbers, sizes, layers and doses."""
    contents = [q for q in quantities if q.measures(*_CONTENTS)]
    counts = [q for q in quantities if q.measures(Measures.PIECES)]
    if len(contents) > 1:
        raise Unclear
    main = next(iter(contents or counts), None)
    if main is None or main.word is None:
        return None
    if any(q.measures(Measures.SIZE) for q in quantities) and not main.measures(Measures.LENGTH):
        return None
    factors = [q.number for q in quantities if q is not main and (q.word is None or q in counts)]
    base = main.number * main.word.factor
    for factor in factors:
        base *= factor
    if base <= 0:
        return None
    if factors and main in counts:
        factors.append(main.number)
    start, depth = quantities[0].start, min(q.depth for q in quantities)
    return Term(main.word.measures, base, main.word, main.spelt, start, depth, tuple(factors))


def is_piece(term: Term) -> bool:
    """Whether the term counts pieces and measures nothing."""
    return term.word.unit is ContentUnit.PIECE
