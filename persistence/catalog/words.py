"""What a product is found by and ordered by: words for full-text search, letters for trigrams, sort keys.

Writers and searchers both come here, so that what is stored and what is asked for is cut the same way:
Traditional Chinese is read as Simplified, Chinese is cut into every dictionary word it holds, everything else
is left to PostgreSQL's `english` configuration. The dictionaries are loaded when first needed.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_QUERY = 200
"""More characters than this of a search text are not looked at."""

# Unified ideographs with extensions A to H, compatibility ideographs, and the iteration and zero marks.
_HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_CHINESE = re.compile(f"[{_HAN}]+")
# Words and numbers apart, so that "330ml" and "330 mL" are alike; points stay inside a number only.
_PIECES = re.compile(rf"[{_HAN}]+|\d+(?:[.,]\d+)*|[^\W\d_]+")
_APOSTROPHES = re.compile("['’‘`´]")


class SearchWords(NamedTuple):
    """The texts a product is stored with; the first four go through `vector`."""

    name: str
    brand: str
    category: str
    description: str
    letters: str
    sort_en: str
    sort_zh: str


def search_words(
    *,
    names: Mapping[str, str],
    brands: Iterable[str] = (),
    categories: Iterable[str] = (),
    descriptions: Iterable[str] = (),
) -> SearchWords:
    """What a product is found and ordered by.

    `names` is by locale; `brands`, `categories` (names of its category and all above) and `descriptions` are
    texts in any language. Equal arguments give equal texts, so that writing them again changes nothing.
    """
    brands = [*brands]
    english = names.get("en") or next((names[tag] for tag in sorted(names) if tag.startswith("en")), "")
    chinese = next((names[tag] for tag in sorted(names) if tag.lower().startswith("zh")), "")
    fallback = names[min(names)] if names else ""
    return SearchWords(
        name=words_of(names.values()),
        brand=words_of_all(brands),
        category=words_of_all(categories),
        description=words_of(descriptions),
        letters=_unique(letters_of(text) for text in (*names.values(), *brands)),
        sort_en=_folded(english or fallback),
        sort_zh=sort_key_zh(chinese or english or fallback),
    )


def words_of(texts: Iterable[str]) -> str:
    """Every word of the texts, once each, ready for `to_tsvector('english', …)`."""
    found: dict[str, None] = {}
    for text in texts:
        for piece in _PIECES.findall(_plain(text)):
            if piece in found:
                continue
            if not piece.isascii() and _CHINESE.match(piece):
                # Every dictionary word at every place, single characters too: whatever way a search text is
                # cut, a text that stands in a name is made of words of that name.
                found.update(dict.fromkeys(_cutter().cut_all(piece)))
            else:
                found[piece] = None
    return " ".join(found)


def words_of_all(texts: Iterable[str]) -> str:
    """What `words_of` answers, remembered: for brands and categories, which thousands of products share."""
    return _repeated_words(tuple(texts))


@lru_cache(maxsize=10_000)
def _repeated_words(texts: tuple[str, ...]) -> str:
    return words_of(texts)


def query_words(text: str) -> str:
    """A search text as a query for `to_tsquery('english', …)`; "" when there is no word in it.

    All words have to be found. A Chinese word of three characters or more is also found in its parts
    (「鲜牛奶」 in 「新鲜全脂牛奶」), which rank lower. PostgreSQL's own signs are left out.
    """
    wanted: dict[str, None] = {}
    for piece in _PIECES.findall(_plain(text[:LONGEST_QUERY])):
        if _CHINESE.match(piece):
            for word in _cutter().cut(piece, False):
                wanted[_or_its_parts(word)] = None
        else:
            wanted[piece] = None
    return " & ".join(wanted)


@lru_cache(maxsize=10_000)
def letters_of(text: str) -> str:
    """The text folded for trigram search, on both sides: small letters, Simplified, single spaces."""
    if text.isascii():
        return " ".join(text.lower().split())  # all that the rest would do to it
    return " ".join(_simplified(_folded(text)).split())


@lru_cache(maxsize=10_000)
def sort_key_zh(text: str) -> str:
    """A key that orders by pinyin, then tone, byte by byte; letters and digits stand in their own place.

    Each character counts with its most frequent reading.
    """
    key = [f" {_reading(sign)} " if _CHINESE.match(sign) else sign for sign in _folded(text)]
    return " ".join("".join(key).split())


def vector(
    name: sa.ColumnElement[str],
    brand: sa.ColumnElement[str],
    category: sa.ColumnElement[str],
    description: sa.ColumnElement[str],
) -> sa.ColumnElement[Any]:
    """The `tsvector` of SearchWords' texts: names weigh A, brands B, categories C, descriptions D."""
    parts = [
        sa.func.setweight(
            sa.func.to_tsvector(sa.literal_column("'english'::regconfig"), part),
            sa.literal_column(f"'{weight}'::\"char\""),
        )
        for part, weight in zip((name, brand, category, description), "ABCD", strict=True)
    ]
    return parts[0].op("||")(parts[1]).op("||")(parts[2]).op("||")(parts[3])


class _Cutter(Protocol):
    def cut(self, text: str, hmm: bool = ...) -> list[str]: ...
    def cut_all(self, text: str) -> list[str]: ...


@cache
def _cutter() -> _Cutter:
    import rjieba

    cutter: _Cutter = rjieba
    return cutter


@cache
def _to_simplified() -> Callable[[str], str]:
    import opencc

    convert: Callable[[str], str] = opencc.OpenCC("t2s").convert
    return convert


@cache
def _readings() -> Mapping[int, str]:
    # Its table of phrases takes three times as long to load as all the rest and is not used here.
    os.environ.setdefault("PYPINYIN_NO_PHRASES", "true")
    from pypinyin.constants import PINYIN_DICT

    readings: Mapping[int, str] = PINYIN_DICT
    return readings


@cache
def _reading(character: str) -> str:
    """The pinyin of a character with its tone as a digit at the end (5 for none); itself when it has none."""
    marked = _readings().get(ord(character), "").partition(",")[0]
    tone, plain = "5", ""
    for mark in unicodedata.normalize("NFD", marked):
        if mark in "\u0304\u0301\u030c\u0300":
            tone = str("\u0304\u0301\u030c\u0300".index(mark) + 1)
        elif mark == "\u0308":
            plain = plain[:-1] + "v"
        elif not unicodedata.combining(mark):
            plain += mark
    return plain + tone if plain else character


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower().strip()
    return unicodedata.normalize("NFKC", text).casefold().strip()


def _simplified(text: str) -> str:
    return _to_simplified()(text) if _CHINESE.search(text) else text


def _plain(text: str) -> str:
    return _APOSTROPHES.sub("", letters_of(text))


def _or_its_parts(word: str) -> str:
    if len(word) < 3:
        return word
    parts = _parts(word)
    return f"({word} | ({' & '.join(parts)}))"


def _parts(word: str) -> list[str]:
    """The word cut once more into shorter dictionary words, the longest from its end first."""
    shorter = {part for part in _cutter().cut_all(word) if part != word}
    parts: list[str] = []
    end = len(word)
    while end:
        start = next(start for start in range(end) if word[start:end] in shorter or start == end - 1)
        parts.append(word[start:end])
        end = start
    return parts[::-1]


def _unique(texts: Iterable[str]) -> str:
    return " ".join(dict.fromkeys(text for text in texts if text))
