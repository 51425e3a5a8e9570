"""Languages: which translation somebody gets who asked for one that may not be there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

# A region's readers are served best by the nearest script, before any other language.
_NEAREST: dict[str, tuple[str, ...]] = {
    "zh-HK": ("zh-TW", "zh-MO", "zh-Hant", "zh", "zh-CN"),
    "zh-MO": ("zh-HK", "zh-TW", "zh-Hant", "zh", "zh-CN"),
    "zh-TW": ("zh-HK", "zh-MO", "zh-Hant", "zh", "zh-CN"),
    "zh-Hant": ("zh-HK", "zh-TW", "zh", "zh-CN"),
    "zh-CN": ("zh-SG", "zh-Hans", "zh", "zh-HK", "zh-TW"),
    "zh-SG": ("zh-CN", "zh-Hans", "zh", "zh-HK", "zh-TW"),
    "zh-Hans": ("zh-CN", "zh", "zh-HK", "zh-TW"),
    "zh": ("zh-CN", "zh-HK", "zh-TW"),
}


def translated(texts: Mapping[str, str], locale: str, default: str) -> str:
    """The text for a locale, else the nearest: same script, same language, the default's, English, any.

    Never empty-handed while there is any text; "" when there is none.
    """
    text = texts.get(locale)
    if text is not None:
        return text
    for wanted in (locale, default):
        language = wanted.partition("-")[0]
        for tag in (wanted, *_NEAREST.get(wanted, ()), language):
            if tag in texts:
                return texts[tag]
        for tag in sorted(texts):
            if tag.partition("-")[0] == language:
                return texts[tag]
    return texts.get("en") or next((texts[tag] for tag in sorted(texts)), "")


def preferred(accept_language: str | None, default: str) -> str:
    """The first language of an Accept-Language header by weight, else the default (RFC 9110, 12.5.4)."""
    best, best_weight = default, 0.0
    for part in (accept_language or "")[:500].split(","):
        tag, _, parameters = part.strip().partition(";")
        weight = _weight(parameters)
        if tag and tag != "*" and weight > best_weight and _well_formed(tag):
            best, best_weight = _canonical(tag), weight
    return best


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return min(1.0, max(0.0, float(value)))
    except ValueError:
        return 0.0


def _well_formed(tag: str) -> bool:
    parts: Sequence[str] = tag.split("-")
    return all(part.isalnum() and part.isascii() and len(part) <= 8 for part in parts) and parts[0].isalpha()


def _canonical(tag: str) -> str:
    """The tag as BCP 47 writes it: language in small letters, script titled, region in capitals."""
    language, *rest = tag.split("-")
    shaped = [part.title() if len(part) == 4 else part.upper() if len(part) == 2 else part for part in rest]
    return "-".join([language.lower(), *shaped])
