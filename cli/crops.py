"""`rollcall crops`: pictures of faces, and where they are kept."""

import typer

from cli import console
from cli.exits import Exit
from cli.ledger import opened
from config.settings import load_settings
from crops.collecting import collect
from crops.repacking import move as move_all
from db import erasure


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(help="Pictures of faces, and where they are kept.", no_args_is_help=True)
    # Without a second command, typer would leave the group's name out.
    group.callback()(_group)
    group.command("move")(move)
    app.add_typer(group, name="crops")


def _group() -> None:
    """Pictures of faces, and where they are kept."""


def move() -> None:
    """Bring all pictures of ended videos to where new ones go: `storage.crops`, or the database where that is empty.

    It may run beside workers, be ended at any time, and goes on where it was.
    """
    settings = load_settings()
    with opened(settings) as database:
        with console.progress("videos", 0) as advance:
            moved = move_all(database, settings.storage, advance)
        if not erasure.settle(database):
            console.err.print(console.STILL_IN_LOG, markup=False)
        left = collect(database, settings.storage)
    console.lines([f"{console.counted(moved.crops, 'picture')} now in {settings.storage.crops or 'the database'}"])
    if moved.left:
        console.complain(f"some of {moved.left} videos are not: gone, or worked on at this moment")
    for error in {str(each) for each in (moved.trouble, *left.trouble.values()) if each is not None}:
        console.complain(error)
    if moved.trouble or left.trouble:
        raise typer.Exit(Exit.ENVIRONMENT)
