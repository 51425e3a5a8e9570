"""The guide for front ends says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from graph.door import websocket
from graph.door.limits import Limits
from graph.settings import PREFIX, Settings

GUIDE = (Path(__file__).parents[2] / "docs" / "live.md").read_text()


def test_every_close_code_is_explained_and_no_other() -> None:
    explained = {int(code) for code in re.findall(r"^\| (\d{4}) \|", GUIDE, re.MULTILINE)}
    codes = {value for value in vars(websocket).values() if isinstance(value, int) and value >= 1000}
    assert explained == codes


def test_the_limits_are_those_of_the_settings() -> None:
    told = dict(re.findall(rf"\| {PREFIX}(\w+) \| ([\d,]+) \|", GUIDE))
    settings = Settings.model_fields
    assert {name.lower(): int(most.replace(",", "")) for name, most in told.items()} == {
        name: settings[name].default
        for name in ("connections", "connections_per_caller", "operations_per_connection")
    }
    limits = Limits()
    for said in (
        f"after {limits.keep_alive_seconds:.0f} s of silence",
        f"within {limits.reservation_seconds:.0f} s;",
        f"no `connection_init` within {limits.socket_init_seconds:.0f} s",
        f"A stream ends within {limits.sign_in_check_seconds:.0f} s of its token",
    ):
        assert said in GUIDE, said
