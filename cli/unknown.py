"""`rollcall unknown`: who is seen again and again and has no name; and naming or ignoring them."""

import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli import console
from cli.ledger import opened
from config.files import write_whole
from config.settings import Settings, load_settings
from crops.reading import read
from db import crops, gallery, identities, unknown_people
from db.schema import EmbeddingSpaceRow, UnknownState
from db.session import Session
from db.unknown_people import Place, Summary, code
from models.decision import Decision, NearestRule
from report import unknown as page_of
from report.timecodes import amount, decimal, span

_LISTED = 50
_ON_PAGE = 100
_PLACES_ON_PAGE = 200

Code = Annotated[str, typer.Argument(help="As in the list, e.g. U-12.", metavar="CODE")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]


class Listed(StrEnum):
    """Which unknown people to list."""

    OPEN = "open"
    IGNORED = "ignored"
    NAMED = "named"


Most = Annotated[int, typer.Option(min=1, help="No more than so many.")]


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(help="List, look at, name and ignore people whom nobody has named.")
    group.callback(invoke_without_command=True)(list_all)
    group.command("show")(show)
    group.command("page")(page)
    group.command("name")(name)
    group.command("ignore")(ignore)
    group.command("restore")(restore)
    app.add_typer(group, name="unknown")


def list_all(
    context: typer.Context,
    *,
    state: Annotated[Listed, typer.Option(help="Whom nobody has decided on, who is ignored, or has been named.")] = (
        Listed.OPEN
    ),
    most: Most = _LISTED,
    as_json: AsJson = False,
) -> None:
    """List unknown people by how often they appear. With --json one object per line.

    `rollcall work`, and the nightly run, look for unknown people of each video in all others.
    """
    if context.invoked_subcommand is not None:
        return
    settings = load_settings()
    with opened(settings) as database, database.reading() as session:
        found = unknown_people.summaries(session, (UnknownState(state),), most)
        total = unknown_people.count(session, (UnknownState(state),))
        perhaps = _perhaps(session, settings, found) if state == Listed.OPEN else {}
    if as_json:
        for one in found:
            typer.echo(json.dumps(_as_json(one, perhaps.get(one.number)), ensure_ascii=False))
        return
    if not found:
        console.lines([f"nobody is {'unknown' if state == Listed.OPEN else state}"])
        return
    made = console.table("code", ">appearances", ">videos", ">on camera", "last video of", "perhaps")
    for one in found:
        last = f"{one.last_submitted:%Y-%m-%d}" if one.last_submitted else ""
        who = console.plain(one.name or perhaps.get(one.number) or "")
        made.add_row(code(one.number), str(one.appearances), str(one.videos), amount(one.seconds), last, who)
    console.out.print(made)
    if total > len(found):
        console.err.print(f"{total - len(found)} more: --most {total} lists all", markup=False)
    if state == Listed.OPEN:
        console.err.print("`rollcall unknown page` shows their faces", markup=False)


def show(written: Code, *, as_json: AsJson = False) -> None:
    """List where an unknown person was seen."""
    with opened(load_settings()) as database, database.reading() as session:
        person = unknown_people.get(session, written)
        places = unknown_people.places(session, person.id)
        named = "".join(identities.names(session, filter(None, [person.identity_id])).values())
        number, state = person.number, person.state
    if as_json:
        told = {"code": code(number), "state": state, "name": named or None, "places": [_place(one) for one in places]}
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
        return
    console.lines([f"{code(number)}, {state}{f': {named}' if named else ''}, {console.counted(len(places), 'place')}"])
    if not places:
        return
    made = console.table("place", "title", "seen")
    for one in places:
        seen = ", ".join(span(*times) for times in one.times)
        made.add_row(one.written, console.plain(one.title), seen)
    console.out.print(made)


