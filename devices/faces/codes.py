"""Codes a scanner reads off a face: QR with a GS1 Digital Link, and EAN-13 bars."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote, urlsplit, urlunsplit

import barcode
import segno
from PIL import Image

from domain.labels import FaceFields

QUIET_MODULES = 4  # ISO/IEC 18004 asks for four light modules on every side
# One mask for all codes: weighing all eight takes four times as long as the rest of a face, and readers
# take any. This one runs along diagonals, unlike anything in the padding of a short link.
_MASK = 3
_QR_UPPER = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")


def link(fields: FaceFields) -> str:
    """Where the QR code leads: the GS1 Digital Link of the GTIN, else the sku under the shop's resolver."""
    if fields.gtin:
        return f"https://id.gs1.org/01/{fields.gtin.zfill(14)}"
    return f"{fields.link_base.rstrip('/')}/{quote(fields.sku, safe='')}"


@lru_cache(maxsize=2048)
def qr(url: str, scale: int) -> Image.Image:
    """The code without its quiet zone as a one-bit mask, `scale` pixels a module."""
    code = segno.make(_shouted(url), error="L", boost_error=True, micro=False, mask=_MASK)
    side = len(code.matrix)
    mask = Image.new("1", (side, side), 0)
    mask.putdata([255 if dark else 0 for row in code.matrix for dark in row])
    return mask.resize((side * scale, side * scale), Image.Resampling.NEAREST)


def _shouted(url: str) -> str:
    """The link with scheme and host in capitals where that lets QR use its alphanumeric mode.

    Neither is case-sensitive (RFC 3986, 6.2.2.1); the code gets a version smaller, its modules coarser.
    """
    parts = urlsplit(url)
    shouted = urlunsplit(parts._replace(scheme=parts.scheme.upper(), netloc=parts.netloc.upper()))
    # A path in lower case keeps the code in bytes, and capitals would gain nothing.
    return shouted if set(shouted) <= _QR_UPPER else url


@lru_cache(maxsize=2048)
def ean13(gtin: str, module: int, height: int) -> Image.Image | None:
    """The bars as a one-bit mask of 95 modules, or None for a GTIN that is not an EAN-13.

    The guard bars reach 5 modules below the others, as on print.
    """
    if not gtin.isdecimal() or len(gtin) not in (12, 13, 14) or (len(gtin) == 14 and gtin[0] != "0"):
        return None
    digits = gtin.zfill(14)[1:]
    pattern = barcode.get_barcode_class("ean13")(digits[:12]).build()[0]
    bars = Image.new("1", (len(pattern) * module, height), 0)
    for position, symbol in enumerate(pattern):
        if symbol in "1G":
            guard = position < 3 or 45 <= position < 50 or position >= 92
            bottom = height if guard else height - 5 * module
            bars.paste(255, (position * module, 0, (position + 1) * module, bottom))
    return bars
