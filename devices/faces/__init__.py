"""The picture a label shows: drawn from its fields alone, the same bytes every time."""

from __future__ import annotations

from devices.faces.canvas import Canvas
from devices.faces.sheet import draw_sheet
from devices.faces.strip import draw_strip
from domain import labels
from domain.labels import FaceFields, FaceTemplate, LabelModel

RENDERER_VERSION = "1"  # raise it whenever a face would come out different


def face_hash(fields: FaceFields, template: FaceTemplate, model: LabelModel) -> str:
    """SHA-256 (hex) of fields, template, model and this renderer's version."""
    return labels.face_hash(fields, template, model, renderer_version=RENDERER_VERSION)


def draw(fields: FaceFields, template: FaceTemplate, model: LabelModel) -> bytes:
    """A PNG of exactly what the panel shows, in its inks only; the same bytes in any process."""
    canvas = Canvas(model)
    arrange = draw_sheet if model.height >= 200 else draw_strip
    arrange(canvas, fields, template)
    return canvas.png()
