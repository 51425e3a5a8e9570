"""Faces for the large panel (4.2 inches): the same order as on a strip, with room for bars and both names."""

from __future__ import annotations

from devices.faces import codes, parts
from devices.faces.canvas import Canvas, Ink
from devices.faces.glyphs import black, bold, cap_height, clean, regular, width
from devices.faces.wording import price_text, unit_price_text, words
from domain.labels import FaceFields, FaceTemplate
from domain.money import Money

_MARGIN = 14
_BAND_TOP, _BAND_BOTTOM = 104, 202
_TITLES = ((36, 1), (32, 1), (30, 1), (28, 2), (26, 2), (24, 2), (22, 2), (20, 3), (18, 3))
_PRICES = range(88, 39, -1)


def draw_sheet(canvas: Canvas, fields: FaceFields, template: FaceTemplate) -> None:
    """The face: names on top, a band with the price, codes and facts at the foot."""
    right = canvas.width - _MARGIN
    styles = tuple((bold(points), lines) for points, lines in _TITLES)
    below, lines = parts.paragraph(canvas, parts.title(fields), styles, left=_MARGIN, top=9, right=right)
    latin = ((regular(16), 1), (regular(15), 2 if lines == 1 else 1))
    parts.paragraph(
        canvas, clean(fields.name_en), latin, left=_MARGIN, top=below + 1, right=right, leading=1.2
    )
    _foot(canvas, fields)
    if template is FaceTemplate.PROMOTION:
        _promotion(canvas, fields)
    elif template is FaceTemplate.MEMBER and fields.amount and fields.member_amount:
        _member(canvas, fields, fields.amount, fields.member_amount)
    elif template in (FaceTemplate.SOLD_OUT, FaceTemplate.NOT_FOR_SALE):
        _absent(canvas, fields, template)
    else:
        for y in (_BAND_TOP, _BAND_BOTTOM - 2):
            canvas.fill(_MARGIN, y, right, y + 2, Ink.BLACK)
        _price(canvas, fields, Ink.BLACK, side=0)


def _plate(canvas: Canvas) -> tuple[Ink, Ink]:
    """Paper and ink of a tag on the accent colour: yellow calls loudest where there is any."""
    if canvas.accent is Ink.RED and canvas.has(Ink.YELLOW):
        return Ink.YELLOW, Ink.BLACK
    return canvas.on_accent, canvas.accent


def _price(canvas: Canvas, fields: FaceFields, ink: Ink, *, side: int) -> int:
    """The price in the band, `side` pixels kept free before it; where it begins."""
    if fields.amount is None:
        return canvas.width
    price, apiece = price_text(fields.amount), words(fields.locale).apiece
    right = canvas.width - _MARGIN
    size = parts.fitting_size(price, _PRICES, right - _MARGIN - side, apiece=apiece)
    baseline = (_BAND_TOP + _BAND_BOTTOM + cap_height(black(size))) // 2
    return parts.draw_price(canvas, price, size, right=right, baseline=baseline, apiece=apiece, ink=ink)


def _promotion(canvas: Canvas, fields: FaceFields) -> None:
    """The band in the accent colour from edge to edge; tag, compared price and offer before the price."""
    ink, vocabulary = canvas.on_accent, words(fields.locale)
    canvas.fill(0, _BAND_TOP, canvas.width, _BAND_BOTTOM, canvas.accent)
    was, offer = (str(price_text(fields.compare_at)) if fields.compare_at else ""), clean(fields.offer or "")
    style = regular(20)
    start = _price(canvas, fields, ink, side=max(110, width(was, style) + 16))
    paper, on_paper = _plate(canvas)
    word = vocabulary.promotion if was else vocabulary.offer
    below = parts.tag(canvas, _MARGIN, _BAND_TOP + 9, word, bold(22), paper=paper, ink=on_paper)
    if was:
        named = f"{vocabulary.was} "
        if _MARGIN + width(named, regular(16)) + width(was, style) <= start - 8:
            below += 24
            x = canvas.text(_MARGIN, below, named, regular(16), ink)
        else:
            canvas.text(_MARGIN, below + 17, named, regular(15), ink)
            x, below = _MARGIN, below + 37
        parts.struck(canvas, x, below, was, style, ink)
    if offer and _BAND_BOTTOM - below > 26:
        lines = ((bold(18), 1), (bold(16), 1 if was else 2))
        parts.paragraph(canvas, offer, lines, left=_MARGIN, top=below + 4, right=start - 8, ink=ink)


