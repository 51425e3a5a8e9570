"""A panel to draw on: palette inks only, whole pixels, and its PNG."""

from __future__ import annotations

import io
from enum import Enum

from PIL import Image

from devices.faces.glyphs import Style, glyph, width
from domain.labels import LabelModel, LabelPalette


class Ink(Enum):
    """The colours e-paper has."""

    WHITE = (255, 255, 255)
    BLACK = (0, 0, 0)
    RED = (255, 0, 0)
    YELLOW = (255, 255, 0)


INKS: dict[LabelPalette, tuple[Ink, ...]] = {
    LabelPalette.BW: (Ink.WHITE, Ink.BLACK),
    LabelPalette.BWR: (Ink.WHITE, Ink.BLACK, Ink.RED),
    LabelPalette.BWY: (Ink.WHITE, Ink.BLACK, Ink.YELLOW),
    LabelPalette.BWRY: (Ink.WHITE, Ink.BLACK, Ink.RED, Ink.YELLOW),
}


def on(ink: Ink) -> Ink:
    """The ink that reads on this one: black on yellow and white, white on red and black."""
    return Ink.BLACK if ink in (Ink.YELLOW, Ink.WHITE) else Ink.WHITE


class Canvas:
    """The picture of one panel; every pixel is one of its inks, so there is no colour between."""

    def __init__(self, model: LabelModel) -> None:
        inks = INKS[model.palette]
        self.width, self.height = model.width, model.height
        self._index = {ink: position for position, ink in enumerate(inks)}
        self._bits = 1 if len(inks) == 2 else 2
        self._image = Image.new("P", (model.width, model.height), self._index[Ink.WHITE])
        self._image.putpalette([channel for ink in inks for channel in ink.value])
        self.accent = next((ink for ink in (Ink.RED, Ink.YELLOW) if ink in self._index), Ink.BLACK)
        # Yellow can't be read on white.
        self.emphasis = Ink.RED if Ink.RED in self._index else Ink.BLACK
        # A second colour tells clearance from promotion where there is one.
        self.second_accent = Ink.YELLOW if Ink.YELLOW in self._index else self.accent

    def fill(self, left: int, top: int, right: int, bottom: int, ink: Ink) -> None:
        """Paint a box; right and bottom are exclusive, an empty box is nothing."""
        if right > left and bottom > top:
            self._image.paste(self._index[ink], (left, top, right, bottom))

    def text(self, x: int, baseline: int, text: str, style: Style, ink: Ink = Ink.BLACK) -> int:
        """Write from x on; where the pen ends."""
        index = self._index[ink]
        for character in text:
            shape = glyph(character, style)
            if shape.mask is not None:
                self._image.paste(index, (x + shape.left, baseline + shape.top), shape.mask)
            x += shape.advance
        return x

    def text_right(self, right: int, baseline: int, text: str, style: Style, ink: Ink = Ink.BLACK) -> int:
        """Write so that it ends at `right`; where it begins."""
        start = right - width(text, style)
        self.text(start, baseline, text, style, ink)
        return start

    def text_centre(self, centre: int, baseline: int, text: str, style: Style, ink: Ink = Ink.BLACK) -> None:
        """Write around a vertical axis."""
        self.text(centre - width(text, style) // 2, baseline, text, style, ink)

    def stamp(self, x: int, y: int, mask: Image.Image, ink: Ink = Ink.BLACK) -> None:
        """Put a one-bit mask down, its upper left corner at (x, y)."""
        self._image.paste(self._index[ink], (x, y), mask)

    def planes(self) -> tuple[bytes, ...]:
        """One plane for each ink but white, in the order black, red, yellow: rows from the top, each padded
        to whole bytes, the leftmost pixel in the highest bit, 1 where there is ink.
        """
        return tuple(
            self._image.point([int(value == index) * 255 for value in range(256)], "1").tobytes()
            for ink, index in self._index.items()
            if ink is not Ink.WHITE
        )

    def png(self) -> bytes:
        """The picture as PNG; nothing in it tells when or where it was drawn."""
        out = io.BytesIO()
        self._image.save(out, "PNG", bits=self._bits, compress_level=6)
        return out.getvalue()
