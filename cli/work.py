"""`rollcall work`: processes the queue on this machine."""

import os
from typing import Annotated

import typer

from cli import console
from cli.exits import Exit
from cli.ledger import opened
from cli.rematch import match_past
from config.settings import Settings, load_settings
from db import arrivals, leases, status
from db.schema import Arrival, Video
from db.session import Database
from db.states import WITH_NAMES
from scheduler.retention import expire


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("work")(run)


def run(
    until_empty: Annotated[bool, typer.Option("--until-empty", help="End when the queue is empty.")] = False,
    processes: Annotated[
        int | None, typer.Option(min=1, help="Worker processes; as the settings say where it is not given.")
    ] = None,
) -> None:
    """Process the queue on this machine, one process per core.

    Ctrl-C ends it after the segments at hand; a second one ends it at once.
    """
    settings = load_settings()
    count = processes or settings.work.processes or len(os.sched_getaffinity(0))
    with opened(settings) as database:
        expire(database, settings)
        match_past(database, settings)
        began = leases.utc_now()
        with database.reading() as session:
            refused_before = {arrival.id for arrival in arrivals.refused(session)}
        interrupted = _work(database, settings, count, until_empty)
        if not interrupted:
            match_past(database, settings)
        with database.reading() as session:
            ended = list(status.ended_since(session, began))
            refused = [arrival for arrival in arrivals.refused(session) if arrival.id not in refused_before]
    _tell(ended, refused)
    if interrupted:
        console.err.print("stopped; `rollcall work` goes on from here", markup=False)
        raise typer.Exit(Exit.INTERRUPTED)
    if refused or any(video.state not in WITH_NAMES for video in ended):
        raise typer.Exit(Exit.REFUSED)


def _work(database: Database, settings: Settings, count: int, until_empty: bool) -> bool:
    """Whether somebody asked for the end before the work was done."""
    from scheduler import local  # noqa: PLC0415  Celery takes half a second to load

    settings.home.mkdir(parents=True, exist_ok=True)
    log_file = settings.home.absolute() / "worker.log"
    console.err.print(f"{count} worker processes; their log is {log_file}", markup=False)
    most = 0
    with local.Stop() as stop, console.progress("segments", 0) as advance:
        work = local.run(database, settings, stop, processes=count, log_file=log_file, until_empty=until_empty)
        told = False
        for left in work:
            most = max(most, left.segments)
            advance(most - left.segments, most)
            if stop.asked and not told:
                told = True
                console.err.print("finishing the segments at hand; Ctrl-C again stops at once", markup=False)
        return stop.asked > 0


def _tell(ended: list[Video], refused: list[Arrival]) -> None:
    for video in ended:
        why = f" ({video.cause}: {video.detail})" if video.cause else ""
        console.lines([f"video {video.id} {video.title}: {video.state}{why}"])
    for arrival in refused:
        console.complain(f"{arrival.cause}: {arrival.detail or arrival.place}")
