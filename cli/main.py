"""The `rollcall` command: joins the command groups, turns errors into one line and an exit code."""

import sys
from typing import Annotated

import typer

from cli import (
    adopt,
    calibrate,
    console,
    crops,
    duplicates,
    embed,
    enroll,
    evaluate,
    forecast,
    identify,
    identities,
    metrics,
    migrate,
    reembed,
    rematch,
    report,
    retry,
    shadow,
    status,
    submit,
    unknown,
    videos,
    work,
    workers,
)
from cli.exits import exit_of
from config.errors import RollcallError
from config.logs import configure_logging
from config.settings import load_settings

app = typer.Typer(
    name="rollcall",
    help="Who is on camera, and when.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for group in (
    enroll,
    identities,
    submit,
    work,
    status,
    workers,
    forecast,
    metrics,
    retry,
    report,
    videos,
    crops,
    duplicates,
    rematch,
    unknown,
    calibrate,
    reembed,
    shadow,
    adopt,
    identify,
    embed,
    evaluate,
    migrate,
):
    group.register(app)

# Without -v, what a command has to say stands in its output.
_LEVELS = ("warning", "info", "debug")


@app.callback()
def _common(
    verbose: Annotated[int, typer.Option("-v", "--verbose", count=True, help="Log more; -vv most.")] = 0,
) -> None:
    configure_logging(load_settings().log, _LEVELS[min(verbose, 2)])


def main() -> None:
    """Run the command and leave with its exit code.

    Typer itself tells what is off about a command line (2) and ends on Ctrl-C (130).
    """
    try:
        app()
    except RollcallError as error:
        console.err.print(f"rollcall: {error}", markup=False)
        sys.exit(exit_of(error))
