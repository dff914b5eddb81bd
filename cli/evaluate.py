"""`rollcall evaluate`: error rates on material whose truth is known."""

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zipfile import BadZipFile

import numpy as np
import typer

from cli import console, evaluate_videos
from cli.collecting import collect
from cli.exits import Exit
from cli.results import Output, check_folders, write_json, writing
from config.errors import BadPairs, ForeignEmbeddings
from config.settings import load_settings

if TYPE_CHECKING:
    from evaluation.folders import Row
    from evaluation.labelled import LabelledFaces

Kept = Annotated[
    Path | None,
    typer.Option(
        "--embeddings",
        metavar="FILE.npz",
        help="Take the faces from this file, or write them to it where it is not there yet. They are personal data.",
        dir_okay=False,
    ),
]
Plot = Annotated[Path | None, typer.Option(metavar="FILE.png|.svg", help="Draw the DET curves.")]

_PLOTTED = frozenset({".png", ".svg", ".pdf"})


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(
        help="Measure how often names are false or missing, on photographs and videos whose truth is known."
    )
    group.command("pairs")(pairs)
    group.command("folders")(folders)
    group.command("videos")(evaluate_videos.run)
    app.add_typer(group, name="evaluate")


def folders(
    tops: Annotated[list[Path], typer.Argument(help="Folders with a folder per person.", metavar="FOLDER")],
    enrolled: Annotated[list[int], typer.Option(min=1, help="People to enrol; may be repeated.")] = [100],  # noqa: B006  typer copies it
    photographs: Annotated[list[int], typer.Option(min=1, help="Photographs of each; may be repeated.")] = [1],  # noqa: B006  as above
    seeds: Annotated[int, typer.Option(min=1, help="Random draws of people.")] = 3,
    strangers: Annotated[int | None, typer.Option(min=1, help="People never enrolled; all who are left.")] = None,
    cohort: Annotated[
        list[int] | None, typer.Option(min=0, help="People in the cohort; may be repeated. Half of those left.")
    ] = None,
    groups: Annotated[
        Path | None,
        typer.Option(metavar="FILE.json", help="Groups of people within whom false names are told apart."),
    ] = None,
    embeddings: Kept = None,
    output: Output = None,
    plot: Plot = None,
) -> None:
    """Open-set identification: strangers who get a name (FPIR) and enrolled people who do not get theirs (FNIR).

    People are split into enrolled, strangers and cohort at random; docs/evaluate.md tells the protocol.
    """
    from curation.photographs import find_photographs, shown  # noqa: PLC0415  loads only where it is measured
    from evaluation import folders as protocol  # noqa: PLC0415  as above
    from evaluation import plots  # noqa: PLC0415  as above
    from evaluation.by_group import read_groups  # noqa: PLC0415  as above
    from evaluation.labelled import labelled_faces, people_of  # noqa: PLC0415  as above

    _check_places(embeddings, output, plot)
    people = people_of(find_photographs(tops).photographs, tops)
    arrays, refused = _faces(list(people), embeddings)
    faces = labelled_faces(arrays, {shown(path): person for path, person in people.items()})
    grouped = read_groups(groups, faces.names) if groups else {}
    asked = protocol.Protocol(enrolled, photographs, seeds, strangers, cohort or ())
    with console.progress("draws", len(enrolled) * len(photographs) * seeds) as advance:
        found = protocol.rows(protocol.measure(faces, asked, advance))
    _print_rows(faces, found)
    _print_groups(found, grouped)
    write_json(output, protocol.as_json(faces, asked, found, grouped))
    if plot:
        with writing(plot):
            plots.draw(plots.panels_of(found), "FPIR: strangers named", "FNIR: enrolled people missed", plot)
    if refused:
        raise typer.Exit(Exit.REFUSED)


