"""The peak of the label load as a picture: redraws a day around it, and how soon its ink was there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import pylopdf_fonts_zh_cn
from PIL import Image, ImageDraw, ImageFont

_WIDTH, _HEIGHT = 1_120, 420
_INK, _PALE, _GRID, _RED = "#1c1f26", "#6b7280", "#e5e7eb", "#c8102e"
_TOP, _FOOT = 78, 356
_DAYS = 21  # before and after the peak


def draw(redraws: Mapping[date, int], seconds: Sequence[float], peak: date) -> Image.Image:
    """Left the days around the peak, right the share of its labels that show the new face by then."""
    image = Image.new("RGB", (_WIDTH, _HEIGHT), "white")
    pen = ImageDraw.Draw(image)
    _bars(pen, redraws, peak, left=64, right=640)
    _curve(pen, sorted(seconds), left=720, right=_WIDTH - 44)
    return image


def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(pylopdf_fonts_zh_cn.sans_path()), size)


def _title(pen: ImageDraw.ImageDraw, x: int, title: str, below: str) -> None:
    pen.text((x, 18), title, _INK, _font(20))
    pen.text((x, 46), below, _PALE, _font(14))


def _line(pen: ImageDraw.ImageDraw, left: int, right: int, share: float, text: str) -> None:
    y = round(_FOOT - (_FOOT - _TOP) * share)
    pen.line((left, y, right, y), _GRID)
    pen.text((left - 8, y), text, _PALE, _font(13), anchor="rm")


def _bars(
    pen: ImageDraw.ImageDraw, redraws: Mapping[date, int], peak: date, *, left: int, right: int
) -> None:
    days = [peak + timedelta(days=offset) for offset in range(-_DAYS, _DAYS + 1)]
    most = -(-redraws[peak] // 1_000) * 1_000
    _title(pen, left, "Redraws a day, ten stores", f"peak {peak:%A %Y-%m-%d}: {redraws[peak]:,}")
    for thousand in range(0, most + 1, 1_000):
        _line(pen, left, right, thousand / most, f"{thousand:,}")
    step = (right - left) / len(days)
    for number, day in enumerate(days):
        x, height = left + number * step, (_FOOT - _TOP) * redraws.get(day, 0) / most
        colour = _RED if day == peak else _INK if day.weekday() == 5 else _PALE
        pen.rectangle((round(x + 2), round(_FOOT - height), round(x + step - 2), _FOOT), colour)
        if day.weekday() == 5:
            pen.text((x + step / 2, _FOOT + 10), f"{day:%d %b}", _INK, _font(13), anchor="mt")
    pen.text((left, _FOOT + 34), "Saturdays dark", _PALE, _font(13))


def _curve(pen: ImageDraw.ImageDraw, seconds: Sequence[float], *, left: int, right: int) -> None:
    longest = 180
    middle, late = seconds[len(seconds) // 2], seconds[int(len(seconds) * 0.99)]
    _title(
        pen, left, "Commit → ink on that day", f"p50 {middle:.0f} s, p99 {late:.0f} s; poll 60 s, loss 1 %"
    )
    for percent in range(0, 101, 25):
        _line(pen, left, right, percent / 100, f"{percent} %")
    for moment in range(0, longest + 1, 30):
        x = left + (right - left) * moment / longest
        pen.text((x, _FOOT + 10), f"{moment} s", _INK, _font(13), anchor="mt")
    points = [
        (
            left + (right - left) * min(one, longest) / longest,
            _FOOT - (_FOOT - _TOP) * (number + 1) / len(seconds),
        )
        for number, one in enumerate(seconds)
    ]
    pen.line([(left, _FOOT), *points[:: max(1, len(points) // 400)], points[-1]], _RED, 3)
