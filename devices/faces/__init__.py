"""The picture a label shows: drawn from its fields alone, the same bytes every time."""

from __future__ import annotations

from devices.faces.canvas import Canvas
from devices.faces.packed import pack
from devices.faces.sheet import draw_sheet
from devices.faces.square import draw_square
from devices.faces.strip import draw_strip
from domain import labels
from domain.labels import FaceFields, FaceTemplate, LabelModel

RENDERER_VERSION = "2"  # raise it whenever a face would come out different


def face_hash(fields: FaceFields, template: FaceTemplate, model: LabelModel) -> str:
    """SHA-256 (hex) of fields, template, model and this renderer's version."""
    return labels.face_hash(fields, template, model, renderer_version=RENDERER_VERSION)


def draw(fields: FaceFields, template: FaceTemplate, model: LabelModel) -> bytes:
    """A PNG of exactly what the panel shows, in its inks only; the same bytes in any process."""
    return _drawn(fields, template, model).png()


def draw_packed(fields: FaceFields, template: FaceTemplate, model: LabelModel) -> bytes:
    """The same picture for the hardware, as `devices.faces.packed` describes."""
    canvas = _drawn(fields, template, model)
    return pack(model.palette, model.width, model.height, canvas.planes())


def _drawn(fields: FaceFields, template: FaceTemplate, model: LabelModel) -> Canvas:
    canvas = Canvas(model)
    if model.width == model.height:
        draw_square(canvas, fields, template)
    elif model.height >= 200:
        draw_sheet(canvas, fields, template)
    else:
        draw_strip(canvas, fields, template)
    return canvas
