"""Imports point one way: graph → resolvers → persistence → domain, and graph → devices → domain."""

import ast
import sys

import pytest

from tests.house.sources import PACKAGES, modules, told

MAY_IMPORT = {
    "graph": {"graph", "resolvers", "persistence", "devices", "domain"},
    "resolvers": {"resolvers", "persistence", "domain"},
    "persistence": {"persistence", "domain"},
    "devices": {"devices", "domain"},
    "domain": {"domain"},
}


def imported(source: str) -> list[tuple[int, str]]:
    """Line and top-level package of every import, those for type checkers and inside functions included."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name.partition(".")[0]) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.append((node.lineno, node.module.partition(".")[0]))
    return found


def upward(package: str, source: str) -> list[tuple[int, str]]:
    """The imports that a file of this package may not have."""
    mine = {*PACKAGES, "tests"} - MAY_IMPORT[package]
    wrong = [(line, name) for line, name in imported(source) if name in mine]
    if package == "domain":
        allowed = sys.stdlib_module_names | {"domain"}
        wrong += [(line, name) for line, name in imported(source) if name not in allowed | mine]
    return wrong


@pytest.mark.parametrize(
    ("package", "source", "wrong"),
    [
        ("domain", "import decimal\nfrom domain.money import Money", []),
        ("domain", "import sqlalchemy", [(1, "sqlalchemy")]),
        ("domain", "def f():\n    from persistence import tables", [(2, "persistence")]),
        ("persistence", "from domain.money import Money\nimport sqlalchemy as sa", []),
        ("persistence", "if TYPE_CHECKING:\n    from resolvers.context import Context", [(2, "resolvers")]),
        ("devices", "import persistence.news", [(1, "persistence")]),
        ("resolvers", "from devices.simulated import Gateway", [(1, "devices")]),
        ("resolvers", "from persistence import tables", []),
        ("graph", "from tests.databases import created", [(1, "tests")]),
    ],
)
def test_this_test_sees_a_wrong_import(package, source, wrong):
    assert upward(package, source) == wrong


@pytest.mark.parametrize("package", PACKAGES)
def test_no_import_points_upward(package):
    wrong = [
        f"{told(path)}:{line} imports {name}"
        for path in modules(package)
        for line, name in upward(package, path.read_text(encoding="utf-8"))
    ]
    allowed = ", ".join(sorted(MAY_IMPORT[package])) + (
        " and the standard library" if package == "domain" else ""
    )
    assert not wrong, (
        f"{package}/ may import {allowed}. Move the shared thing down to the floor that both stand on, "
        "or hand it in as an argument:\n" + "\n".join(wrong)
    )
