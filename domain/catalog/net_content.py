"""What a pack holds, read from its name: "330mL x 8" is 2640 mL. Unclear names are left unread."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from domain.catalog.content import ContentUnit
from domain.catalog.content_terms import Term, Unclear, is_piece, normal, terms
from domain.catalog.content_words import DOSE_FORMS, TWIN_PACKS, Measures

_BASE = {
    ContentUnit.GRAM: (ContentUnit.GRAM, Decimal(1)),
    ContentUnit.KILOGRAM: (ContentUnit.GRAM, Decimal(1000)),
    ContentUnit.MILLILITRE: (ContentUnit.MILLILITRE, Decimal(1)),
    ContentUnit.LITRE: (ContentUnit.MILLILITRE, Decimal(1000)),
    ContentUnit.METRE: (ContentUnit.METRE, Decimal(1)),
    ContentUnit.PIECE: (ContentUnit.PIECE, Decimal(1)),
}
# Two ways of saying one content may differ by rounding: "1LB 454 GM", "5 pounds (2.27kg)".
_ROUNDING = Decimal("0.02")
# A mass with a count before it is the mass of all, unless each would weigh less than this.
_LIGHTEST_PIECE_GRAMS = Decimal("0.5")
# Words that open a name and say nothing of its content: no digit, no bracket, no sign of arithmetic ...
_PLAIN = re.compile(r"[A-Za-z一-鿿 '&.,-]*")
# ... unless a word that the reading asks for is among them, or stands before the first number.
_TELLING = re.compile(
    rf"{'|'.join({words.split()[0] if words.isascii() else words[0]: None for words in TWIN_PACKS})}"
    r"|(?:x|per|of|每[一-鿿]?)\s*$",
    re.IGNORECASE,
)
_EACH = re.compile(r"\(each(?: (?:pc|piece))?\)|\(每[個个隻只件]\)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NetContent:
    """How much of what: 1.5 LITRE, 2640 MILLILITRE, 10 PIECE."""

    amount: Decimal
    unit: ContentUnit

    def in_base_unit(self) -> NetContent:
        """The same content in grams, millilitres, metres or pieces, so that two can be compared."""
        unit, factor = _BASE[self.unit]
        return NetContent(_plain(self.amount * factor), unit)


def read_net_content(name: str) -> NetContent | None:
    """The net content that a product's name states, or None when it states none or leaves a doubt.

    Read are masses, volumes, lengths and counts in English and Chinese: alone ("Chopped Ham 340g"),
    multiplied ("330mL x 8", "6 X 1.5 LT", "10片x 5包裝"), added ("1KG+200G"), said twice ("150g (30g x 5)").
    "6 bars 129g" is 129 g; "65g 5 packs" is None, for it may be 65 g each. So are ranges, bonus packs
    ("25g x 5+2"), contents that disagree, and units that differ from place to place (oz, 斤, 尺).
    """
    opening = _PLAIN.match(name)
    end = opening.end() if opening is not None else 0
    if end == len(name):
        return None
    if end > 2 and not _TELLING.search(name, 0, end):
        # Catalogues say " 500g" in thousands of names. What a number leans on stays with it: "V.5".
        name = name[end - (1 if name[end - 1] == " " else 2) :]
    return _stated(name)


@lru_cache(maxsize=10_000)
def _stated(name: str) -> NetContent | None:
    text = normal(name)
    lowered = text.lower()
    # A backslash stands before the number of packs in some tills' names ("Oil\3 900 ML"), but not always.
    if "\\" in text:
        return None
    try:
        found = terms(text)
    except Unclear:
        return None
    if any(words in lowered for words in TWIN_PACKS) and not any(term.factors for term in found):
        return None
    counts = [term for term in found if is_piece(term)]
    measured = [term for term in found if not is_piece(term)]
    if measured:
        return _measured(measured, counts)
    if _EACH.search(text):
        # Sold by the piece, whatever else its name counts: (Size "24s") (each pc).
        return NetContent(Decimal(1), ContentUnit.PIECE)
    return _counted(counts)


def _measured(measured: list[Term], counts: list[Term]) -> NetContent | None:
    readable = [term for term in measured if term.measures is not Measures.UNREAD]
    if len({term.measures for term in readable}) > 1:
        # "Seasoning 205mL (240g)": the content is what stands outside the brackets.
        readable = [term for term in readable if term.depth <= 0]
    if len({term.measures for term in readable}) != 1:
        return None
    main = _agreed(readable, counts)
    if main is None or main.word.unit is None or not _is_total(main, readable, counts):
        return None
    return NetContent(_plain(main.base / _BASE[main.word.unit][1]), main.word.unit)


def _agreed(same: list[Term], counts: list[Term]) -> Term | None:
    """The term to keep of several that say the same: metric before imperial, outside brackets before inside.

    A smaller one may say what each of the counted pieces holds. None when one says anything else.
    """
    main = min(same, key=lambda term: (not term.word.metric, term.depth, -term.base))
    for term in same:
        times = [Decimal(1), *(count.base for count in counts)]
        if not any(abs(term.base * n - main.base) <= main.base * _ROUNDING for n in times):
            return None
    return main


def _is_total(main: Term, same: list[Term], counts: list[Term]) -> bool:
    """Whether the content is that of all pieces counted, and not of one of them."""
    explained = {Decimal(1), *(number for term in same for number in term.factors)}
    explained |= {main.base / term.base for term in same}
    loose = [count for count in counts if count.base not in explained]
    if not loose:
        return True
    return (
        main.measures is Measures.MASS
        and not main.factors
        and all(
            count.start < main.start
            and count.spelt not in DOSE_FORMS
            and main.base / count.base >= _LIGHTEST_PIECE_GRAMS
            for count in loose
        )
    )


def _counted(counts: list[Term]) -> NetContent | None:
    """The one number of pieces; factors of a product ("3S 250'S X 3") are no numbers of their own."""
    factors = {number for count in counts for number in count.factors}
    totals = {count.base for count in counts if count.factors or count.base not in factors}
    return NetContent(_plain(totals.pop()), ContentUnit.PIECE) if len(totals) == 1 else None


def _plain(amount: Decimal) -> Decimal:
    """To three decimals at most, without trailing zeros or an exponent."""
    return Decimal(f"{amount.quantize(Decimal('0.001')).normalize():f}")
