"""Characters as pixels: the house font in one bit, measured, wrapped and cut to fit."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import pylopdf_fonts_zh_cn
from PIL import Image, ImageDraw, ImageFont

# Kept together: a short remark in brackets (低糖), and a run of Latin letters and figures with the measure
# word behind it (500毫升, 12件裝).
_TOKEN = re.compile(
    r"[((][^()()]{1,4}[))]|"
    r"[0-9A-Za-zÀ-ɏ.,'’&%/+:~°®™$\-]+"
    r"(?:毫升|公升|升|毫克|公斤|千克|克|厘米|米|安士|磅|件|包|片|粒|支|卷|盒|罐|樽|枚|個|个|抽|張|张|對|对|條|条|袋|塊|块|杯|層|层|任|送)?"
    r"[裝装]?|\s+|."
)
_NEVER_FIRST = frozenset(",.;:!?)]}，。、；：！？）】》」』％%…")
_NEVER_LAST = frozenset("([{（【《「『$¥€£")
ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class Style:
    """A size in pixels and a weight: `stroke` is what the outline grows by on each side, in pixels."""

    size: int
    stroke: float = 0.0


@dataclass(frozen=True, slots=True)
class Glyph:
    """One character: its ink as a mask, where that stands from the pen on the baseline, the pen's step."""

    mask: Image.Image | None
    left: int
    top: int
    advance: int


def regular(size: int) -> Style:
    """The plain weight."""
    return Style(size)


def bold(size: int) -> Style:
    """A heavier weight: the family ships in one, so the outline is grown, less where strokes are dense."""
    return Style(size, 0.1 if size < 16 else 0.22 if size < 24 else round(size * 0.016, 2))


def black(size: int) -> Style:
    """The weight of prices: figures have room for thick strokes."""
    return Style(size, round(max(0.35, size * 0.026), 2))


@lru_cache(maxsize=64)
def _font(size: int) -> ImageFont.FreeTypeFont:
    # Basic layout: no kerning, the same positions whether or not a shaping library is installed.
    path = str(pylopdf_fonts_zh_cn.sans_path())
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=16384)
def glyph(character: str, style: Style) -> Glyph:
    """The character in one bit; drawn once per process and style."""
    font, advance = _font(style.size), _advances(style)[character]
    left, top, right, bottom = (
        int(edge) for edge in font.getbbox(character, anchor="ls", stroke_width=style.stroke)
    )
    if right <= left or bottom <= top:
        return Glyph(None, 0, 0, advance)
    # One pixel of air on each side: a grown outline may overhang its own box.
    left, top, right, bottom = left - 1, top - 1, right + 1, bottom + 1
    # Grown outlines come out smooth whatever is asked for: cut at half ink, not dithered.
    ink = Image.new("1" if style.stroke == 0 else "L", (right - left, bottom - top), 0)
    pen = ImageDraw.Draw(ink)
    pen.text((-left, -top), character, fill=255, font=font, anchor="ls", stroke_width=style.stroke)
    return Glyph(ink.convert("1", dither=Image.Dither.NONE), left, top, advance)


def has_glyph(character: str) -> bool:
    """Whether the font can draw it; what it can't comes out as an empty box."""
    if character.isspace():
        return True
    return bytes(_font(24).getmask(character)) != _box()


@lru_cache(maxsize=1)
def _box() -> bytes:
    # A code point that is for ever unassigned (a noncharacter).
    return bytes(_font(24).getmask("\ufdd0"))


class _Advances(dict[str, int]):
    """How far the pen moves for each character of one style; texts are measured far more often than drawn."""

    def __init__(self, style: Style) -> None:
        super().__init__()
        self._style = style

    def __missing__(self, character: str) -> int:
        # Han characters fill their square, by the design of the font; asking it loads the outline.
        length = (
            float(self._style.size)
            if "\u4e00" <= character <= "\u9fff"
            else _font(self._style.size).getlength(character)
        )
        advance = self[character] = max(1, round(length + self._style.stroke))
        return advance


