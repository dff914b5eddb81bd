"""`rollcall retry`: what is in quarantine, and another round of tries for it."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from cli import console
from cli.exits import Exit
from cli.ledger import opened
from config.errors import FileMissing, StorageUnavailable
from config.settings import Settings, load_settings
from db import arrivals, quarantine, videos
from db.quarantine import Quarantined
from db.schema import Arrival
from db.session import Database, Session
from intake.admission import Desk


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("retry")(run)


def run(
    words: Annotated[
        list[str] | None,
        typer.Argument(help="Videos by number, place or title, or refused arrivals by place.", metavar="[VIDEO…]"),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything that is listed.")] = False,
    cause: Annotated[str | None, typer.Option(help="Everything that is listed with this cause.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The list as one JSON object.")] = False,
) -> None:
    """List what is in quarantine, or give it all its tries again. What was recorded stays.

    A video that is named is tried again even where it failed for good: the program may be another one by now.
    """
    settings = load_settings()
    with opened(settings) as database:
        if not words and not everything and cause is None:
            _list(database, as_json=as_json)
            return
        if words and (everything or cause is not None):
            raise typer.BadParameter("name videos, or say --all or --cause, not both")
        with database.reading() as session:
            chosen = _named(session, words) if words else _fitting(session, cause)
        failed = [not _retry(database, settings, one) for one in chosen]
    if not chosen:
        console.err.print("nothing of that kind is in quarantine", markup=False)
    elif not all(failed):
        console.err.print("`rollcall work --until-empty` processes them on this machine", markup=False)
    if any(failed):
        raise typer.Exit(Exit.REFUSED)


Chosen = int | Arrival
"""A video's number, or an arrival that has none."""


def _named(session: Session, words: Sequence[str]) -> list[Chosen]:
    refused = {arrival.place: arrival for arrival in arrivals.refused(session)}
    return [refused[word] if word in refused else videos.find(session, word).id for word in words]


def _fitting(session: Session, cause: str | None) -> list[Chosen]:
    found: list[Chosen] = [one.video_id for one in quarantine.listed(session) if cause in {None, one.cause}]
    return found + [one for one in arrivals.refused(session) if cause in {None, one.cause}]


def _retry(database: Database, settings: Settings, chosen: Chosen) -> bool:
    """Whether there is something to be tried again now."""
    if isinstance(chosen, Arrival):
        with database.writing() as session:
            arrivals.retry(session, [chosen.id])
        console.lines([f"{chosen.place}: is submitted again"])
        return True
    with database.writing() as session:
        video = videos.get(session, chosen)
        unprobed, state, title = videos.is_unprobed(video), video.state, video.title
        again = not unprobed and videos.retry(session, video)
    if unprobed:
        return _probe(database, settings, chosen, title)
    if not again:
        console.complain(f"video {chosen} {title}: is {state}, there is nothing to try again")
        return False
    console.lines([f"video {chosen} {title}: is tried again"])
    return True


def _probe(database: Database, settings: Settings, video_id: int, title: str) -> bool:
    from worker.cage.keeper import Keeper  # noqa: PLC0415  the pictures' libraries load only where files are probed

    with database.reading() as session:
        video = videos.get(session, video_id)
    with Keeper(settings.decode) as decoder:
        try:
            error = Desk(database, settings, decoder.probe).probe_again(video)
        except (FileMissing, StorageUnavailable) as unreachable:
            error = unreachable
    if error is not None:
        console.complain(f"video {video_id} {title}: {error.code}: {error}")
        return False
    console.lines([f"video {video_id} {title}: is a video, and waits"])
    return True


def _list(database: Database, *, as_json: bool) -> None:
    with database.reading() as session:
        found, refused = quarantine.listed(session), arrivals.refused(session)
    if as_json:
        told = {
            "schema": "rollcall.quarantine/1",
            "videos": [asdict(one) for one in found],
            "arrivals": [{"place": one.place, "cause": one.cause, "detail": one.detail} for one in refused],
        }
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
        return
    if not found and not refused:
        console.lines(["Nothing is in quarantine."])
        return
    if found:
        console.out.print(_table(found))
    if refused:
        console.lines([*([""] if found else []), "Arrivals that could not be submitted:"])
        made = console.table("place", "cause", "why")
        for one in refused:
            made.add_row(console.plain(one.place), one.cause or "", console.plain(one.detail or ""))
        console.out.print(made)
    console.err.print("`rollcall retry VIDEO…` tries again, `rollcall retry --all` everything", markup=False)


def _table(found: Sequence[Quarantined]) -> object:
    made = console.table(">video", "state", "stage", ">segments", ">tries", "title", "why")
    for one in found:
        segments = str(one.segments) if one.segments else ""
        tries = str(one.tries) if one.tries else ""
        why = console.plain(f"{one.cause}: {one.detail}")
        made.add_row(str(one.video_id), one.state, one.stage, segments, tries, console.plain(one.title), why)
    return made
