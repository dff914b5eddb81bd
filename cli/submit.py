"""`rollcall submit PATH…`: files become rows of the ledger, to be worked on."""

from collections import Counter
from datetime import UTC, datetime
from typing import Annotated

import typer

from cli import console
from cli.exits import Exit
from cli.ledger import opened
from config.errors import MediaError
from config.settings import load_settings
from intake.admission import Admission, Desk
from intake.facts import facts
from intake.naming import places


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("submit")(run)


def run(
    named: Annotated[
        list[str],
        typer.Argument(help="Video files, or folders of them; also s3://bucket/key and prefixes.", metavar="PLACE…"),
    ],
    channel: Annotated[str | None, typer.Option(help="That they were recorded from.")] = None,
    recorded: Annotated[
        str | None, typer.Option(help="When the recording began, e.g. 2026-11-20T18:05; of one file.")
    ] = None,
    priority: Annotated[str | None, typer.Option(help="low, normal, high or urgent.")] = None,
    deadline: Annotated[
        str | None, typer.Option(help="By when they are to be done: 06:00, +6h or 2026-11-21T06:00.")
    ] = None,
) -> None:
    """Submit videos to the queue. What is no video, or is in the ledger already, is refused with a reason."""
    from worker.cage.keeper import Keeper  # noqa: PLC0415  the pictures' libraries load only where files are probed

    settings = load_settings()
    told = {"channel": channel, "recorded": recorded, "priority": priority, "deadline": deadline}
    try:
        upload = facts(told, settings.schedule.time_zone, datetime.now(UTC))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    files = list(places(named, settings.storage))
    if recorded is not None and len(files) != 1:
        raise typer.BadParameter(f"--recorded is of one file, these are {len(files)}")
    progress = console.progress("files", len(files))
    with opened(settings) as database, Keeper(settings.decode) as decoder, progress as advance:
        desk = Desk(database, settings, decoder.probe)
        admissions = []
        for count, place in enumerate(files, start=1):
            admissions.append(
                Admission(None, None, place) if isinstance(place, MediaError) else desk.admit(place, upload)
            )
            advance(count)
    _tell(admissions)
    if any(each.error for each in admissions):
        raise typer.Exit(Exit.REFUSED)


def _tell(admissions: list[Admission]) -> None:
    for each in admissions:
        if each.error is not None:
            console.complain(f"{each.error.code}: {each.error}")
        else:
            console.lines([f"video {each.video_id}: {each.place}"])
    counts = Counter(each.error.code if each.error else "submitted" for each in admissions)
    if len(admissions) != 1:
        told = ", ".join(f"{count} {word}" for word, count in sorted(counts.items())) or "no files"
        console.err.print(told, markup=False)
    if counts["submitted"]:
        console.err.print("`rollcall work --until-empty` processes them on this machine", markup=False)
