"""What `graph/compiling.py` says of every resolver of the house, so that operations can be compiled."""

from __future__ import annotations

import ast

from tests.house.sources import modules, told

SHARED = {"context", "schema"}


def test_resolvers_look_at_nothing_of_their_own_field() -> None:
    """All fields of a compiled operation are told the same `info`: it has a context and a schema."""
    looked = [
        f"{told(path)}:{node.lineno}: info.{node.attr}"
        for path in modules("resolvers")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "info"
        and node.attr not in SHARED
    ]
    assert looked == []
