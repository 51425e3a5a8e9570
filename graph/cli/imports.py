"""`shelfgraph import …`: a shop's own files, and Hong Kong's Online Price Watch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from graph.cli.terminal import log_as, one_line_refusals, settings_or_refusal
from persistence.imports.files.layouts import LAYOUTS

app = typer.Typer(
    name="import",
    help="Bring data in: all of a file or nothing of it. The same file twice changes nothing.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

_DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Do it all, tell what would happen, and take it back.")
]
_Silent = Annotated[
    bool, typer.Option("--nobody-listens", help="Write no news: for the first filling of a new database.")
]


def _file_command(kind: str, what: str) -> None:
    def command(
        file: Annotated[
            Path, typer.Argument(metavar="FILE.csv", help="UTF-8, comma separated, with a header.")
        ],
        dry_run: _DryRun = False,
        on_error: Annotated[
            Literal["abort", "skip"],
            typer.Option(help="What bad rows do: keep the whole file out, or only themselves."),
        ] = "abort",
        report: Annotated[
            Path | None,
            typer.Option(metavar="FILE.csv", help="Write the bad rows there: line, column, reason."),
        ] = None,
        nobody_listens: _Silent = False,
    ) -> None:
        from graph.imports import FileOrder, bring_file

        settings = settings_or_refusal()
        log_as(settings)
        with one_line_refusals():
            order = FileOrder(
                kind,
                file,
                dry_run=dry_run,
                skip=on_error == "skip",
                report=report,
                announce=not nobody_listens,
            )
            code = bring_file(settings, order)
        raise typer.Exit(code)

    columns = "\n\n".join(
        f"[bold]{column.name}[/bold]{' (needed)' if column.required else ''}: {column.meaning}"
        for column in LAYOUTS[kind]
    )
    codes = "Exit codes: 0 done, 1 bad rows, 2 cannot start."
    command.__doc__ = f"{what}\n\nThe columns, in any order:\n\n{columns}\n\n{codes}"
    app.command(kind)(command)


for _kind, _what in (
    ("channels", "Create, replace, open and close channels."),
    ("stores", "Create or replace stores."),
    ("tiers", "Create, replace and give up the ranks of members."),
    ("products", "Create or replace products and their variants, one line per sku."),
    ("prices", "Record prices. A price that is in force already is not recorded again."),
    ("stock", "Set what is on hand; each difference becomes one movement of reason COUNT."),
):
    _file_command(_kind, _what)


@app.command("hk-pricewatch")
def hk_pricewatch(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder of products, offers and price_events (.csv.gz).")
    ],
    dry_run: _DryRun = False,
    nobody_listens: _Silent = False,
) -> None:
    """Bring in Hong Kong's Online Price Watch: articles in three languages, chains as stores, prices, offers.

    Every change of a price point becomes a STORE price of that chain's store, recorded at 05:10 Hong Kong
    time of its day. A log that has grown is continued.
    """
    from graph.imports import bring_hk_pricewatch

    settings = settings_or_refusal()
    log_as(settings)
    with one_line_refusals():
        code = bring_hk_pricewatch(settings, folder, dry_run=dry_run, announce=not nobody_listens)
    raise typer.Exit(code)
