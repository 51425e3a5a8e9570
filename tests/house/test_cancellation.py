"""Whoever is told to end, ends."""

import ast

from tests.house.sources import PACKAGES, modules, told


def test_nothing_waits_in_a_way_that_can_swallow_its_own_end():
    wrong = [
        f"{told(path)}:{node.lineno}"
        for path in modules(*PACKAGES)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "wait_for"
    ]
    assert not wrong, (
        "In Python 3.11 `asyncio.wait_for` returns as if nothing had happened when it is cancelled at the "
        "moment its awaitable is done; a loop around it then never ends. "
        "Write `async with asyncio.timeout(seconds):` instead:\n" + "\n".join(wrong)
    )
