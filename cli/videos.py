"""`rollcall videos`: erasing videos."""

from typing import Annotated

import typer

from cli import console
from cli.exits import Exit
from cli.ledger import opened
from config.settings import load_settings
from crops.collecting import collect
from db import erasure, removal, videos


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(help="Erase videos.", no_args_is_help=True)
    # Without a second command, typer would leave the group's name out.
    group.callback()(_group)
    group.command("remove")(remove)
    app.add_typer(group, name="videos")


def _group() -> None:
    """Erase videos."""


def remove(
    words: Annotated[list[str], typer.Argument(help="Videos by number, place or title.", metavar="VIDEO…")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase videos from the ledger for good, with everybody's faces in them. The files stay where they are."""
    settings = load_settings()
    with opened(settings) as database:
        with database.reading() as session:
            chosen = {video.id: video.title for video in (videos.find(session, word) for word in words)}
        told = ", ".join(f"{number} {title}" for number, title in chosen.items())
        if not yes and not console.confirmed(f"Erase {told} for good?"):
            console.err.print("nothing was erased", markup=False)
            raise typer.Exit(Exit.REFUSED)
        with database.writing() as session:
            removal.remove(session, chosen)
        console.lines([f"erased video {number} {title}" for number, title in chosen.items()])
        if not erasure.settle(database):
            console.err.print(console.STILL_IN_LOG, markup=False)
        left = collect(database, settings.storage)
    for error in left.trouble.values():
        console.complain(f"pictures of faces are still there, until the next retention can delete them: {error}")
    if left.trouble:
        raise typer.Exit(Exit.ENVIRONMENT)
