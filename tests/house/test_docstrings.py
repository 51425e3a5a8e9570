"""Every module opens with what it is about."""

import ast

from tests.house.sources import PACKAGES, modules, told


def test_every_module_says_what_it_is_about():
    silent = [
        told(path)
        for path in modules(*PACKAGES, "tests")
        if not (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").strip()
    ]
    assert not silent, (
        "A reader opens a file to learn whether it is the right one: let its first line say so, "
        "in a docstring:\n" + "\n".join(silent)
    )
