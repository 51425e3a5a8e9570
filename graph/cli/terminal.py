"""What every command does alike: read the settings, and say in one line why it will not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import typer

if TYPE_CHECKING:
    from graph.settings import Settings

REFUSED = 2


def refuse(*lines: str) -> NoReturn:
    """Ends the command with exit code 2 and its reasons on stderr, one line each."""
    for line in lines:
        typer.secho(line, err=True, fg=typer.colors.RED)
    raise typer.Exit(REFUSED)


def settings_or_refusal() -> Settings:
    """The settings of this process; a bad one ends the command."""
    from graph.settings import BadSettings, load, unknown_variables

    try:
        settings = load()
    except BadSettings as bad:
        refuse(*bad.problems)
    for name in unknown_variables():
        typer.secho(f"{name} is no setting and has no effect.", err=True, fg=typer.colors.YELLOW)
    return settings


def log_as(settings: Settings) -> None:
    """Logs the way the settings ask for, from here on."""
    from graph import logs

    logs.set_up(env=settings.env, level=settings.log_level, format=settings.log_format)


@contextmanager
def one_line_refusals() -> Iterator[None]:
    """What can be wrong around a process ends the command in one line; only bugs show a traceback."""
    from graph.ground import SchemaBehind
    from graph.serving import CannotListen
    from graph.settings import BadSettings
    from persistence.database import AWAY_AT_FIRST
    from persistence.migrate import ServerTooOldError
    from persistence.postgres import EmbeddedPostgresError

    try:
        yield
    except (SchemaBehind, CannotListen, ServerTooOldError, EmbeddedPostgresError, BadSettings) as reason:
        refuse(str(reason))
    except AWAY_AT_FIRST as away:
        refuse(f"The database cannot be reached: {str(away) or type(away).__name__}.")
