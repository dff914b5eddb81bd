"""`rollcall identities`: who is enrolled, from which photographs, under which name; and erasing them."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from cli import console
from cli.exits import Exit
from cli.ledger import opened
from config.errors import NotFound
from config.settings import load_settings
from db import erasure, gallery, identities
from db.session import Database

if TYPE_CHECKING:
    from curation.inspection import EnrolledPhotograph

Name = Annotated[str, typer.Argument(help="The name, in any spelling of capitals and spaces.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(help="List, show, rename, merge and remove the people who are enrolled.")
    group.callback(invoke_without_command=True)(list_all)
    group.command("show")(show)
    group.command("check")(check)
    group.command("rename")(rename)
    group.command("merge")(merge)
    group.command("remove")(remove)
    app.add_typer(group, name="identities")


def list_all(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List who is enrolled: name, photographs, since when. With --json one object per line."""
    if context.invoked_subcommand is not None:
        return
    with opened(load_settings()) as database, database.reading() as session:
        made = console.table("name", ">photographs", "since")
        for summary in identities.summaries(session):
            if as_json:
                since = summary.created_at.isoformat()
                told = {"name": summary.name, "photographs": summary.photographs, "since": since}
                typer.echo(json.dumps(told, ensure_ascii=False))
            else:
                since = f"{summary.created_at:%Y-%m-%d}"
                made.add_row(console.plain(summary.name), str(summary.photographs), since)
    if made.row_count:
        console.out.print(made)
    elif not as_json:
        console.lines(["Nobody is enrolled; `rollcall enroll NAME PHOTO…` enrols people."])


def show(name: Name, *, as_json: AsJson = False) -> None:
    """Show the photographs of one person: their quality, and which are unlike the rest or look like somebody else."""
    from curation.inspection import inspect  # noqa: PLC0415  the index loads only where faces are compared
    from curation.likeness import LikenessRule  # noqa: PLC0415  as above

    settings = load_settings()
    with opened(settings) as database, database.reading() as session:
        identity = identities.get(session, name)
        photographs = inspect(session, identity.id, LikenessRule(settings.match.largest_distance))
        told = {"name": identity.name, "since": identity.created_at.isoformat()}
        heading = (
            f"{identity.name}, {console.counted(len(photographs), 'photograph')}, since {identity.created_at:%Y-%m-%d}"
        )
    if as_json:
        listed = [_as_json(photograph) for photograph in photographs]
        typer.echo(json.dumps({**told, "photographs": listed}, ensure_ascii=False, indent=2))
        return
    console.lines([heading])
    if photographs:
        _print(photographs)


def check(*, as_json: AsJson = False) -> None:
    """List the photographs, of everybody, that are unlike the rest of their person's or look like somebody else."""
    from curation import inspection  # noqa: PLC0415  as above
    from curation.likeness import LikenessRule  # noqa: PLC0415

    settings = load_settings()
    doubtful = []
    with opened(settings) as database, database.reading() as session:
        total = sum(gallery.counts_by_space(session).values())
        with console.progress("photographs", total) as advance:
            rule = LikenessRule(settings.match.largest_distance)
            for done, photograph in enumerate(inspection.check(session, rule), start=1):
                if photograph is not None:
                    doubtful.append(photograph)
                advance(done)
    if as_json:
        for photograph in doubtful:
            typer.echo(json.dumps({"name": photograph.name, **_as_json(photograph)}, ensure_ascii=False))
        return
    if doubtful:
        _print(doubtful)
    console.lines([f"{len(doubtful)} of {console.counted(total, 'photograph')} call for a look"])


def _print(photographs: list["EnrolledPhotograph"]) -> None:
    made = console.table(">number", "name", ">face", ">quality", ">to the rest", "nearest other", "remarks")
    for photograph in photographs:
        to_rest, nearest = photograph.standing.to_rest, photograph.standing.nearest_other
        other = f"{nearest.distance:.2f} {photograph.other.name}" if nearest and photograph.other else ""
        made.add_row(
            str(photograph.number),
            console.plain(photograph.name),
            f"{photograph.box.width} px",
            f"{photograph.quality.overall:.2f}",
            "" if to_rest is None else f"{to_rest:.2f}",
            console.plain(other),
            ", ".join(photograph.standing.remarks),
        )
    console.out.print(made)
    console.lines(["", *(f"{photograph.number}: {photograph.photograph}" for photograph in photographs)])
    if any(photograph.standing.remarks for photograph in photographs):
        console.err.print("to erase one: rollcall identities remove NAME --photograph NUMBER", markup=False)


