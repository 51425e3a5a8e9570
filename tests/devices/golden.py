"""The golden faces: pictures a person has looked at. `python -m tests.devices.golden` draws them anew.

Look at what changed before it is committed, and raise RENDERER_VERSION with it.
"""

from __future__ import annotations

from pathlib import Path

from tests.devices.samples import FACES, MODELS, picture

FOLDER = Path(__file__).parent / "golden"
STATES = ("regular", "promotion", "offer", "both", "clearance", "member", "sold_out", "absent", "long")


def path(state: str, model: str) -> Path:
    """Where the golden picture of a state on a panel lies."""
    return FOLDER / model / f"{state}.png"


if __name__ == "__main__":
    for model in MODELS:
        (FOLDER / model.code).mkdir(parents=True, exist_ok=True)
        for state in STATES:
            picture(FACES[state], model).save(path(state, model.code), "PNG", optimize=True)
