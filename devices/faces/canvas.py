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
        # Black reads on yellow, white on red and on black.
        self.on_accent = Ink.BLACK if self.accent is Ink.YELLOW else Ink.WHITE

    def has(self, ink: Ink) -> bool:
        """Whether the panel has this ink."""
        return ink in self._index

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

    def png(self) -> bytes:
        """The picture as PNG; nothing in it tells when or where it was drawn."""
        out = io.BytesIO()
        self._image.save(out, "PNG", bits=self._bits, compress_level=6)
        return out.getvalue()
