"""A picture as panels take it: a short head, then one plane of bits for each ink.

=======  =====  ======================================================================
offset   bytes  what
=======  =====  ======================================================================
0        4      ``SGF1``
4        1      palette: 0 BW, 1 BWR, 2 BWY, 3 BWRY
5        1      number of planes: 1, 2, 2, 3
6        2      width in pixels, big endian
8        2      height in pixels, big endian
10       2      0
12              the planes one after another: black, then red, then yellow, as far as
                the palette has them
=======  =====  ======================================================================

A plane has ``ceil(width / 8) * height`` bytes: rows from the top, the leftmost pixel in the highest bit, each
row padded with zeros to whole bytes. A bit is 1 where the panel has that ink; no plane has it: white.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from domain.labels import LabelPalette

MEDIA_TYPE = "application/vnd.shelfgraph.face"
_HEAD = struct.Struct(">4sBBHHH")
_MAGIC = b"SGF1"
_PALETTES = tuple(LabelPalette)


@dataclass(frozen=True, slots=True)
class Packed:
    """The planes of a picture with what is needed to read them."""

    palette: LabelPalette
    width: int
    height: int
    planes: tuple[bytes, ...]

    def inked(self, plane: int, x: int, y: int) -> bool:
        """Whether a pixel has the ink of a plane."""
        stride = (self.width + 7) // 8
        return bool(self.planes[plane][y * stride + x // 8] >> (7 - x % 8) & 1)


def pack(palette: LabelPalette, width: int, height: int, planes: Sequence[bytes]) -> bytes:
    """Head and planes in one piece."""
    head = _HEAD.pack(_MAGIC, _PALETTES.index(palette), len(planes), width, height, 0)
    return b"".join((head, *planes))


def unpack(data: bytes) -> Packed:
    """What `pack` put together. Raises ValueError for anything else."""
    if len(data) < _HEAD.size:
        raise ValueError("too short for a face")
    magic, palette, count, width, height, _ = _HEAD.unpack_from(data)
    size = (width + 7) // 8 * height
    if magic != _MAGIC or palette >= len(_PALETTES) or len(data) != _HEAD.size + count * size:
        raise ValueError("not a face")
    planes = tuple(data[_HEAD.size + n * size : _HEAD.size + (n + 1) * size] for n in range(count))
    return Packed(_PALETTES[palette], width, height, planes)
