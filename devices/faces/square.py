"""Faces for the smallest panel (1.54 inches), as high as it is wide: names, a band with the price, codes."""

from __future__ import annotations

from devices.faces import parts
from devices.faces.canvas import Canvas, Ink, on
from devices.faces.glyphs import black, bold, cap_height, clean, regular, width
from devices.faces.wording import price_text, unit_price_text, until_text, words
from domain.labels import FaceFields, FaceTemplate
from domain.money import Money

_MARGIN = 8  # also the quiet zone of the QR code: four modules of two pixels
_BAND_TOP, _BAND_BOTTOM = 62, 132
_TITLES = ((22, 1), (20, 1), (18, 2), (17, 2), (16, 2), (15, 2), (14, 2), (13, 3), (12, 3))
_PRICES = range(58, 23, -1)


def draw_square(canvas: Canvas, fields: FaceFields, template: FaceTemplate) -> None:
    """The face: names on top, the band across, QR code and facts at the foot."""
    right = canvas.width - _MARGIN
    styles = tuple((bold(points), lines) for points, lines in _TITLES)
    below, lines = parts.paragraph(canvas, parts.title(fields), styles, left=_MARGIN, top=4, right=right)
    if below + 12 < _BAND_TOP:
        # The offer's own words need the room that the Latin name has otherwise.
        text, style, ink = clean(fields.name_en), regular(11), Ink.BLACK
        if fields.offer:
            text, style, ink = clean(fields.offer), bold(12), canvas.emphasis
        most = ((style, 2 if lines == 1 else 1),)
        parts.paragraph(canvas, text, most, left=_MARGIN, top=below, right=right, leading=1.1, ink=ink)
    _foot(canvas, fields)
    if template in (FaceTemplate.PROMOTION, FaceTemplate.CLEARANCE):
        _offer(canvas, fields, template)
    elif template is FaceTemplate.MEMBER and fields.amount and fields.member_amount:
        _member(canvas, fields, fields.amount, fields.member_amount)
    elif template in (FaceTemplate.SOLD_OUT, FaceTemplate.NOT_FOR_SALE):
        _absent(canvas, fields, template)
    else:
        for y in (_BAND_TOP, _BAND_BOTTOM - 1):
            canvas.fill(_MARGIN, y, right, y + 1, Ink.BLACK)
        _price(canvas, fields, Ink.BLACK, top=_BAND_TOP)


def _price(canvas: Canvas, fields: FaceFields, ink: Ink, *, top: int) -> None:
    """The price between `top` and the lower edge of the band."""
    if fields.amount is None:
        return
    price, apiece = price_text(fields.amount), words(fields.locale).apiece
    right, room = canvas.width - _MARGIN, canvas.width - 2 * _MARGIN
    sizes = range(min(_PRICES[0], _BAND_BOTTOM - top), _PRICES[-1] - 1, -1)
    size = parts.fitting_size(price, sizes, room, apiece=apiece)
    baseline = (top + _BAND_BOTTOM + cap_height(black(size))) // 2
    parts.draw_price(canvas, price, size, right=right, baseline=baseline, apiece=apiece, ink=ink)


def _offer(canvas: Canvas, fields: FaceFields, template: FaceTemplate) -> None:
    """The band in the accent colour: tag, compared price and the offer's end above the price."""
    paper, word = parts.call(canvas, fields, template)
    ink, style, small = on(paper), bold(12), regular(12)
    canvas.fill(0, _BAND_TOP, canvas.width, _BAND_BOTTOM, paper)
    top = _BAND_TOP + 3
    parts.tag(canvas, _MARGIN, top, word, style, paper=ink, ink=paper)
    baseline = top + 13
    x, right = _MARGIN + parts.tag_width(word, style) + 5, canvas.width - _MARGIN
    if fields.ends_at:
        right = canvas.text_right(right, baseline, until_text(fields.ends_at), small, ink) - 5
    if fields.compare_at:
        was = str(price_text(fields.compare_at))
        if width(was, small) <= right - x:
            parts.struck(canvas, x, baseline, was, small, ink)
    _price(canvas, fields, ink, top=top + parts.tag_height(style))


def _member(canvas: Canvas, fields: FaceFields, amount: Money, member: Money) -> None:
    """Everybody's price in black above, the member's on the accent colour below."""
    vocabulary, paper = words(fields.locale), canvas.accent
    right, style = canvas.width - _MARGIN, bold(15)
    canvas.fill(_MARGIN, _BAND_TOP, right, _BAND_TOP + 1, Ink.BLACK)
    baseline = _BAND_TOP + 18
    canvas.text(_MARGIN, baseline, vocabulary.price, regular(13))
    canvas.text_right(right, baseline, f"{price_text(amount)}{vocabulary.apiece}", bold(17))
    top = baseline + 6
    canvas.fill(0, top, canvas.width, _BAND_BOTTOM, paper)
    price = price_text(member)
    room = right - _MARGIN - width(vocabulary.member, style) - 8
    size = parts.fitting_size(price, range(40, 19, -1), room, apiece="")
    foot = (top + _BAND_BOTTOM + cap_height(black(size))) // 2
    parts.draw_price(canvas, price, size, right=right, baseline=foot, apiece="", ink=on(paper))
    foot = (top + _BAND_BOTTOM + cap_height(style)) // 2 + 1
    canvas.text(_MARGIN, foot, vocabulary.member, style, on(paper))


def _absent(canvas: Canvas, fields: FaceFields, template: FaceTemplate) -> None:
    """Said in large white on black; a price that exists stays readable."""
    vocabulary = words(fields.locale)
    sold_out = template is FaceTemplate.SOLD_OUT
    canvas.fill(0, _BAND_TOP, canvas.width, _BAND_BOTTOM, Ink.BLACK)
    centre = canvas.width // 2
    baseline = _BAND_TOP + (30 if sold_out and fields.amount else 38)
    word = vocabulary.sold_out if sold_out else vocabulary.not_for_sale
    canvas.text_centre(centre, baseline, word, bold(26), Ink.WHITE)
    latin = "Temporarily sold out" if sold_out else "Not sold in this store"
    canvas.text_centre(centre, baseline + 16, latin, regular(12), Ink.WHITE)
    if sold_out and fields.amount:
        text = f"{vocabulary.price} {price_text(fields.amount)}{vocabulary.apiece}"
        canvas.text_centre(centre, baseline + 33, text, regular(13), Ink.WHITE)


def _foot(canvas: Canvas, fields: FaceFields) -> None:
    """QR code to the left; beside it the unit price in one line or two, the origin, the sku."""
    bottom = canvas.height - _MARGIN
    left = parts.qr_code(canvas, fields, left=_MARGIN, bottom=bottom, scale=2, most=58) + 1
    right = canvas.width - _MARGIN
    below = _BAND_BOTTOM + 8
    if fields.unit_price:
        styles = ((bold(14), 1), (bold(13), 1), (bold(12), 2))
        text = unit_price_text(fields.unit_price)
        below, _lines = parts.paragraph(canvas, text, styles, left=left, top=below, right=right)
    if fields.origin:
        text = f"{words(fields.locale).origin} {clean(fields.origin)}"
        parts.line(canvas, left, below + 13, text, regular(12), right - left)
    parts.line(canvas, left, bottom, clean(fields.sku), regular(11), right - left)
