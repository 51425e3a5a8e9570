"""The command `shelfgraph`: one file per subject, and nothing imported before it is needed."""

from __future__ import annotations

import typer

from graph.cli import (
    coupons,
    database,
    demo,
    devices,
    explain,
    exports,
    imports,
    operations,
    reconcile,
    revoke,
    schema,
    server,
    settings,
    staff,
    token,
)

app = typer.Typer(
    name="shelfgraph",
    help="One graph for a retail group's whole trade, from the member's phone to the label on the shelf.",
    epilog="Settings are read from SHELFGRAPH_* variables: see `shelfgraph settings`.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    add_completion=False,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

RUN = "Run"
DATA = "Data"
DEVELOP = "Develop"

app.command(rich_help_panel=RUN)(demo.demo)
app.command(rich_help_panel=RUN)(server.serve)
app.command(rich_help_panel=RUN)(server.worker)
app.add_typer(devices.app, rich_help_panel=RUN)
app.command(rich_help_panel=DATA)(database.migrate)
app.command(rich_help_panel=DATA)(database.restored)
app.command(rich_help_panel=DATA)(revoke.revoke)
app.add_typer(staff.app, rich_help_panel=DATA)
app.add_typer(imports.app, rich_help_panel=DATA)
app.add_typer(exports.app, rich_help_panel=DATA)
app.add_typer(coupons.app, rich_help_panel=DATA)
app.add_typer(reconcile.app, rich_help_panel=DATA)
app.command(rich_help_panel=DEVELOP)(token.token)
app.command(rich_help_panel=DEVELOP)(settings.settings)
app.add_typer(schema.app, name="schema", rich_help_panel=DEVELOP)
operations.app.command()(explain.explain)
app.add_typer(operations.app, name="operations", rich_help_panel=DEVELOP)


def main() -> None:
    """What `shelfgraph` on the command line starts."""
    app()
