"""The `rollcall` command: joins the command groups, turns errors into one line and an exit code."""

import sys
from typing import Annotated

import click
import typer

from cli import console, embed, enroll, identify, identities, migrate, report, status, submit, work
from cli.exits import Exit, exit_of
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
for group in (enroll, identities, submit, work, status, report, identify, embed, migrate):
    group.register(app)

# Without -v, what a command has to say stands in its output.
_LEVELS = ("warning", "info", "debug")


@app.callback()
def _common(
    verbose: Annotated[int, typer.Option("-v", "--verbose", count=True, help="Log more; -vv most.")] = 0,
) -> None:
    configure_logging(load_settings().log, _LEVELS[min(verbose, 2)])


def main() -> None:
    """Run the command and leave with its exit code."""
    try:
        code = app(standalone_mode=False)
    except RollcallError as error:
        console.err.print(f"rollcall: {error}", markup=False)
        sys.exit(exit_of(error))
    except click.exceptions.Abort:
        sys.exit(Exit.INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(Exit.USAGE)
    except KeyboardInterrupt:
        console.err.print("rollcall: interrupted; what was finished is kept", markup=False)
        sys.exit(Exit.INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has left, as `head` does.
        sys.stderr.close()
        sys.exit(Exit.OK)
    sys.exit(code or Exit.OK)
