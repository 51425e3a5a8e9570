"""`make replay`: three years of real shelf prices through the engine; a cent of difference fails it."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from graph import logs
from graph.demo.loader import SAMPLE
from graph.settings import Environment, LogLevel
from persistence.database import connect
from tests.bench.stage import Effort, Stage
from tests.replay import mall
from tests.replay.comparison import Compared, every_event, whole_days
from tests.replay.log import chosen_days

WHOLE = Path(__file__).parents[3] / "shared" / "data" / "hk_pricewatch"


def main() -> int:
    """The exit code: 0 when no price differs, 1 when one does."""
    asked = _parser().parse_args()
    out = Console()
    logs.set_up(env=Environment.TEST, level=LogLevel.WARNING, format=None)
    folder: Path = asked.folder or (WHOLE if WHOLE.is_dir() else SAMPLE)
    found = asyncio.run(_replay(folder, asked.worst, asked.spread, out))
    table = Table("compared", "days", "events", "prices", "differences", "seconds")
    for what, compared, seconds in found:
        counts = (compared.days, compared.events, compared.prices, compared.differences)
        table.add_row(what, *(f"{count:,}" for count in counts), f"{seconds:.1f}")
    out.print(table)
    told = [line for _, compared, _ in found for line in compared.told]
    for line in told:
        out.print(line, style="red", markup=False)
    return 1 if told else 0


async def _replay(folder: Path, worst: int, spread: int, out: Console) -> list[tuple[str, Compared, float]]:
    async with Stage(Effort()) as stage:
        with out.status(f"Importing {folder.name} …"):
            db = await connect(await stage.database())
            held = await mall.load(db, folder)
        chosen = chosen_days(folder, worst=worst, spread=spread)
        found = []
        for what, work in (
            ("at every event, and just before it", every_event(db, folder, held.skus, held.stores)),
            (
                f"whole days, the {worst} worst among them",
                whole_days(db, folder, held.skus, held.stores, chosen),
            ),
        ):
            with out.status(f"Comparing {what} …"):
                began = time.perf_counter()
                found.append((what, await work, time.perf_counter() - began))
        await db.close()
        return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.replay", description=__doc__)
    parser.add_argument(
        "--folder", type=Path, help="of the log; else the whole one if at hand, else the sample"
    )
    parser.add_argument("--worst", type=int, default=20, help="days with the most price changes")
    parser.add_argument("--spread", type=int, default=45, help="other days, evenly over the log")
    return parser


if __name__ == "__main__":
    sys.exit(main())
