"""`rollcall evaluate videos`: what the ledger says of labelled videos, beside the truth."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import console
from cli.exits import Exit
from cli.ledger import opened
from cli.results import Output, check_folders, write_json
from config.errors import BadTruth, NotFinished, NotFound
from config.settings import load_settings
from db import identities, seen, videos

if TYPE_CHECKING:
    from db.schema import Video
    from db.session import Session
    from evaluation.truth import LabelledVideo
    from evaluation.videos import Evaluation


def run(
    truth: Annotated[Path, typer.Argument(help="Who is on camera, and when (docs/evaluate.md).", metavar="TRUTH.json")],
    output: Output = None,
) -> None:
    """Names in videos: precision, recall, false names per hour, errors of borders, grouping of faces."""
    from evaluation import videos as evaluation  # noqa: PLC0415  loads only where it is measured

    check_folders(output)
    found, left_out = _compared(truth)
    document = evaluation.as_json(found, left_out)
    _print_rates(document)
    _print_people(document)
    write_json(output, document)
    if left_out:
        raise typer.Exit(Exit.REFUSED)


def _compared(file: Path) -> tuple["Evaluation", list[tuple[str, str]]]:
    """What was compared; and what the truth calls each video that could not be, and why."""
    from evaluation.comparison import compare  # noqa: PLC0415  as above
    from evaluation.truth import read_truth  # noqa: PLC0415  as above
    from evaluation.videos import Evaluation  # noqa: PLC0415  as above

    truth = read_truth(file)
    compared, left_out, names = [], list[tuple[str, str]](), dict[str, str]()
    places = dict[int, int]()
    with opened(load_settings()) as database, database.reading() as session:
        known = {identities.name_key(one.name): one.name for one in identities.summaries(session) if one.photographs}
        for place, labelled in enumerate(truth.videos):
            try:
                video = _find(session, labelled)
                looked = seen.load(session, video)
            except (NotFound, NotFinished) as error:
                console.complain(f"{error.code}: {error}")
                left_out.append((labelled.told, str(error)))
                continue
            if video.id in places:
                told = f"is the same as videos[{places[video.id]}]: both are video {video.id}"
                raise BadTruth(f"{file}, videos[{place}]", told, "put all that is known of a video in one entry")
            places[video.id] = place
            compared.append(compare(labelled, looked, known))
            names |= {one.key: one.name for one in labelled.people}
            names |= {one.key: one.name for one in looked.appearances}
    if not compared:
        raise BadTruth(str(file), "none of its videos can be compared", "`rollcall status` lists those of the ledger")
    return Evaluation(compared, names | known, known, truth.group_of()), left_out


def _find(session: "Session", labelled: "LabelledVideo") -> "Video":
    if labelled.sha256 is None:
        return videos.named(session, labelled.told)
    video = videos.by_hash(session, labelled.sha256)
    if video is None:
        raise NotFound(labelled.sha256, "is the content of no video in the ledger", "`rollcall submit` takes videos in")
    return video


def _print_rates(document: Mapping[str, Any]) -> None:
    frames, appearances, false = (document[part] for part in ("per_frame", "per_appearance", "false_names"))
    table = console.table("", ">precision", ">recall", "rests on")
    seconds = frames["seconds"]
    table.add_row(
        *("per frame", _rate(frames["precision"]), _rate(frames["recall"])),
        f"{seconds['named']:.0f} s named, {seconds['on_camera']:.0f} s on camera, "
        f"{seconds['not_looked_at']:.0f} s of them not looked at",
    )
    table.add_row(
        *("per appearance", _rate(appearances["precision"]), _rate(appearances["recall"])),
        f"{appearances['named']} named, {appearances['on_camera']} on camera",
    )
    strict = appearances["strict"]
    table.add_row(
        *(f"  overlap ≥ {strict['overlap']:g}", _rate(strict["precision"]), _rate(strict["recall"])), "the same"
    )
    console.out.print(table)
    whose = ", ".join(f"{kind} {count}" for kind, count in false["whose"].items() if count)
    rate = _rate(false["per_hour"], "{:.2f}")
    console.lines([
        f"false names: {false['count']}, {rate} an hour in {document['hours']:.2f} h" + (whose and f"; whose: {whose}"),
        *(_group(row) for row in false["by_group"]),
        *(_border(name, row) for name, row in document["borders"].items() if row),
        *_grouping(document["grouping"]),
        _interval(document["interval"]),
    ])  # fmt: skip


def _rate(rate: Mapping[str, float | None], form: str = "{:.1%}") -> str:
    if rate["value"] is None:
        return "–"
    told = form.format(rate["value"])
    return told if rate["low"] is None else f"{told} ({form.format(rate['low'])}–{form.format(rate['high'])})"


def _group(row: Mapping[str, Any]) -> str:
    times = "" if row["times_the_whole"] is None else f", {row['times_the_whole']:.2g} times the whole's"
    rate = "–" if row["per_hour_on_camera"] is None else f"{row['per_hour_on_camera']:.2f}"
    told = f"{row['false_names']} false names, {rate} an hour on camera"
    return f"  {row['group'] or 'all'}: {told}" + (times if row["group"] else "")


def _border(name: str, row: Mapping[str, Any]) -> str:
    absolute = row["absolute"]
    return (
        f"borders, {name}: median {row['median']:+.2f} s; off by {absolute['median']:.2f} s (median), "
        f"{absolute['p90']:.2f} s (90th percentile), {absolute['largest']:.2f} s (largest); "
        f"{row['within_stated']:.0%} of {row['borders']} within what the report states"
    )


def _grouping(row: Mapping[str, Any] | None) -> list[str]:
    if row is None:
        return []
    kinds = [kind for kind in ("precision", "recall") if row[f"pairwise_{kind}"] is not None]
    told = "".join(f"pairwise {kind} {row[f'pairwise_{kind}']:.1%}, " for kind in kinds)
    told += f"V-measure {row['v_measure']:.3f}"
    return [f"grouping: {told}; {row['faces']} faces of {row['people']} people alone on camera, {row['groups']} groups"]


def _interval(row: Mapping[str, Any]) -> str:
    return f"no intervals: {row['why']}" if row["method"] is None else f"in brackets: 95 %, {row['method']}"


def _print_people(document: Mapping[str, Any]) -> None:
    table = console.table("person", "", ">on camera", ">recall", ">appearances found", ">named falsely", ">face named")
    for one in document["people"]:
        recall = one["recall_per_frame"]
        appearances = f"{one['appearances_found']} of {one['appearances_on_camera']}"
        table.add_row(
            console.plain(one["name"]),
            "" if one["enrolled"] else "stranger",
            f"{one['seconds_on_camera']:.0f} s",
            "–" if recall is None else f"{recall:.1%}",
            appearances if one["enrolled"] else "–",
            str(one["named_falsely"]),
            str(one["face_named_falsely"]),
        )
    console.out.print(table)
    missed = [
        one["name"] for one in document["people"] if one["enrolled"] and one["videos"] > one["videos_found_in"] == 0
    ]
    console.lines([f"never found: {', '.join(missed)}"] if missed else [])
