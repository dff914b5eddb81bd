"""`rollcall rematch`: past videos get the names that the gallery of now gives them."""

from typing import TYPE_CHECKING

import typer

from cli import console
from cli.ledger import opened
from config.settings import Settings, load_settings
from db import links, matching, rivals
from db.session import Database
from models.decision import NearestRule

if TYPE_CHECKING:
    from worker.rematch import Rematched


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
    """Bring past videos up to date, if there is something to be done, and tell; whether anything has changed."""
    if settings.match.calibrate == "nightly":
        _calibrate(database, settings)
    with database.reading() as session:
        count = len(matching.to_match_again(session, NearestRule.of(settings.match).name))
        if not count and not links.to_link(session) and not rivals.outdated(session):
            return False
    from worker.archive import renew  # noqa: PLC0415  loads the face models' libraries
    from worker.process import WorkerProcess  # noqa: PLC0415  as above

    process = WorkerProcess(settings)
    try:
        with console.progress("past videos", count) as advance:
            done = renew(process, advance)
    finally:
        process.database.close()
    told = _told(done.rematched)
    if people := done.linked.people:
        told += [f"{console.counted(people, 'unknown person', 'unknown people')} more"]
    if told:
        console.lines([", ".join(told)])
    return bool(told)


def _told(changed: "Rematched") -> list[str]:
    if not changed.videos:
        return []
    told = [f"{console.counted(changed.videos, 'past video')}"]
    told += [f"{console.counted(changed.named, 'appearance')} named"] if changed.named else []
    told += [f"{console.counted(changed.unnamed, 'appearance')} no longer so named"] if changed.unnamed else []
    return told


def _calibrate(database: Database, settings: Settings) -> None:
    from worker.calibrating import Targets, calibrate_where_due  # noqa: PLC0415  as above

    for done in calibrate_where_due(database, Targets.of(settings.match)):
        console.lines([f"calibrated for {done.identities} people: rule {done.rule.name}"])