def _as_json(photograph: "EnrolledPhotograph") -> dict[str, object]:
    box, quality, standing = photograph.box, photograph.quality, photograph.standing
    nearest, other = standing.nearest_other, photograph.other
    return {
        "number": photograph.number,
        "photograph": photograph.photograph,
        "enrolled_at": photograph.enrolled_at.isoformat(),
        "space": photograph.space,
        "box": {"left": box.left, "top": box.top, "right": box.right, "bottom": box.bottom},
        "score": round(photograph.score, 4),
        "quality": quality.rounded(4),
        "to_rest": None if standing.to_rest is None else round(standing.to_rest, 6),
        "nearest_other": None
        if nearest is None or other is None
        else {"name": other.name, "photograph": other.photograph, "distance": round(nearest.distance, 6)},
        "remarks": list(standing.remarks),
    }


def rename(old: Name, new: Annotated[str, typer.Argument(help="The new name.")]) -> None:
    """Give a person another name, or the name another spelling."""
    with opened(load_settings()) as database, database.writing() as session:
        before = identities.get(session, old).name
        after = identities.rename(session, old, new).name
    console.lines([f"{before} is now {after}"])


def merge(
    name: Name,
    other: Annotated[str, typer.Argument(help="Who it is the same person as; this name stays.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Make one person of two: photographs and places in past videos of the first become the second's."""
    with opened(load_settings()) as database:
        with database.reading() as session:
            source, target = identities.get(session, name), identities.get(session, other)
        if source.id == target.id:
            raise typer.BadParameter(f"both are {target.name}")
        if not yes and not console.confirmed(f"Make {source.name} and {target.name} one person, {target.name}?"):
            console.err.print("nothing was changed", markup=False)
            raise typer.Exit(Exit.REFUSED)
        with database.writing() as session:
            moved = identities.merge(session, source.id, target.id)
    photographs, places = console.counted(moved.faces, "photograph"), console.counted(moved.groups, "place")
    console.lines([f"{source.name} is {target.name} now: {photographs}, {places} of videos"])


def remove(
    name: Name,
    photograph: Annotated[
        list[int] | None,
        typer.Option(help="Only this photograph, by its number from `show`. May be repeated.", metavar="NUMBER"),
    ] = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase a person, or some photographs of one, for good: vectors in the database, and the name in past videos."""
    with opened(load_settings()) as database:
        with database.reading() as session:
            identity = identities.get(session, name)
            identity_id, kept_name = identity.id, identity.name
            numbers = [face.id for face in gallery.faces_of(session, identity_id)]
        if unknown := sorted(set(photograph or ()) - set(numbers)):
            raise NotFound(
                f"photograph {unknown[0]}",
                f"is none of {kept_name}'s",
                "`rollcall identities show` tells their numbers",
            )
        enrolled = console.counted(len(numbers), "photograph")
        what = f"{len(set(photograph))} of {enrolled} of {kept_name}" if photograph else (
            f"{kept_name} and the vectors of {enrolled}"
        )  # fmt: skip
        if not yes and not console.confirmed(f"Erase {what} for good?"):
            console.err.print("nothing was erased", markup=False)
            raise typer.Exit(Exit.REFUSED)
        groups = _erase(database, identity_id, photograph)
        console.lines(
            [f"erased {what}" + (f"; unknown now in {console.counted(groups, 'place')} of videos" if groups else "")]
        )
        if not erasure.settle(database):
            console.err.print(console.STILL_IN_LOG, markup=False)


def _erase(database: Database, identity_id: int, photographs: list[int] | None) -> int:
    """Erase and commit; the number of groups of faces in videos that lost their name."""
    with database.writing() as session:
        if photographs:
            gallery.remove(session, photographs)
            return 0
        return identities.remove(session, identity_id).groups
