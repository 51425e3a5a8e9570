"""How product names write what a pack holds, in English and in Chinese (simplified and traditional)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from domain.catalog.content import ContentUnit


class Measures(Enum):
    """What a word after a number measures."""

    MASS = "mass"
    VOLUME = "volume"
    LENGTH = "length"
    PIECES = "pieces"
    SIZE = "size"
    """How wide or long one piece is; never what the pack holds."""
    LAYERS = "layers"
    """Plies of paper: they multiply nothing."""
    DOSE = "dose"
    """What one tablet holds of something."""
    UNREAD = "unread"
    """A content that differs from place to place: ounce (mass or fluid), gallon, 斤 (500 g or 600 g)."""


@dataclass(frozen=True, slots=True)
class Word:
    """What a word measures, how many base units it is (g, mL, m, piece), and the unit it is kept in."""

    measures: Measures
    factor: Decimal = Decimal(1)
    unit: ContentUnit | None = None
    metric: bool = True


_GRAM = Word(Measures.MASS, Decimal(1), ContentUnit.GRAM)
_KILOGRAM = Word(Measures.MASS, Decimal(1000), ContentUnit.KILOGRAM)
_POUND = Word(Measures.MASS, Decimal("453.59237"), ContentUnit.GRAM, metric=False)
_MILLILITRE = Word(Measures.VOLUME, Decimal(1), ContentUnit.MILLILITRE)
_CENTILITRE = Word(Measures.VOLUME, Decimal(10), ContentUnit.MILLILITRE)
_DECILITRE = Word(Measures.VOLUME, Decimal(100), ContentUnit.MILLILITRE)
_LITRE = Word(Measures.VOLUME, Decimal(1000), ContentUnit.LITRE)
_METRE = Word(Measures.LENGTH, Decimal(1), ContentUnit.METRE)
_FOOT = Word(Measures.LENGTH, Decimal("0.3048"), ContentUnit.METRE, metric=False)
_PIECE = Word(Measures.PIECES, Decimal(1), ContentUnit.PIECE)
_SIZE = Word(Measures.SIZE)
_LAYERS = Word(Measures.LAYERS)
_DOSE = Word(Measures.DOSE)
_UNREAD = Word(Measures.UNREAD, metric=False)

LATIN = {
    **dict.fromkeys(("g", "gm", "gms", "gr", "gram", "grams", "gramme", "grammes"), _GRAM),
    **dict.fromkeys(("kg", "kgs", "kilo", "kilogram", "kilograms"), _KILOGRAM),
    **dict.fromkeys(("lb", "lbs", "pound", "pounds"), _POUND),
    **dict.fromkeys(("ml", "mls", "millilitre", "millilitres", "milliliter", "milliliters"), _MILLILITRE),
    "cl": _CENTILITRE,
    "dl": _DECILITRE,
    **dict.fromkeys(("l", "lt", "ltr", "litre", "litres", "liter", "liters"), _LITRE),
    **dict.fromkeys(("metre", "metres", "meter", "meters"), _METRE),
    **dict.fromkeys(("ft", "foot", "feet"), _FOOT),
    **dict.fromkeys(("cm", "mm", "inch", "inches", '"'), _SIZE),
    **dict.fromkeys(("ply", "plies"), _LAYERS),
    **dict.fromkeys(("mg", "mcg", "iu"), _DOSE),
    **dict.fromkeys(("oz", "ounce", "ounces", "gal", "gallon", "gallons", "pint", "pints"), _UNREAD),
    **dict.fromkeys(("pcs", "pc", "pce", "pieces", "piece", "ea", "ct", "count", "'s", "s"), _PIECE),
    **dict.fromkeys(("slices", "slice", "sheets", "sheet", "rolls", "roll", "rl", "bars", "bar"), _PIECE),
    **dict.fromkeys(
        ("packs", "pack", "pk", "pkt", "pkts", "packets", "packet", "boxes", "box", "bx"), _PIECE
    ),
    **dict.fromkeys(
        ("bags", "bag", "teabags", "sachets", "sachet", "pouches", "pouch", "cups", "cup"), _PIECE
    ),
    **dict.fromkeys(("bottles", "bottle", "cans", "can", "tins", "tin", "tubes", "tube", "jars"), _PIECE),
    **dict.fromkeys(("tablets", "tablet", "capsules", "capsule", "caps", "pills", "pill", "pellets"), _PIECE),
    **dict.fromkeys(("cubes", "cube", "blocks", "block", "strips", "sticks", "patches", "plasters"), _PIECE),
    **dict.fromkeys(("portions", "pads", "wipes", "pantyliners", "eggs"), _PIECE),
}
# A capital M is a size or a maker, a small m behind a number a metre.
CASED = {"m": _METRE}
HAN = {
    **dict.fromkeys(("克", "公克"), _GRAM),
    **dict.fromkeys(("千克", "公斤"), _KILOGRAM),
    "磅": _POUND,
    # 亳 is a place; behind a number it is 毫 misspelt, as real catalogues do.
    **dict.fromkeys(("毫升", "亳升"), _MILLILITRE),
    **dict.fromkeys(("公升", "升"), _LITRE),
    **dict.fromkeys(("米", "公尺"), _METRE),
    "呎": _FOOT,
    **dict.fromkeys(("厘米", "公分", "毫米", "吋", "寸"), _SIZE),
    **dict.fromkeys(("層", "层"), _LAYERS),
    "毫克": _DOSE,
    **dict.fromkeys(("安士", "盎司", "加侖", "加仑", "斤", "兩", "两", "尺"), _UNREAD),
    **dict.fromkeys(tuple("片個个件粒卷包隻只支張张條条枚盒袋樽罐瓶杯貼贴抽塊块枝組组顆颗丸棵"), _PIECE),
    "小包": _PIECE,
}
# What turns the unit before it into another word: 升級 upgrade, 米粉 rice noodle, 個月 months.
NOT_BEFORE = frozenset("級级粉線线飯饭糕酒糠月")
# Packs that hold two of something, said or not said in the numbers beside them.
TWIN_PACKS = ("twin pack", "twinpack", "duo pack", "孖裝", "孖装", "買一送一", "买一送一", "buy 1 get 1")
# Words of pharmacy: beside a mass it is open whether that is one of them or all of them.
DOSE_FORMS = frozenset(("tablets", "tablet", "capsules", "capsule", "caps", "pills", "pill", "丸"))
