"""The page that explains the price: every example of its tables is selected and traced."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from domain.pricing.kinds import PriceKind
from domain.pricing.records import PriceContext, missing_for_kind
from domain.pricing.selection import select
from domain.pricing.trace import trace
from tests.pricing.making import Record, price

PAGE = (Path(__file__).parents[2] / "docs" / "pricing.md").read_text(encoding="utf-8")


def tables(header: str) -> list[list[str]]:
    """The rows, cell by cell, of all tables under one header."""
    rows = []
    for block in PAGE.split(f"| {header} |\n")[1:]:
        for line in block.splitlines()[1:]:
            if not line.startswith("|"):
                break
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def clock(time: str) -> datetime:
    return datetime.fromisoformat(f"2025-06-01T{time}:00").replace(tzinfo=UTC)


def record(text: str, sequence: int) -> Record:
    """`SALE 80 @channel=app ×3 [12:00–18:00)`, wholly understood or refused."""
    match = re.fullmatch(r"([A-Z_]+) (\d+)(?: @(\S+))?(?: ×(\d+))?(?: \[(\d\d:\d\d)–(\d\d:\d\d)\))?", text)
    assert match, text
    kind, amount, scope, quantity, begins, ends = match.groups()
    fields: dict[str, Any] = dict(pair.split("=") for pair in scope.split(",")) if scope else {}
    return price(
        kind,
        int(amount) * 100,
        min_quantity=int(quantity or 1),
        valid_from=clock(begins) if begins else None,
        valid_until=clock(ends) if ends else None,
        sequence=sequence,
        **fields,
    )


def asked(text: str) -> PriceContext:
    """`app store=central quantity=3 12:00`."""
    channel, *words, time = text.split()
    fields: dict[str, Any] = dict(word.split("=") for word in words)
    quantity = int(fields.pop("quantity", 1))
    return PriceContext(at=clock(time), channel=channel, quantity=quantity, currency_code="HKD", **fields)


@pytest.mark.parametrize(("records", "context", "paid", "why"), tables("Records | Context | Paid | Why"))
def test_an_example(records: str, context: str, paid: str, why: str) -> None:
    rows = [record(text.strip(), n) for n, text in enumerate(records.split("·"), start=1)]
    selection = select(rows, asked(context))
    if paid == "not for sale":
        assert (selection, why) == (None, "")
        return
    assert selection is not None
    assert (selection.winner.amount_minor, selection.winner.kind) == (int(paid) * 100, why)
    assert trace(rows, asked(context))[0].row == selection.winner


def test_every_example_is_read() -> None:
    examples = tables("Records | Context | Paid | Why")
    assert len(examples) == PAGE.count(":00 |") + PAGE.count(":59 |")
    assert len(examples) >= 35


def test_what_a_kind_must_name() -> None:
    said = {}
    for kinds, _, field in tables("Kind | What it is | Must name"):
        said.update(dict.fromkeys(kinds.split(", "), field or None))
    assert said == {kind.value: missing_for_kind(kind, None, None, None) for kind in PriceKind}