def page(
    output: Annotated[Path, typer.Option(help="File to write.")] = Path("unknown.html"), most: Most = _ON_PAGE
) -> None:
    """Write a page with the faces of unknown people, those seen most often first."""
    settings = load_settings()
    open_ = (UnknownState.OPEN,)
    with opened(settings) as database, database.reading() as session:
        found = unknown_people.summaries(session, open_, most)
        total = unknown_people.count(session, open_)
        perhaps = _perhaps(session, settings, found)
        shown = [
            page_of.UnknownOnPage(
                one,
                perhaps.get(one.number),
                unknown_people.places(session, one.id, _PLACES_ON_PAGE),
            )
            for one in found
        ]
        faces = [place.best_face_id for one in shown for place in one.places if place.best_face_id is not None]
        kept = crops.of_faces(session, faces)
    pictures = read(kept, settings.storage)
    if pictures.trouble:
        console.complain(f"without some pictures: {pictures.trouble}")
    try:
        write_whole(output, page_of.render(shown, pictures, total=total).encode())
    except OSError as error:
        raise typer.BadParameter(f"{output} cannot be written: {error.strerror}", param_hint="--output") from error
    console.lines([str(output)])


def name(
    written: Code,
    name: Annotated[str, typer.Argument(help="Who it is; somebody new, or enrolled already.", metavar="NAME")],
    without: Annotated[
        list[str] | None,
        typer.Option(
            help="A place that shows somebody else, as in `show`, e.g. 12:3. May be repeated.", metavar="PLACE"
        ),
    ] = None,
) -> None:
    """Say who an unknown person is: past videos get the name, and the best faces are enrolled.

    Where the person was seen the name stays, whatever the gallery says later.
    """
    from curation.naming import name_unknown  # noqa: PLC0415  loads what compares faces

    settings = load_settings()
    with opened(settings) as database:
        done = name_unknown(database, written, name, settings, frozenset(without or ()))
    places = f"{console.counted(done.places, 'place')} of videos"
    faces = f"{console.counted(done.faces, 'face')} enrolled" if done.faces else (
        "no face is good enough to enrol"
    )  # fmt: skip
    console.lines([f"{done.name}: {places}, {faces}"])
    if done.faces:
        console.err.print("the next `rollcall work`, or `rollcall rematch`, looks for more", markup=False)


def ignore(written: Annotated[list[str], typer.Argument(help="As in the list, e.g. U-12.", metavar="CODE")]) -> None:
    """List these people no more. Whoever looks like them in later videos is not listed either."""
    with opened(load_settings()) as database, database.writing() as session:
        for one in written:
            unknown_people.ignore(session, unknown_people.get(session, one))
    console.lines([f"ignored: {', '.join(written)}"])


def restore(written: Annotated[list[str], typer.Argument(help="Who is ignored.", metavar="CODE")]) -> None:
    """List people again who are ignored."""
    with opened(load_settings()) as database, database.writing() as session:
        for one in written:
            unknown_people.restore(session, unknown_people.get(session, one))
    console.lines([f"listed again: {', '.join(written)}"])


def _perhaps(session: Session, settings: Settings, found: Sequence[Summary]) -> dict[int, str]:
    """Whom the gallery would name, or propose, for all that shows an unknown person together, by their numbers."""
    import numpy as np  # noqa: PLC0415  loads only where faces are compared

    number_of = {one.id: one.number for one in found}
    likely: dict[int, int] = {}
    for space_id, templates in unknown_people.templates(session, number_of).items():
        held = gallery.load(session, session.get_one(EmbeddingSpaceRow, space_id).name)
        if not len(held):
            continue
        verdicts = held.verdicts(np.stack(list(templates.values())), NearestRule.of(settings.match))
        for person, verdict in zip(templates, verdicts, strict=True):
            if verdict.decision != Decision.UNKNOWN and verdict.likely is not None:
                likely[number_of[person]] = verdict.likely
    names = identities.names(session, likely.values())
    return {number: names[identity] for number, identity in likely.items()}


def _as_json(one: Summary, perhaps: str | None) -> dict[str, object]:
    return {
        "code": code(one.number),
        "state": one.state,
        "name": one.name,
        "appearances": one.appearances,
        "videos": one.videos,
        "seconds": decimal(one.seconds),
        "first_submitted": one.first_submitted.isoformat() if one.first_submitted else None,
        "last_submitted": one.last_submitted.isoformat() if one.last_submitted else None,
        "perhaps": perhaps,
    }


def _place(one: Place) -> dict[str, object]:
    times = [{"start": decimal(start), "end": decimal(end)} for start, end in one.times]
    return {"place": one.written, "video": one.video_id, "title": one.title, "group": one.group, "seen": times}
