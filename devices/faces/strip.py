"""Faces for shelf-edge panels, about twice as wide as high (2.13, 2.66 and 2.9 inches)."""

from __future__ import annotations

from dataclasses import dataclass

from devices.faces import parts
from devices.faces.canvas import Canvas, Ink, on
from devices.faces.glyphs import black, bold, cap_height, clean, cut, regular, width
from devices.faces.wording import price_text, unit_price_text, until_text, words
from domain.labels import FaceFields, FaceTemplate
from domain.money import Money

_MARGIN = 8  # also the quiet zone of the QR code: four modules of two pixels
_QR_SCALE = 2


@dataclass(frozen=True, slots=True)
class _Size:
    """What differs between the panels, in pixels; `titles` are sizes with the lines each may take."""

    titles: tuple[tuple[int, int], ...]
    latin: int
    panel_top: int
    prices: range
    small: int


_TALL = _Size(
    ((26, 1), (24, 1), (22, 1), (20, 1), (19, 2), (18, 2), (17, 2), (16, 2), (15, 2), (14, 2)),
    13,
    68,
    range(62, 29, -1),
    15,
)
_WIDE = _Size(
    ((24, 1), (22, 1), (20, 1), (18, 1), (17, 2), (16, 2), (15, 2), (14, 2)), 12, 60, range(50, 25, -1), 13
)
_NARROW = _Size(
    ((22, 1), (20, 1), (18, 1), (17, 1), (16, 2), (15, 2), (14, 2), (13, 2)), 11, 55, range(46, 23, -1), 12
)


def draw_strip(canvas: Canvas, fields: FaceFields, template: FaceTemplate) -> None:
    """The face: names on top, QR code lower left, the price and its meaning lower right."""
    size = _NARROW if canvas.width < 290 else _WIDE if canvas.height < 150 else _TALL
    _names(canvas, fields, size)
    left = parts.qr_code(
        canvas, fields, left=_MARGIN, bottom=canvas.height - _MARGIN, scale=_QR_SCALE, most=58
    )
    if template in (FaceTemplate.PROMOTION, FaceTemplate.CLEARANCE):
        _offer(canvas, fields, size, left, template)
    elif template is FaceTemplate.MEMBER and fields.amount and fields.member_amount:
        _member(canvas, fields, size, left, fields.amount, fields.member_amount)
    elif template in (FaceTemplate.SOLD_OUT, FaceTemplate.NOT_FOR_SALE):
        _absent(canvas, fields, size, left, template)
    else:
        _rule(canvas, size)
        _price_and_facts(canvas, fields, size, left, ink=Ink.BLACK, side=0)


def _rule(canvas: Canvas, size: _Size) -> None:
    canvas.fill(_MARGIN, size.panel_top - 1, canvas.width - _MARGIN, size.panel_top, Ink.BLACK)


def _names(canvas: Canvas, fields: FaceFields, size: _Size) -> None:
    """The title as large as it fits; below the Latin name, or the offer if a compared price has its place."""
    right = canvas.width - _MARGIN
    styles = tuple((bold(points), lines) for points, lines in size.titles)
    below, lines = parts.paragraph(canvas, parts.title(fields), styles, left=_MARGIN, top=4, right=right)
    if fields.compare_at and fields.offer:
        text, style, ink = clean(fields.offer), bold(size.latin + 1), canvas.emphasis
    else:
        text, style, ink = clean(fields.name_en), regular(size.latin), Ink.BLACK
    if lines == 1 and below + 2.4 * style.size < size.panel_top:
        two_lines = ((style, 2),)
        parts.paragraph(canvas, text, two_lines, left=_MARGIN, top=below, right=right, leading=1.15, ink=ink)
    elif below + size.latin < size.panel_top:
        parts.line(canvas, _MARGIN, below + size.latin - 1, text, style, right - _MARGIN, ink)


def _offer(canvas: Canvas, fields: FaceFields, size: _Size, left: int, template: FaceTemplate) -> None:
    """The panel in the accent colour; before the price a tag, what it is compared with, and its end."""
    if fields.amount is None:
        return
    paper, word = parts.call(canvas, fields, template)
    ink, tag_style = on(paper), bold(size.small + 1)
    canvas.fill(left, size.panel_top, canvas.width, canvas.height, paper)
    x, room = left + 7, canvas.width - _MARGIN - left - 7
    was = str(price_text(fields.compare_at)) if fields.compare_at else ""
    until = until_text(fields.ends_at) if fields.ends_at else ""
    named = f"{words(fields.locale).was} "
    # What explains the price gives way to the price itself: first the word before the compared price, then
    # the end leaves the tag's line for one of its own.
    comfortable = parts.price_width(price_text(fields.amount), 36, apiece=words(fields.locale).apiece)
    tag_end, plain = parts.tag_width(word, tag_style), regular(size.small)
    beside = bool(until) and tag_end + 5 + width(until, plain) + 8 + comfortable <= room
    if until and not beside:
        plain = regular(size.small - 1)
    side = (
        max(tag_end + (5 + width(until, plain) if beside else 0), width(was, plain), width(until, plain)) + 8
    )
    if was and width(named + was, plain) + 8 + comfortable > room:
        named = ""
    side = max(side, width(named + was, plain) + 8) if was else side
    start = _price_and_facts(canvas, fields, size, left, ink=ink, side=side)
    top = size.panel_top + (2 if until and not beside else 4)
    below = parts.tag(canvas, x, top, word, tag_style, paper=ink, ink=paper)
    if beside:
        canvas.text(x + tag_end + 5, below - 5, until, plain, ink)
    if was:
        below += plain.size
        parts.struck(canvas, canvas.text(x, below, named, plain, ink), below, was, plain, ink)
    elif fields.offer:
        styles = ((bold(size.small), 1), (regular(size.small - 1), 1 if until and not beside else 2))
        right, offer = max(start - 5, x + 40), clean(fields.offer)
        below, _ = parts.paragraph(
            canvas, offer, styles, left=x, top=below + 1, right=right, leading=1.1, ink=ink
        )
    if until and not beside:
        canvas.text(x, below + plain.size, until, plain, ink)


