"""A CSV file as rows of cells, with everything that is wrong about its form said by line and column."""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, TypeVar, cast

from persistence.imports.files.cells import BadCell
from persistence.imports.files.layouts import Column
from persistence.imports.staging import BadRow

T = TypeVar("T")
_LONGEST_CELL = 100_000
_NAMED_FREELY = ("attribute_", "option_")
_LOCALE = re.compile(r"[a-z]{2,3}(?:_[a-z0-9]{2,8})*")


class BadFile(Exception):  # noqa: N818 - what it says is for the person who wrote the file
    """The file as a whole cannot be read."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its line (the header is 1) and its cells by column, stripped."""

    line: int
    cells: Mapping[str, str]

    def read(self, column: str, reader: Callable[[str], T], bad: list[BadRow]) -> T | None:
        """The cell as a value; None, and one more bad row, when it cannot be read."""
        try:
            return reader(self.cells.get(column, ""))
        except BadCell as wrong:
            bad.append(BadRow(self.line, column, str(wrong)))
            return None

    def family(self, prefix: str) -> dict[str, str]:
        """The cells of the columns that begin with the prefix, by the rest of their names; no empty ones."""
        cells = self.cells
        return {tail: cells[name] for name, tail, _ in _family(tuple(cells), prefix) if cells[name]}

    def texts(self, prefix: str) -> dict[str, str]:
        """The texts of a family by locale: `name_zh_hk` holds zh-HK."""
        cells = self.cells
        return {locale: cells[name] for name, _, locale in _family(tuple(cells), prefix) if cells[name]}


@lru_cache(maxsize=1000)
def _family(header: tuple[str, ...], prefix: str) -> list[tuple[str, str, str]]:
    """The columns that begin with a prefix: the whole name, the rest of it, the locale this stands for."""
    return [
        (name, name[len(prefix) :], locale_of(name[len(prefix) :]))
        for name in header
        if name.startswith(prefix) and len(name) > len(prefix)
    ]


def locale_of(tail: str) -> str:
    """The locale a column's end stands for: zh_hk is zh-HK, en is en."""
    language, *rest = tail.split("_")
    return "-".join([language, *(part.title() if len(part) == 4 else part.upper() for part in rest)])


def rows_of(path: Path, layout: Sequence[Column], bad: list[BadRow]) -> Iterator[Row]:
    """The rows of a UTF-8 file, with or without a byte order mark, quoted or not; `.gz` is unpacked.

    A row that is no row goes to `bad`. Raises BadFile when there is no header that fits the layout.
    """
    try:
        with _open(path) as file:
            reader = csv.reader(file, strict=True, skipinitialspace=True)
            header = _header(reader, layout)
            yield from _rows(reader, header, bad)
    except (OSError, EOFError) as wrong:
        raise BadFile(f"{path} cannot be read: {getattr(wrong, 'strerror', None) or wrong}.") from None


def _open(path: Path) -> IO[str]:
    # Bytes that are not UTF-8 come through as lone surrogates, so that they are found in their cell.
    if path.suffix == ".gz":
        return cast(
            "IO[str]", gzip.open(path, "rt", encoding="utf-8-sig", errors="surrogateescape", newline="")
        )
    return path.open("r", encoding="utf-8-sig", errors="surrogateescape", newline="")


def _header(reader: Iterator[list[str]], layout: Sequence[Column]) -> list[str]:
    try:
        header = [name.strip().lower() for name in next(reader)]
    except StopIteration:
        raise BadFile("The file is empty: it has not even a header.") from None
    except csv.Error as wrong:
        raise BadFile(f"The header cannot be read: {wrong}.") from None
    text = ",".join(header)
    if "\0" in text:
        raise BadFile("The header holds NUL bytes: this is not a CSV file in UTF-8 (is it UTF-16?).")
    if not text.strip(","):
        raise BadFile("The first line is empty: the header has to stand there.")
    if len(header) == 1 and (found := next((sign for sign in ";\t|" if sign in header[0]), None)):
        raise BadFile(f"The header is one column; its names seem separated by {found!r}, not by a comma.")
    problems = []
    known = {column.name for column in layout if not column.name.endswith("*")}
    families = tuple(column.name[:-1] for column in layout if column.name.endswith("*"))
    strangers = [name for name in header if name not in known and not _belongs(name, families)]
    if strangers:
        problems.append(f"unknown: {', '.join(repr(name) for name in strangers)}")
    missing = [column.name for column in layout if column.required and not _has(header, column)]
    if missing:
        problems.append(f"missing: {', '.join(missing)}")
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        problems.append(f"there twice: {', '.join(twice)}")
    if problems:
        raise BadFile(
            f"Columns {'; '.join(problems)}. Known are {', '.join(column.name for column in layout)}."
        )
    return header


def _belongs(name: str, families: tuple[str, ...]) -> bool:
    return any(
        name.startswith(family) and (family in _NAMED_FREELY or _LOCALE.fullmatch(name[len(family) :]))
        for family in families
        if len(name) > len(family)
    )


def _has(header: list[str], column: Column) -> bool:
    if column.name.endswith("*"):
        return any(name.startswith(column.name[:-1]) for name in header)
    return column.name in header


def _rows(reader: Iterator[list[str]], header: list[str], bad: list[BadRow]) -> Iterator[Row]:
    lines = cast("_Lines", reader)
    width = len(header)
    while True:
        line = lines.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as wrong:
            bad.append(BadRow(line, "", f"The line cannot be read: {wrong}."))
            continue
        if not cells:
            continue
        if len(cells) != width:
            bad.append(BadRow(line, "", f"The line has {len(cells)} cells, the header {width}."))
            continue
        flaw = _flaw(header, cells)
        if flaw is None:
            yield Row(line, dict(zip(header, map(str.strip, cells), strict=True)))
        else:
            bad.append(BadRow(line, *flaw))


class _Lines:
    """What csv.reader has beside being an iterator."""

    line_num: int


def _flaw(header: list[str], cells: list[str]) -> tuple[str, str] | None:
    for name, text in zip(header, cells, strict=True):
        if text.isascii() and "\0" not in text and len(text) <= _LONGEST_CELL:
            continue
        if "\0" in text:
            return name, "The cell holds a NUL byte."
        if len(text) > _LONGEST_CELL:
            return name, f"The cell has {len(text)} characters; {_LONGEST_CELL} are the most."
        stray = next((sign for sign in text if "\udc80" <= sign <= "\udcff"), None)
        if stray is not None:
            return name, f"The byte 0x{ord(stray) - 0xDC00:02X} is not UTF-8: is the file Latin-1 or GBK?"
    return None
