"""A CSV file as rows of cells, with everything that is wrong about its form said by line and column."""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple, TypeVar, cast

from persistence.imports.files.cells import BadCell
from persistence.imports.files.layouts import Column
from persistence.imports.staging import BadRow

T = TypeVar("T")
LINES_OF_A_BLOCK = 1_000
_LONGEST_CELL = 100_000
_NAMED_FREELY = ("attribute_", "option_")
_STRAY = re.compile("[\udc80-\udcff]")
_LOCALE = re.compile(r"[a-z]{2,3}(?:_[a-z0-9]{2,8})*")


class BadFile(Exception):  # noqa: N818 - what it says is for the person who wrote the file
    """The file as a whole cannot be read."""


class Header:
    """The columns of a file, and which of them belong together."""

    __slots__ = ("_families", "names")

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self._families: dict[str, list[tuple[str, str, str]]] = {}

    def family(self, prefix: str) -> list[tuple[str, str, str]]:
        """The columns that begin with a prefix: the whole name, the rest of it, the locale it stands for."""
        found = self._families.get(prefix)
        if found is None:
            found = self._families[prefix] = [
                (name, tail, locale_of(tail))
                for name in self.names
                if name.startswith(prefix) and (tail := name[len(prefix) :])
            ]
        return found


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its line (the header is 1) and its cells by column, stripped."""

    line: int
    cells: Mapping[str, str]
    header: Header

    def read(self, column: str, reader: Callable[[str], T], bad: list[BadRow]) -> T | None:
        """The cell as a value; None, and one more bad row, when it cannot be read."""
        try:
            return reader(self.cells.get(column, ""))
        except BadCell as wrong:
            bad.append(BadRow(self.line, column, str(wrong)))
            return None

    def family(self, prefix: str) -> dict[str, str]:
        """The cells of the columns that begin with the prefix, by the rest of their names; no empty ones."""
        return {tail: text for name, tail, _ in self.header.family(prefix) if (text := self.cells[name])}

    def texts(self, prefix: str) -> dict[str, str]:
        """The texts of a family by locale: `name_zh_hk` holds zh-HK."""
        return {locale: text for name, _, locale in self.header.family(prefix) if (text := self.cells[name])}


class Share(NamedTuple):
    """Which blocks of a file somebody reads: those whose number leaves `part` when divided by `parts`."""

    part: int
    parts: int


ALL = Share(0, 1)


class Block(NamedTuple):
    """Lines of a file that follow one another: those that are rows, and what is wrong with the others."""

    rows: list[Row]
    bad: list[BadRow]


def locale_of(tail: str) -> str:
    """The locale a column's end stands for: zh_hk is zh-HK, en is en."""
    language, *rest = tail.split("_")
    return "-".join([language, *(part.title() if len(part) == 4 else part.upper() for part in rest)])


def rows_of(path: Path, layout: Sequence[Column], bad: list[BadRow]) -> Iterator[Row]:
    """The rows of a file as `blocks_of` has them; a row that is no row goes to `bad`. Raises BadFile."""
    for rows, wrong in blocks_of(path, layout):
        bad += wrong
        yield from rows


def blocks_of(path: Path, layout: Sequence[Column], share: Share = ALL) -> Iterator[Block]:
    """The blocks of a UTF-8 file, with or without a byte order mark, quoted or not; `.gz` is unpacked.

    The last block may be empty; blocks beside the share cost no more than finding where they end. Raises
    BadFile when there is no header that fits the layout.
    """
    try:
        with _open(path) as file:
            reader = csv.reader(file, strict=True, skipinitialspace=True)
            header = Header(_header(reader, layout))
            yield from _blocks(reader, header, share)
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


def _blocks(reader: Iterator[list[str]], header: Header, share: Share) -> Iterator[Block]:
    lines = cast("_Lines", reader)
    number, more = 0, True
    while more:
        mine = number % share.parts == share.part
        found: list[tuple[int, list[str]]] = []
        bad: list[BadRow] = []
        for _ in range(LINES_OF_A_BLOCK):
            line = lines.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                more = False
                break
            except csv.Error as wrong:
                bad.append(BadRow(line, "", f"The line cannot be read: {wrong}."))
                continue
            if mine and cells:
                found.append((line, cells))
        if mine:
            yield Block([*_rows(found, header, bad)], bad)
        number += 1


def _rows(found: Iterable[tuple[int, list[str]]], header: Header, bad: list[BadRow]) -> Iterator[Row]:
    names, width = header.names, len(header.names)
    for line, cells in found:
        if len(cells) != width:
            bad.append(BadRow(line, "", f"The line has {len(cells)} cells, the header {width}."))
            continue
        flaw = _flaw(names, cells)
        if flaw is None:
            yield Row(line, dict(zip(names, map(str.strip, cells), strict=True)), header)
        else:
            bad.append(BadRow(line, *flaw))


class _Lines:
    """What csv.reader has beside being an iterator."""

    line_num: int


def _flaw(header: Sequence[str], cells: list[str]) -> tuple[str, str] | None:
    whole = "".join(cells)
    if len(whole) <= _LONGEST_CELL and "\0" not in whole and (whole.isascii() or not _STRAY.search(whole)):
        return None
    for name, text in zip(header, cells, strict=True):
        if "\0" in text:
            return name, "The cell holds a NUL byte."
        if len(text) > _LONGEST_CELL:
            return name, f"The cell has {len(text)} characters; {_LONGEST_CELL} are the most."
        stray = None if text.isascii() else _STRAY.search(text)
        if stray is not None:
            byte = ord(stray[0]) - 0xDC00
            return name, f"The byte 0x{byte:02X} is not UTF-8: is the file Latin-1 or GBK?"
    return None