def _member(canvas: Canvas, fields: FaceFields, amount: Money, member: Money) -> None:
    """Everybody's price in black above, the member's on the accent colour below."""
    vocabulary = words(fields.locale)
    right = canvas.width - _MARGIN
    canvas.fill(_MARGIN, _BAND_TOP, right, _BAND_TOP + 2, Ink.BLACK)
    baseline = _BAND_TOP + 25
    canvas.text(_MARGIN, baseline, vocabulary.price, regular(17))
    canvas.text_right(right, baseline, f"{price_text(amount)}{vocabulary.apiece}", bold(22))
    top = baseline + 8
    canvas.fill(0, top, canvas.width, _BAND_BOTTOM, canvas.accent)
    price, style = price_text(member), bold(24)
    room = right - _MARGIN - parts.tag_width(vocabulary.member, style) - 16
    size = parts.fitting_size(price, range(60, 29, -1), room, apiece="")
    foot = (top + _BAND_BOTTOM + cap_height(black(size))) // 2
    parts.draw_price(canvas, price, size, right=right, baseline=foot, apiece="", ink=canvas.on_accent)
    paper, ink = _plate(canvas)
    tag_top = (top + _BAND_BOTTOM - parts.tag_height(style)) // 2
    parts.tag(canvas, _MARGIN, tag_top, vocabulary.member, style, paper=paper, ink=ink)


def _absent(canvas: Canvas, fields: FaceFields, template: FaceTemplate) -> None:
    """Said in large white on black; a price that exists stays readable."""
    vocabulary = words(fields.locale)
    sold_out = template is FaceTemplate.SOLD_OUT
    canvas.fill(0, _BAND_TOP, canvas.width, _BAND_BOTTOM, Ink.BLACK)
    centre = canvas.width // 2
    baseline = _BAND_TOP + (45 if sold_out and fields.amount else 55)
    word = vocabulary.sold_out if sold_out else vocabulary.not_for_sale
    canvas.text_centre(centre, baseline, word, bold(40), Ink.WHITE)
    latin = "Temporarily sold out" if sold_out else "Not sold in this store"
    canvas.text_centre(centre, baseline + 22, latin, regular(16), Ink.WHITE)
    if sold_out and fields.amount:
        text = f"{vocabulary.price} {price_text(fields.amount)}{vocabulary.apiece}"
        canvas.text_centre(centre, baseline + 44, text, regular(17), Ink.WHITE)


def _foot(canvas: Canvas, fields: FaceFields) -> None:
    """QR code to the left; unit price, origin, and bars or the sku beside it."""
    left = parts.qr_code(canvas, fields, left=_MARGIN, bottom=canvas.height - 12, scale=3, most=87) + 4
    right = canvas.width - _MARGIN
    baseline = _BAND_BOTTOM + 25
    bars = _bars(canvas, fields, right)
    unit = unit_price_text(fields.unit_price) if fields.unit_price else ""
    end = parts.line(canvas, left, baseline, unit, bold(19), right - left)
    if fields.origin:
        text, style = f"{words(fields.locale).origin} {clean(fields.origin)}", regular(16)
        if not bars:
            end, baseline = left, baseline + (27 if unit else 0)
            parts.line(canvas, left, baseline, text, style, right - left)
        else:
            start = max(end + 12, right - width(text, style)) if unit else left
            parts.line(canvas, start, baseline, text, style, right - start)
    if not bars:
        parts.line(canvas, left, canvas.height - 12, clean(fields.sku), regular(14), right - left)


def _bars(canvas: Canvas, fields: FaceFields, right: int) -> bool:
    """EAN-13 in the lower right corner, two pixels a module (0.42 mm); whether the article has one."""
    bars = codes.ean13(fields.gtin, 2, 44) if fields.gtin else None
    if bars is None or fields.gtin is None:
        return False
    # Figures stand where the guard bars leave room: the first before them, then two groups of six.
    x, top, style = right - bars.width, canvas.height - 60, regular(13)
    canvas.stamp(x, top, bars)
    digits, foot = fields.gtin.zfill(14)[1:], top + 46
    canvas.text_right(x - 5, foot, digits[0], style)
    for group, centre in ((digits[1:7], x + 48), (digits[7:], x + 142)):
        canvas.text_centre(centre, foot, group, style)
    return True
