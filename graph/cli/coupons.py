"""`shelfgraph coupons …`: codes by the million, to be printed or sent."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from graph.cli.terminal import log_as, one_line_refusals, refuse, settings_or_refusal

app = typer.Typer(name="coupons", help="Issue coupons that are nobody's yet.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Issue coupons that are nobody's yet."""  # keeps `issue` a word of its own while it is the only one


@app.command()
def issue(
    campaign: Annotated[str, typer.Argument(help="Code of a campaign made by couponCampaignSet.")],
    count: Annotated[int, typer.Argument(min=1, max=10_000_000, help="How many.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where the codes go, one a line.")
    ],
) -> None:
    """Issue coupons to whoever brings their codes; all of them or none. Their codes are kept nowhere else."""
    settings = settings_or_refusal()
    log_as(settings)
    if output.exists():
        refuse(f"{output} is there already: codes are never written over.")
    with one_line_refusals():
        from graph.coupons import CannotIssue, issue_to

        output.touch(mode=0o600)  # whoever reads a code has the coupon
        try:
            with output.open("w", encoding="ascii") as file:
                asyncio.run(issue_to(settings, campaign, count, file))
        except CannotIssue as why:
            output.unlink()
            refuse(str(why))
    typer.echo(f"{count:,} codes of {campaign} written to {output}.")
