"""Faces for large panels (4.2 and 7.5 inches): the order of a strip, with room for bars and both names."""

from __future__ import annotations

from devices.faces import codes, parts
from devices.faces.canvas import Canvas, Ink, on
from devices.faces.glyphs import Style, black, bold, cap_height, clean, regular, width
from devices.faces.wording import price_text, unit_price_text, until_text, words
from domain.labels import FaceFields, FaceTemplate
from domain.money import Money

_TITLES = ((36, 1), (32, 1), (30, 1), (28, 2), (26, 2), (24, 2), (22, 2), (20, 3), (18, 3))


def draw_sheet(canvas: Canvas, fields: FaceFields, template: FaceTemplate) -> None:
    """The face: names on top, a band with the price, codes and facts at the foot."""
    _Sheet(canvas, fields).draw(template)


class _Sheet:
    """One face being drawn. Lengths are said for 300 pixels of height and grow with the panel."""

    def __init__(self, canvas: Canvas, fields: FaceFields) -> None:
        self._canvas, self._fields = canvas, fields
        self._words = words(fields.locale)
        self._scale = canvas.height / 300
        self._left = self._px(14)
        self._right = canvas.width - self._left
        self._top, self._bottom = self._px(104), self._px(202)  # of the band

    def _px(self, length: float) -> int:
        return round(length * self._scale)

    def draw(self, template: FaceTemplate) -> None:
        """Everything, by the template; one that lacks its fields is drawn as a regular face."""
        fields = self._fields
        self._names()
        self._foot()
        if template in (FaceTemplate.PROMOTION, FaceTemplate.CLEARANCE):
            self._offer(template)
        elif template is FaceTemplate.MEMBER and fields.amount and fields.member_amount:
            self._member(fields.amount, fields.member_amount)
        elif template in (FaceTemplate.SOLD_OUT, FaceTemplate.NOT_FOR_SALE):
            self._absent(template)
        else:
            thick = self._px(2)
            for y in (self._top, self._bottom - thick):
                self._canvas.fill(self._left, y, self._right, y + thick, Ink.BLACK)
            self._price(Ink.BLACK, side=0)

    def _names(self) -> None:
        styles = tuple((bold(self._px(points)), lines) for points, lines in _TITLES)
        title = parts.title(self._fields)
        below, lines = parts.paragraph(
            self._canvas, title, styles, left=self._left, top=self._px(9), right=self._right
        )
        latin = ((regular(self._px(16)), 1), (regular(self._px(15)), 2 if lines == 1 else 1))
        name = clean(self._fields.name_en)
        parts.paragraph(
            self._canvas, name, latin, left=self._left, top=below + 1, right=self._right, leading=1.2
        )

    def _plate(self, paper: Ink) -> tuple[Ink, Ink]:
        """Paper and ink of a tag: yellow calls loudest on red, red on yellow, where there are both."""
        canvas = self._canvas
        if canvas.accent is not canvas.second_accent:
            plate = canvas.accent if paper is canvas.second_accent else canvas.second_accent
            return plate, on(plate)
        return on(paper), paper

    def _price(self, ink: Ink, *, side: int) -> int:
        """The price in the band, `side` pixels kept free before it; where it begins."""
        if self._fields.amount is None:
            return self._canvas.width
        price, apiece = price_text(self._fields.amount), self._words.apiece
        room = self._right - self._left - side
        sizes = range(self._px(88), self._px(40) - 1, -1)
        size = parts.fitting_size(price, sizes, room, apiece=apiece)
        baseline = (self._top + self._bottom + cap_height(black(size))) // 2
        return parts.draw_price(
            self._canvas, price, size, right=self._right, baseline=baseline, apiece=apiece, ink=ink
        )

    def _offer(self, template: FaceTemplate) -> None:
        """The band in a colour from edge to edge; tag, compared price, offer and its end before the price."""
        canvas, fields, px = self._canvas, self._fields, self._px
        paper, word = parts.call(canvas, fields, template)
        ink = on(paper)
        canvas.fill(0, self._top, canvas.width, self._bottom, paper)
        was = str(price_text(fields.compare_at)) if fields.compare_at else ""
        until = until_text(fields.ends_at) if fields.ends_at else ""
        small, style, tag_style = regular(px(16)), regular(px(20)), bold(px(22))
        beside = parts.tag_width(word, tag_style) + px(8)
        side = max(px(110), width(was, style) + px(16))
        if until and was and fields.offer:
            side = max(side, beside + width(until, small) + px(10))
        start = self._price(ink, side=side)
        plate, on_plate = self._plate(paper)
        below = parts.tag(canvas, self._left, self._top + px(9), word, tag_style, paper=plate, ink=on_plate)
        if until and self._left + beside + width(until, small) <= start - px(8):
            canvas.text(self._left + beside, below - px(8), until, small, ink)
            until = ""
        if was:
            below = self._was(was, below, start, style, ink)
        offer = " ".join(filter(None, (clean(fields.offer or ""), until)))
        if offer and self._bottom - below > px(26):
            styles = ((bold(px(18)), 1), (bold(px(16)), 1 if was else 2))
            edge = start - px(8)
            parts.paragraph(canvas, offer, styles, left=self._left, top=below + px(4), right=edge, ink=ink)

    def _was(self, was: str, below: int, start: int, style: Style, ink: Ink) -> int:
        """The compared price after its word, or under it if both don't fit before `start`; its baseline."""
        canvas, px, named, x = self._canvas, self._px, f"{self._words.was} ", self._left
        word_style = regular(px(16))
        if x + width(named, word_style) + width(was, style) <= start - px(8):
            below += px(24)
            x = canvas.text(x, below, named, word_style, ink)
        else:
            canvas.text(x, below + px(17), named, regular(px(15)), ink)
            below += px(37)
        parts.struck(canvas, x, below, was, style, ink)
        return below

    def _member(self, amount: Money, member: Money) -> None:
        """Everybody's price in black above, the member's on the accent colour below."""
        canvas, px, paper = self._canvas, self._px, self._canvas.accent
        canvas.fill(self._left, self._top, self._right, self._top + px(2), Ink.BLACK)
        baseline = self._top + px(25)
        canvas.text(self._left, baseline, self._words.price, regular(px(17)))
        everybody = f"{price_text(amount)}{self._words.apiece}"
        canvas.text_right(self._right, baseline, everybody, bold(px(22)))
        top = baseline + px(8)
        canvas.fill(0, top, canvas.width, self._bottom, paper)
        price, style = price_text(member), bold(px(24))
        room = self._right - self._left - parts.tag_width(self._words.member, style) - px(16)
        size = parts.fitting_size(price, range(px(60), px(30) - 1, -1), room, apiece="")
        foot = (top + self._bottom + cap_height(black(size))) // 2
        parts.draw_price(canvas, price, size, right=self._right, baseline=foot, apiece="", ink=on(paper))
        plate, ink = self._plate(paper)
        tag_top = (top + self._bottom - parts.tag_height(style)) // 2
        parts.tag(canvas, self._left, tag_top, self._words.member, style, paper=plate, ink=ink)

    def _absent(self, template: FaceTemplate) -> None:
        """Said in large white on black; a price that exists stays readable."""
        canvas, px, amount = self._canvas, self._px, self._fields.amount
        sold_out = template is FaceTemplate.SOLD_OUT
        canvas.fill(0, self._top, canvas.width, self._bottom, Ink.BLACK)
        centre = canvas.width // 2
        baseline = self._top + px(45 if sold_out and amount else 55)
        word = self._words.sold_out if sold_out else self._words.not_for_sale
        canvas.text_centre(centre, baseline, word, bold(px(40)), Ink.WHITE)
        latin = "Temporarily sold out" if sold_out else "Not sold in this store"
        canvas.text_centre(centre, baseline + px(22), latin, regular(px(16)), Ink.WHITE)
        if sold_out and amount:
            text = f"{self._words.price} {price_text(amount)}{self._words.apiece}"
            canvas.text_centre(centre, baseline + px(44), text, regular(px(17)), Ink.WHITE)

    def _foot(self) -> None:
        """QR code to the left; unit price, origin, and bars or the sku beside it."""
        canvas, fields, px, right = self._canvas, self._fields, self._px, self._right
        scale = px(3)
        bottom = canvas.height - 4 * scale
        left = parts.qr_code(canvas, fields, left=self._left, bottom=bottom, scale=scale, most=29 * scale)
        left += px(4)
        baseline = self._bottom + px(25)
        bars = self._bars()
        unit = unit_price_text(fields.unit_price) if fields.unit_price else ""
        end = parts.line(canvas, left, baseline, unit, bold(px(19)), right - left)
        if fields.origin:
            text, style = f"{self._words.origin} {clean(fields.origin)}", regular(px(16))
            if bars:
                start = max(end + px(12), right - width(text, style)) if unit else left
            else:
                start, baseline = left, baseline + (px(27) if unit else 0)
            parts.line(canvas, start, baseline, text, style, right - start)
        if not bars:
            parts.line(canvas, left, bottom, clean(fields.sku), regular(px(14)), right - left)

    def _bars(self) -> bool:
        """EAN-13 in the lower right corner, modules of 0.42 mm and more; whether the article has one."""
        px, gtin, module = self._px, self._fields.gtin, self._px(2)
        bars = codes.ean13(gtin, module, px(44)) if gtin else None
        if bars is None or gtin is None:
            return False
        # Figures stand where the guard bars leave room: the first before them, then two groups of six.
        x, top, style = self._right - bars.width, self._canvas.height - px(60), regular(px(13))
        self._canvas.stamp(x, top, bars)
        digits, foot = gtin.zfill(14)[1:], top + px(46)
        self._canvas.text_right(x - px(5), foot, digits[0], style)
        for group, modules in ((digits[1:7], 24), (digits[7:], 71)):
            self._canvas.text_centre(x + modules * module, foot, group, style)
        return True