def pairs(
    file: Annotated[Path, typer.Argument(help="Labelled pairs, in the format of LFW's pairs.txt.", metavar="PAIRS")],
    folder: Annotated[Path, typer.Argument(help="Where each person's folder of photographs lies.", metavar="FOLDER")],
    embeddings: Kept = None,
    output: Output = None,
    plot: Plot = None,
) -> None:
    """Verification: is it one person on both photographs of a pair? LFW's protocol, and FNMR at fixed FMR."""
    from evaluation import plots, verification  # noqa: PLC0415  loads only where it is measured
    from evaluation.labelled import labelled_faces  # noqa: PLC0415  as above
    from evaluation.pairs import read_pairs  # noqa: PLC0415  as above

    _check_places(embeddings, output, plot)
    asked = read_pairs(file, folder)
    people = {path: path.parent.name for pair in asked for path in (pair.first, pair.second)}
    if missing := [path for path in people if not path.is_file()]:
        told = f"{len(missing)} of its {len(people)} photographs are not there, e.g. {missing[0]}"
        raise BadPairs(str(file), told, "name the folder of the collection that it was made for")
    arrays, refused = _faces(list(people), embeddings)
    faces = labelled_faces(arrays, {str(path): person for path, person in people.items()})
    verified = verification.verify(faces, asked)
    document = verification.as_json(faces, verified)
    spread = f"± {verified.standard_error:.2%} (standard error over {len(verified.folds)} folds)"
    console.lines([
        f"accuracy {verified.accuracy:.2%} {spread}",
        *(f"FNMR {one['fnmr']['value']:.2%} at FMR {one['fmr']:.1%}" for one in document["fnmr_at_fmr"]),
        f"{len(asked)} pairs; {verified.faceless} without a face in one of them, taken for two people's",
    ])  # fmt: skip
    write_json(output, document)
    if plot:
        with writing(plot):
            plots.draw([plots.panel_of(verified)], "FMR", "FNMR", plot)
    if refused:
        raise typer.Exit(Exit.REFUSED)


def _check_places(kept: Path | None, output: Path | None, plot: Path | None) -> None:
    check_folders(kept, output, plot)
    if plot is not None and plot.suffix not in _PLOTTED:
        raise typer.BadParameter(f"{plot} ends in none of {', '.join(sorted(_PLOTTED))}", param_hint="--plot")


def _faces(photographs: Sequence[Path], kept: Path | None) -> tuple[Mapping[str, Any], int]:
    """The faces as docs/embed.md tells them, and how many photographs cannot be read."""
    if kept is not None and kept.exists():
        return _load(kept), 0
    settings = load_settings()
    found = collect(photographs, settings.faces, settings.work.processes)
    if kept is not None:
        with writing(kept):
            found.collection.write(kept)
    return found.collection.arrays(), found.refused


def _load(file: Path) -> Mapping[str, Any]:
    try:
        with file.open("rb") as opened, np.lib.npyio.NpzFile(opened, allow_pickle=False) as arrays:
            return dict(arrays)
    except (OSError, ValueError, EOFError, BadZipFile, zlib.error) as error:
        raise ForeignEmbeddings(str(file), f"cannot be read ({error})", "make it with `rollcall embed`") from None


def _print_rows(faces: "LabelledFaces", rows: Sequence["Row"]) -> None:
    from evaluation.folders import FPIRS  # noqa: PLC0415  as above

    table = console.table(
        *(">enrolled", ">each", "rule", ">rank-1"), *(f">FNIR at FPIR {fpir:.1%}" for fpir in FPIRS), ">strangers"
    )
    for row in rows:
        searches = row.measured[0].searches
        cells = [f"{np.mean(rates):.1%} ({min(rates):.1%}–{max(rates):.1%})" for rates in map(row.fnir, FPIRS)]
        people = len(np.unique(searches.strange_people))
        head = (str(row.gallery), str(row.photographs), row.label, f"{np.mean(row.rank_1()):.1%}")
        table.add_row(*head, *cells, f"{people} on {len(searches.strangers)}")
    console.out.print(table)
    faceless = console.counted(faces.faceless, "photograph")
    told = f"{console.counted(len(faces), 'face')} of {len(faces.names)} people, {faceless} without a face"
    console.lines([f"{told}; mean over the seeds, least and largest in brackets"])


def _print_groups(rows: Sequence["Row"], groups: Mapping[int, str]) -> None:
    from evaluation.by_group import FPIR  # noqa: PLC0415  as above

    if not groups:
        return
    table = console.table(
        *(">enrolled", ">each", "rule", "group"), f">named at FPIR {FPIR:.0%}", ">times all", ">another's name"
    )
    for row in rows:
        whole, *others = row.by_group(groups)
        for one in (whole, *others):
            named = "" if one.named is None else f"{one.named:.1%} of {one.strangers}"
            times = f"{one.named / whole.named:.1f}" if one.named is not None and whole.named else ""
            wrong = "" if one.wrongly_named is None else f"{one.wrongly_named:.1%} of {one.enrolled}"
            name = console.plain(one.group or "everybody")
            table.add_row(str(row.gallery), str(row.photographs), row.label, name, named, times, wrong)
    console.lines([""])
    console.out.print(table)