@lru_cache(maxsize=256)
def _advances(style: Style) -> _Advances:
    return _Advances(style)


def width(text: str, style: Style) -> int:
    """How far the pen moves, in pixels."""
    advances = _advances(style)
    return sum([advances[character] for character in text])


def cap_height(style: Style) -> int:
    """How high a figure stands above the baseline, in pixels."""
    return -glyph("0", style).top - 1


def clean(text: str) -> str:
    """The text in one line, composed, without control and format characters."""
    composed = unicodedata.normalize("NFC", text)
    kept = (c for c in composed if c.isspace() or unicodedata.category(c) not in ("Cc", "Cf", "Co", "Cs"))
    return " ".join("".join(kept).split())


def cut(text: str, style: Style, room: int) -> str:
    """The text, or as much of its beginning as fits with an ellipsis; empty when not even that fits."""
    if width(text, style) <= room:
        return text
    # The Chinese ellipsis stands at half height; Latin text has its dots on the line.
    dots = "..." if text.isascii() else ELLIPSIS
    while text and width(text.rstrip() + dots, style) > room:
        text = text[:-1]
    return text.rstrip() + dots if text else ""


def wrap(text: str, style: Style, room: int) -> list[str]:
    """Lines no wider than `room`, broken between words or Chinese characters, never before a closing mark."""
    lines: list[str] = []
    line, used = "", 0
    for token in _tokens(text):
        step = width(token, style)
        if line and used + step > room and used + width(token.rstrip(), style) > room:
            lines.append(line.rstrip())
            line, used = "", 0
        if not line:
            token = token.lstrip()
            step = width(token, style)
        line, used = line + token, used + step
        while used > room and len(line) > 1:
            fits = next(n for n in range(len(line) - 1, 0, -1) if n == 1 or width(line[:n], style) <= room)
            lines.append(line[:fits])
            line = line[fits:]
            used = width(line, style)
    if line.strip():
        lines.append(line.rstrip())
    return lines


# A label is redrawn for its price; its names stay, and how they fit with them.
@lru_cache(maxsize=4096)
def fit(text: str, styles: tuple[tuple[Style, int], ...], room: int) -> tuple[Style, tuple[str, ...]]:
    """The first style whose line count suffices, with the lines; else the last style, shortened.

    Shortening keeps the end, where names state their content: 「多種維他命及… 100粒」.
    """
    for style, most in styles:
        lines = wrap(text, style, room)
        if len(lines) <= most:
            return style, tuple(_without_orphan(text, lines, style, room))
    style, most = styles[-1]
    tokens = list(_tokens(text))
    tail = tokens.pop() if tokens and any(c.isdigit() for c in tokens[-1]) else ""
    while tokens:
        tokens.pop()
        shortened = "".join(tokens).rstrip() + ELLIPSIS + tail
        lines = wrap(shortened, style, room)
        if len(lines) <= most:
            return style, tuple(lines)
    return style, (cut(text, style, room),)


def _without_orphan(text: str, lines: list[str], style: Style, room: int) -> list[str]:
    """The same number of lines, evened out when the last would hold next to nothing."""
    if len(lines) < 2 or width(lines[-1], style) > room // 4:
        return lines
    for narrower in range(room * 2 // 3, room, 4):
        even = wrap(text, style, narrower)
        if len(even) == len(lines):
            return even
    return lines


@lru_cache(maxsize=4096)
def _tokens(text: str) -> tuple[str, ...]:
    """Pieces that are not broken: marks cling to their neighbours, a space opens the piece after it."""
    pieces: list[str] = []
    for token in _TOKEN.findall(text):
        clings = pieces and (
            token[0] in _NEVER_FIRST or pieces[-1][-1] in _NEVER_LAST or pieces[-1].isspace()
        )
        if clings:
            pieces[-1] += token
        else:
            pieces.append(token)
    return tuple(pieces)