def _member(canvas: Canvas, fields: FaceFields, size: _Size, left: int, amount: Money, member: Money) -> None:
    """Everybody's price in black above, the member's on the accent colour below."""
    vocabulary = words(fields.locale)
    paper, right = canvas.accent, canvas.width - _MARGIN
    ink = on(paper)
    _rule(canvas, size)
    baseline = size.panel_top + size.small + 5
    start = canvas.text_right(
        right, baseline, f"{price_text(amount)}{vocabulary.apiece}", bold(size.small + 4)
    )
    unit = unit_price_text(fields.unit_price) if fields.unit_price else vocabulary.price
    parts.line(canvas, left + 2, baseline, unit, regular(size.small - 1), start - left - 8)
    top = baseline + 6
    canvas.fill(left, top, canvas.width, canvas.height, paper)
    price, style = price_text(member), bold(size.small + 4)
    room = right - left - 14 - width(vocabulary.member, style)
    points = parts.fitting_size(price, range(40, 19, -1), room, apiece="")
    foot = (top + canvas.height + cap_height(black(points))) // 2
    parts.draw_price(canvas, price, points, right=right, baseline=foot, apiece="", ink=ink)
    foot = (top + canvas.height + cap_height(style)) // 2 + 1
    canvas.text(left + 7, foot, vocabulary.member, style, ink)


def _absent(canvas: Canvas, fields: FaceFields, size: _Size, left: int, template: FaceTemplate) -> None:
    """Said in large white on black, so that nobody waits for a price; a price that exists stays readable."""
    vocabulary = words(fields.locale)
    sold_out = template is FaceTemplate.SOLD_OUT
    canvas.fill(left, size.panel_top, canvas.width, canvas.height, Ink.BLACK)
    centre = (left + canvas.width) // 2
    middle = (canvas.height - size.panel_top) // 2
    baseline = size.panel_top + middle + (-5 if sold_out and fields.amount else 3)
    word = vocabulary.sold_out if sold_out else vocabulary.not_for_sale
    canvas.text_centre(centre, baseline, word, bold(size.small * 2), Ink.WHITE)
    latin = "Temporarily sold out" if sold_out else "Not sold in this store"
    canvas.text_centre(centre, baseline + size.small + 4, latin, regular(size.small - 1), Ink.WHITE)
    if sold_out and fields.amount:
        text = f"{vocabulary.price} {price_text(fields.amount)}{vocabulary.apiece}"
        canvas.text_centre(centre, canvas.height - _MARGIN, text, regular(size.small - 1), Ink.WHITE)


def _price_and_facts(
    canvas: Canvas, fields: FaceFields, size: _Size, left: int, *, ink: Ink, side: int
) -> int:
    """The price over the line of facts, `side` pixels kept free before it; where the price begins."""
    if fields.amount is None:
        return canvas.width
    x, right, foot = left + 7, canvas.width - _MARGIN, canvas.height - _MARGIN
    _facts(canvas, fields, size, x, right, foot, ink)
    top, bottom = size.panel_top, foot - size.small
    price, apiece = price_text(fields.amount), words(fields.locale).apiece
    points = parts.fitting_size(price, size.prices, right - x - side, apiece=apiece)
    baseline = (top + bottom + cap_height(black(points))) // 2
    return parts.draw_price(canvas, price, points, right=right, baseline=baseline, apiece=apiece, ink=ink)


def _facts(
    canvas: Canvas, fields: FaceFields, size: _Size, left: int, right: int, baseline: int, ink: Ink
) -> None:
    """On one line: the unit price to the right, the origin or else the sku to the left."""
    strong, light = bold(size.small), regular(size.small - 1)
    end = right
    if fields.unit_price:
        text = unit_price_text(fields.unit_price)
        style = strong if width(text, strong) <= right - left else light
        end = canvas.text_right(right, baseline, cut(text, style, right - left), style, ink) - 6
    origin = f"{words(fields.locale).origin} {clean(fields.origin)}" if fields.origin else clean(fields.sku)
    parts.line(canvas, left, baseline, origin, light, end - left, ink)
