"""Pieces that faces of every size are made of: the name, the price, a tag, a struck price, the QR code."""

from __future__ import annotations

from devices.faces import codes
from devices.faces.canvas import Canvas, Ink
from devices.faces.glyphs import Style, black, cap_height, clean, cut, fit, regular, width
from devices.faces.wording import PriceText, words
from domain.labels import FaceFields, FaceTemplate

Styles = tuple[tuple[Style, int], ...]


def title(fields: FaceFields) -> str:
    """Brand and name as a shopper would say them, the brand once."""
    name, brand = clean(fields.name_zh) or clean(fields.name_en), clean(fields.brand or "")
    return name if not brand or brand.casefold() in name.casefold() else f"{brand} {name}"


def call(canvas: Canvas, fields: FaceFields, template: FaceTemplate) -> tuple[Ink, str]:
    """How an offer calls: the colour behind its price, and the word on its tag."""
    vocabulary = words(fields.locale)
    if template is FaceTemplate.CLEARANCE:
        return canvas.second_accent, vocabulary.clearance
    return canvas.accent, vocabulary.promotion if fields.compare_at else vocabulary.offer


def paragraph(
    canvas: Canvas,
    text: str,
    styles: Styles,
    *,
    left: int,
    top: int,
    right: int,
    leading: float = 1.16,
    ink: Ink = Ink.BLACK,
) -> tuple[int, int]:
    """Lines set in the first style they fit in; the y below them, and how many they are."""
    style, lines = fit(text, styles, right - left)
    step = round(style.size * leading)
    baseline = top + round(style.size * 0.9)
    for number, line in enumerate(lines):
        canvas.text(left, baseline + number * step, line, style, ink)
    return top + len(lines) * step, len(lines)


def line(
    canvas: Canvas, x: int, baseline: int, text: str, style: Style, room: int, ink: Ink = Ink.BLACK
) -> int:
    """A single line, cut to the room; where it ends."""
    return canvas.text(x, baseline, cut(text, style, room), style, ink)


def price_width(price: PriceText, size: int, *, apiece: str) -> int:
    """How wide `draw_price` will be."""
    sign, comma, cents, unit = _price_styles(size)
    whole = sum(width(c, comma if c == "," else black(size)) for c in price.whole)
    return (
        width(price.sign, sign) + 2 * _gap(size) + whole + max(width(price.cents, cents), width(apiece, unit))
    )


def fitting_size(price: PriceText, sizes: range, room: int, *, apiece: str) -> int:
    """The largest of the sizes at which the price is no wider than `room`; the last where none is."""
    return next((size for size in sizes if price_width(price, size, apiece=apiece) <= room), sizes[-1])


def draw_price(
    canvas: Canvas, price: PriceText, size: int, *, right: int, baseline: int, apiece: str, ink: Ink
) -> int:
    """The price up to `right`: sign and cents raised, the unit of charge below the cents. Where it begins."""
    sign, comma, cents, unit = _price_styles(size)
    whole = black(size)
    start = right - price_width(price, size, apiece=apiece)
    top = baseline - cap_height(whole)
    x = canvas.text(start, top + cap_height(sign), price.sign, sign, ink) + _gap(size)
    for character in price.whole:
        x = canvas.text(x, baseline, character, comma if character == "," else whole, ink)
    x += _gap(size)
    canvas.text(x, top + cap_height(cents), price.cents, cents, ink)
    canvas.text(x, baseline, apiece, unit, ink)
    return start


def _price_styles(size: int) -> tuple[Style, Style, Style, Style]:
    """Sign, thousands comma (small: its tail stays clear of the line below), cents, unit of charge."""
    cents = max(12, round(size * 0.48))
    return (
        black(max(13, round(size * 0.5))),
        black(size // 2),
        black(cents),
        regular(max(11, round(size * 0.24))),
    )


def _gap(size: int) -> int:
    return max(1, size // 24)


def struck(canvas: Canvas, x: int, baseline: int, text: str, style: Style, ink: Ink) -> int:
    """Text with a line through it; where it ends."""
    end = canvas.text(x, baseline, text, style, ink)
    middle = baseline - cap_height(style) // 2
    canvas.fill(x - 1, middle, end + 1, middle + (2 if style.size >= 18 else 1), ink)
    return end


def tag(canvas: Canvas, x: int, top: int, text: str, style: Style, *, paper: Ink, ink: Ink) -> int:
    """Words on a filled plate with its corners taken off; its lower edge."""
    pad = max(3, style.size // 4)
    bottom = top + tag_height(style)
    right = x + tag_width(text, style)
    canvas.fill(x + 1, top, right - 1, bottom, paper)
    canvas.fill(x, top + 1, right, bottom - 1, paper)
    canvas.text(x + pad, top + (tag_height(style) + cap_height(style)) // 2 + 1, text, style, ink)
    return bottom


def tag_width(text: str, style: Style) -> int:
    """How wide `tag` will be."""
    return width(text, style) + 2 * max(3, style.size // 4)


def tag_height(style: Style) -> int:
    """How high `tag` will be."""
    return style.size + max(4, style.size // 4)


def qr_code(canvas: Canvas, fields: FaceFields, *, left: int, bottom: int, scale: int, most: int) -> int:
    """The QR code on white with its quiet zone; its dark part begins at `left` and ends above `bottom`.

    The scale goes down by one when a long link would be wider than `most` pixels. Where the quiet zone ends.
    """
    code = codes.qr(codes.link(fields), scale)
    if code.width > most and scale > 1:
        scale -= 1
        code = codes.qr(codes.link(fields), scale)
    quiet = codes.QUIET_MODULES * scale
    top = bottom - code.height
    canvas.fill(left - quiet, top - quiet, left + code.width + quiet, bottom + quiet, Ink.WHITE)
    canvas.stamp(left, top, code)
    return left + code.width + quiet
