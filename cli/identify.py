"""`rollcall identify`: who is on photographs."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import console
from cli.exits import Exit
from cli.ledger import opened
from config.face_settings import DetectorName
from config.settings import load_settings
from models.decision import Decision

if TYPE_CHECKING:
    from curation.identify import IdentifiedFace, IdentifiedPhotograph, Identifier


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("identify")(run)


def run(
    paths: Annotated[list[Path], typer.Argument(help="Photographs, or folders of them.", metavar="PATH")],
    engine: Annotated[DetectorName | None, typer.Option(help="Detector, instead of the set one.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object per photograph per line; docs/identify.md tells its shape.")
    ] = False,
) -> None:
    """Say who is on photographs: each face with the identities nearest to it, and the decision."""
    from curation.identify import Identifier  # noqa: PLC0415  the face models load only where faces are looked for
    from curation.photographs import find_photographs  # noqa: PLC0415  as above

    photographs = find_photographs(paths).photographs
    if not photographs:
        raise typer.BadParameter("no photograph lies there")
    settings = load_settings()
    refused = False
    with opened(settings) as database:
        identifier = Identifier(database, settings, engine)
        _warn_of_empty_gallery(identifier)
        with console.progress("photographs", len(photographs), prints=True) as advance:
            for done, photograph in enumerate(identifier.identify(photographs), start=1):
                refused |= photograph.error is not None
                if as_json:
                    typer.echo(json.dumps(identifier.as_json(photograph), ensure_ascii=False))
                else:
                    _print(photograph, identifier.names(photograph))
                advance(done)
    if refused:
        raise typer.Exit(Exit.REFUSED)


def _warn_of_empty_gallery(identifier: "Identifier") -> None:
    if len(identifier.gallery):
        return
    elsewhere = ", ".join(f"{count} in {space}" for space, count in identifier.counts_by_space.items())
    told = f"nobody is enrolled in the embedding space {identifier.gallery.space}"
    remedy = (
        f"enrolled faces elsewhere: {elsewhere}; enrol their photographs again" if elsewhere else "everybody is unknown"
    )
    console.err.print(f"{told}; {remedy}", markup=False)


def _print(photograph: "IdentifiedPhotograph", names: Mapping[int, str]) -> None:
    from curation.photographs import shown  # noqa: PLC0415  as above

    error = photograph.error
    if error is not None:
        console.err.print(f"{error.code}: {error}", markup=False)
        return
    faces = console.counted(len(photograph.faces), "face")
    console.lines([f"{shown(photograph.path)}: {faces if photograph.faces else 'no face'}"])
    console.lines(f"  {number}  {_told(face, names)}" for number, face in enumerate(photograph.faces, start=1))


def _told(identified: "IdentifiedFace", names: Mapping[int, str]) -> str:
    box, verdict = identified.face.box, identified.verdict
    place = f"{box.width}×{box.height} at {box.left},{box.top}, quality {identified.face.quality.overall:.2f}"
    near = [f"{names.get(one.identity_id, '?')} {one.distance:.2f}" for one in identified.candidates]
    sure = "" if verdict.confidence is None else f"{verdict.confidence:.0%}, "
    told = f"({place}; nearest: {', '.join(near) or 'nobody'})"
    if verdict.decision == Decision.UNRECOGNISABLE:
        return f"seen, not recognisable {told}"
    if verdict.likely is None:
        return f"unknown {told}"
    perhaps = "" if verdict.decision == Decision.NAMED else "perhaps "
    return f"{perhaps}{names.get(verdict.likely, '?')} ({sure}{told[1:]}"
