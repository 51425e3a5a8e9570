"""Cursors: what clients store, sort and hand back."""

from __future__ import annotations

import pytest

from domain.news import Cursor


@pytest.mark.parametrize(
    ("cursor", "text"),
    [
        (Cursor(1, 42), "0001.00000000000000000042"),
        (Cursor(0, 0), "0000.00000000000000000000"),
        (Cursor(9999, 2**63 - 1), "9999.09223372036854775807"),
    ],
)
def test_a_cursor_is_written_and_read_back(cursor: Cursor, text: str) -> None:
    assert str(cursor) == text
    assert Cursor.parse(text) == cursor


@pytest.mark.parametrize(
    "text",
    [
        "",
        "42",
        "1.42",
        "0001.0000000000000000042",
        "0001.000000000000000000042",
        "0001-00000000000000000042",
        " 0001.00000000000000000042",
        "0001.00000000000000000042\n",
        "0001.0000000000000000004٢",
        "0001.09223372036854775808",
        "-001.00000000000000000042",
    ],
)
def test_what_was_never_written_is_no_cursor(text: str) -> None:
    assert Cursor.parse(text) is None


def test_texts_sort_as_their_cursors() -> None:
    cursors = [Cursor(1, 9), Cursor(1, 10), Cursor(1, 2**62), Cursor(2, 0), Cursor(10, 3)]
    assert sorted(map(str, cursors)) == [str(cursor) for cursor in cursors]
