"""`rollcall submit PATH…`: files become rows of the ledger, to be worked on."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from cli import console
from cli.exits import Exit
from cli.ledger import opened
from config.settings import load_settings
from scheduler import intake
from scheduler.intake import Admission


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("submit")(run)


def run(
    paths: Annotated[list[Path], typer.Argument(help="Video files, or folders of them.", metavar="PATH…")],
) -> None:
    """Submit videos to the queue. What is no video, or is in the ledger already, is refused with a reason."""
    from worker.cage.keeper import Keeper  # noqa: PLC0415  the pictures' libraries load only where files are probed

    files = list(intake.files_under(paths))
    settings = load_settings()
    progress = console.progress("files", len(files))
    with opened(settings) as database, Keeper(settings.decode) as decoder, progress as advance:
        admissions = []
        for count, path in enumerate(files, start=1):
            admissions.append(intake.admit(database, path, decoder.probe))
            advance(count)
    _tell(admissions)
    if any(admission.error for admission in admissions):
        raise typer.Exit(Exit.REFUSED)


def _tell(admissions: list[Admission]) -> None:
    for admission in admissions:
        if admission.error is not None:
            console.complain(f"{admission.error.code}: {admission.error}")
        else:
            console.lines([f"video {admission.video_id}: {admission.path}"])
    counts = Counter(admission.error.code if admission.error else "submitted" for admission in admissions)
    if len(admissions) != 1:
        told = ", ".join(f"{count} {word}" for word, count in sorted(counts.items())) or "no files"
        console.err.print(told, markup=False)
    if counts["submitted"]:
        console.err.print("`rollcall work --until-empty` processes them on this machine", markup=False)
