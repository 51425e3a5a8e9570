"""A long file read by several processes: the answer is that of one, and nothing of them stays."""

from __future__ import annotations

import multiprocessing
from contextlib import aclosing
from functools import partial
from pathlib import Path

import pytest

from persistence.imports.files.csv_file import LINES_OF_A_BLOCK, BadFile, Row, Share, blocks_of
from persistence.imports.files.layouts import PRICES, PRODUCTS
from persistence.imports.files.products import Catalogue, read_products
from persistence.imports.files.reading import MOST_PROCESSES, parts_of, processes_for
from persistence.imports.staging import BadRow

WORDS = ("milk 1L", "鮮牛奶 330mL x 8", "Rice", "橄欖油 (each)")


def products(folder: Path, lines: int) -> Path:
    """A file with variants over the ends of blocks, and something wrong in every 97th line."""
    file = folder / "products.csv"
    rows = [
        f"S{n},P{n // 7},{WORDS[n // 7 % 4]} {n // 7},a > b{n % 3 if n % 97 == 0 else n // 7 % 3}"
        + (",too much" if n % 970 == 1 else "")
        for n in range(lines)
    ]
    file.write_text("\n".join(["sku,handle,name_en,category", *rows]), encoding="utf-8")
    return file


def sold_out(rows: list[Row], bad: list[BadRow]) -> list[str]:
    """A way to read that a started process can find; no pipe holds what it makes of two blocks."""
    bad += (BadRow(row.line, "sku", "Sold out.") for row in rows if row.cells["sku"].endswith("00"))
    return [row.cells["sku"].ljust(500) for row in rows]


async def catalogue(file: Path, processes: int) -> tuple[Catalogue, list[BadRow]]:
    bad: list[BadRow] = []
    return await read_products(file, bad, known={}, processes=processes), bad


async def test_several_processes_read_what_one_reads(tmp_path: Path) -> None:
    file = products(tmp_path, 2 * LINES_OF_A_BLOCK + 500)
    alone, shared = await catalogue(file, 1), await catalogue(file, 2)
    assert alone == shared
    read, bad = alone
    assert len(read.variants) > 2_000
    assert len({row.reason for row in bad}) > 2
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("lines", [0, 1, LINES_OF_A_BLOCK, LINES_OF_A_BLOCK + 1, 3 * LINES_OF_A_BLOCK])
def test_shares_make_up_the_whole_file(tmp_path: Path, lines: int) -> None:
    file = tmp_path / "prices.csv"
    file.write_text("\n".join(["sku,amount", *(f"S{n},{n}" for n in range(lines)), ""]))
    blocks = [[*blocks_of(file, PRICES, Share(part, 3))] for part in range(3)]
    found = [blocks[n % 3][n // 3] for n in range(sum(map(len, blocks)))]
    assert [row.cells["sku"] for block in found for row in block.rows] == [f"S{n}" for n in range(lines)]


async def test_who_stops_early_leaves_no_process(tmp_path: Path) -> None:
    file = products(tmp_path, 5 * LINES_OF_A_BLOCK)
    async with aclosing(parts_of(file, PRODUCTS, sold_out, processes=2)) as parts:
        first = await anext(parts)
        assert len(multiprocessing.active_children()) == 2
    assert first.made[0].strip() == "S0"
    assert BadRow(102, "sku", "Sold out.") in first.bad
    assert not multiprocessing.active_children()


async def test_a_process_that_is_ended_ends_the_reading(tmp_path: Path) -> None:
    file = products(tmp_path, 9 * LINES_OF_A_BLOCK)
    async with aclosing(parts_of(file, PRODUCTS, sold_out, processes=2)) as parts:
        await anext(parts)
        for process in multiprocessing.active_children():
            process.kill()
        with pytest.raises(BadFile, match="has ended before its time"):
            [part async for part in parts]


async def test_a_file_without_its_header_is_refused_by_processes_too(tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text("sku,trousers\nA,1\n")
    with pytest.raises(BadFile, match="unknown: 'trousers'; missing: amount"):
        await anext(parts_of(file, PRICES, partial(sold_out), processes=2))
    assert not multiprocessing.active_children()


def test_a_short_file_is_read_by_one(tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text("sku,amount\n")
    assert processes_for(file) == 1
    assert processes_for(tmp_path / "nowhere.csv") == 1
    file.write_text("x" * 100_000_000)
    assert 1 <= processes_for(file) <= MOST_PROCESSES
