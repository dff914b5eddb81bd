"""`rollcall rematch`: past videos get the names that the gallery of now gives them."""

import typer

from cli import console
from cli.ledger import opened
from config.settings import Settings, load_settings
from db import links, matching
from db.session import Database
from models.decision import NearestRule


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("rematch")(run)


def run() -> None:
    """Look for whoever was enrolled, and forget whoever was removed, in past videos. No video is opened.

    `rollcall work`, and the nightly run, do this by themselves before anything else. Ctrl-C ends it; what was done
    stays, and the next run goes on.
    """
    settings = load_settings()
    with opened(settings) as database:
        changed = match_past(database, settings)
    if not changed:
        console.lines(["every past video has the names that the gallery gives it"])


def match_past(database: Database, settings: Settings) -> bool:
    """Match past videos, and link who is unknown, if there is something to be done; whether anything has changed."""
    if settings.match.calibrate == "nightly":
        _calibrate(database, settings)
    with database.reading() as session:
        count = len(matching.to_match_again(session, NearestRule.of(settings.match).name))
    if not count:
        return link_past(database)
    from worker.process import WorkerProcess  # noqa: PLC0415  loads the face models' libraries
    from worker.rematch import rematch  # noqa: PLC0415  as above

    process = WorkerProcess(settings)
    try:
        with console.progress("past videos", count) as advance:
            changed = rematch(process, advance)
    finally:
        process.database.close()
    linked = link_past(database)
    if not changed.videos:
        return linked
    told = [f"{changed.videos} past {'video' if changed.videos == 1 else 'videos'}"]
    told += [f"{_appearances(changed.named)} named"] if changed.named else []
    told += [f"{_appearances(changed.unnamed)} no longer so named"] if changed.unnamed else []
    console.lines([", ".join(told)])
    return True


def link_past(database: Database) -> bool:
    """Look for unknown people of each video in all others, where nobody has yet, and tell; whether there was any."""
    with database.reading() as session:
        if not links.to_link(session):
            return False
    from worker.linking import link_unknown  # noqa: PLC0415  loads what compares faces

    linked = link_unknown(database)
    if linked.people:
        console.lines([f"{linked.people} unknown {'person' if linked.people == 1 else 'people'} more"])
    return linked.people > 0


def _calibrate(database: Database, settings: Settings) -> None:
    from worker.calibrating import Targets, calibrate_where_due  # noqa: PLC0415  as above

    for done in calibrate_where_due(database, Targets.of(settings.match)):
        console.lines([f"calibrated for {done.identities} people: rule {done.rule.name}"])


def _appearances(count: int) -> str:
    return f"{count} {'appearance' if count == 1 else 'appearances'}"
