"""`make bench`: measures every subject, or those that are chosen, prints tables and writes var/bench.json."""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys

import uvloop
from rich.console import Console

from graph import logs
from graph.settings import Environment, LogLevel, load
from tests.bench.report import as_json, machine, show
from tests.bench.stage import Effort, Stage
from tests.bench.subject import Findings, Subject, chosen, every_subject


def main() -> int:
    """The exit code: 0 measured, 2 when something asked for does not exist."""
    asked = _parser().parse_args()
    out = Console(width=None if sys.stdout.isatty() else 140)
    try:
        subjects = chosen(asked.only)
    except ValueError as unknown:
        out.print(str(unknown), style="red", markup=False)
        return 2
    logs.set_up(env=Environment.TEST, level=LogLevel.WARNING, format=None)
    facts = machine()
    # The loop the server runs on.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(_measure(subjects, Effort(asked.seconds, asked.rounds), out))
    file = load().data_dir / "bench.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    command = "make bench" + "".join(
        f" {name}={value}" for name, value in vars(asked).items() if value != _parser().get_default(name)
    )
    file.write_bytes(as_json(found, facts, command))
    out.print(f"{facts['cpu']}, {facts['cores']} cores, Python {facts['python']}. Written to {file}.")
    return 0


async def _measure(subjects: list[Subject], effort: Effort, out: Console) -> list[tuple[str, Findings]]:
    found = []
    async with Stage(effort) as stage:
        for subject in subjects:
            with out.status(f"{subject.name}: {subject.about} …"):
                gc.collect()
                findings = await subject.measure(stage)
            show(findings, out)
            found.append((subject.name, findings))
    return found


def _parser() -> argparse.ArgumentParser:
    about = "\n".join(f"  {one.name:10} {one.about}" for one in every_subject())
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description="Rates and latencies beside their ceilings, in one run.",
        epilog=f"subjects:\n{about}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", help="the subjects to measure, separated by commas")
    parser.add_argument("--seconds", type=float, default=2.0, help="of one measurement under load")
    parser.add_argument("--rounds", type=int, default=3, help="of each measurement; the median is told")
    return parser


if __name__ == "__main__":
    sys.exit(main())
