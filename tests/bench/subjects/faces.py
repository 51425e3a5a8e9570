"""Label faces: how many one core draws in a second, when they are new and when they come again."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from itertools import islice

from devices.faces import draw, face_hash
from domain.labels import LABEL_MODELS, FaceFields, LabelModel, template_for
from domain.money import Money
from graph.demo.loader import SAMPLE
from persistence.imports.hk_pricewatch import read_catalogue
from tests.bench.stage import Stage
from tests.bench.subject import Column, Findings, subject
from tests.bench.timing import each

_FACES = 200
_PALETTE = "-bwry"  # the one with the most inks takes longest


@subject("faces", "label faces drawn per second", place=5)
async def faces(_: Stage) -> Findings:
    """Articles of the sample, one after another, in this process."""
    found = Findings(
        f"Label faces: {_FACES} articles of the sample, one core",
        (
            Column("what", "panel"),
            Column("size", "pixels"),
            Column("new_per_second", "new faces/s"),
            Column("changed_per_second", "price changed/s"),
            Column("hash_us", "hash alone", "µs", 1),
            Column("bytes", "PNG", "bytes"),
        ),
    )
    articles = _articles()
    for model in (one for code, one in LABEL_MODELS.items() if code.endswith(_PALETTE)):
        new, sizes = _drawn(articles[:_FACES], model, 1990)
        changed, _sizes = _drawn(articles[:_FACES], model, 1850)
        one = articles[0]
        hashed = each(partial(face_hash, one, template_for(one), model))
        found.rows.append(
            {
                "what": model.code,
                "size": f"{model.width} x {model.height}",
                "new_per_second": new,
                "changed_per_second": changed,
                "hash_us": hashed.cpu_us,
                "bytes": sizes / _FACES,
            }
        )
    found.notes.append(
        "New: names this process has not set before. Changed: the same names at another price."
    )
    return found


def _drawn(articles: list[FaceFields], model: LabelModel, minor: int) -> tuple[float, int]:
    """Faces per second of CPU, and the bytes of all of them."""
    asked = [
        replace(fields, amount=Money(minor + 10 * number, "HKD")) for number, fields in enumerate(articles)
    ]
    used = time.process_time()
    sizes = sum(len(draw(fields, template_for(fields), model)) for fields in asked)
    return len(asked) / (time.process_time() - used), sizes


def _articles() -> list[FaceFields]:
    _, articles = read_catalogue(SAMPLE / "products.csv.gz")
    fields = (
        FaceFields(
            sku=article.variant.sku,
            name_zh=article.product.names.get("zh-HK", ""),
            name_en=article.product.names.get("en", ""),
            brand=article.product.brand,
            amount=Money(1990, "HKD"),
        )
        for article in articles
    )
    return [*islice(fields, _FACES)]
