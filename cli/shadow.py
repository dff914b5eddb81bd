"""`rollcall shadow`: what the candidate would change, without changing it."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import console
from cli.ledger import opened
from cli.reembed import told_progress
from cli.results import check_folders, writing
from config.files import PRIVATE, write_whole
from config.settings import Settings, load_settings
from crops.reading import Pictures, read
from db import crops, identities, reports, videos
from report.changes import MOST_SHOWN, ChangedStretch, render
from report.timecodes import decimal, span

if TYPE_CHECKING:
    from worker.shadow import Change, Compared

_SHOWN = 50
_ODD = 0.1
"""Share by which distances may be off before a factor is proposed."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("shadow")(run)


def run(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object with every change.")] = False,
    everything: Annotated[bool, typer.Option("--all", help=f"Every change, not only the first {_SHOWN}.")] = False,
    page: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.html", help="Write a page with the faces, too. They are personal data.", dir_okay=False
        ),
    ] = None,
) -> None:
    """Tell who would be named otherwise, newly or no longer by the candidate; nothing is changed.

    Only videos are compared that were embedded whole: `rollcall reembed` does that, and running workers do.
    """
    settings = load_settings()
    check_folders(page)
    with opened(settings) as database:
        compared = _compare(settings)
        with database.reading() as session:
            people = {who for change in compared.changes for who in (change.before, change.after) if who}
            names = identities.names(session, people)
            titles = {number: videos.get(session, number).title for number in {c.video_id for c in compared.changes}}
            faces = crops.of_faces(session, [one.face_id for one in compared.changes[:MOST_SHOWN]]) if page else {}
            photographs = reports.photographs(session, list(names)) if page else {}
    if page is not None:
        pictures = read(faces, settings.storage)
        if pictures.trouble:
            console.complain(f"without some pictures: {pictures.trouble}")
        with writing(page):
            write_whole(page, _page(compared, names, titles, pictures, photographs, settings), mode=PRIVATE)
    if as_json:
        typer.echo(json.dumps(_document(compared, names, titles), ensure_ascii=False, indent=2))
        return
    if compared.changes:
        shown = compared.changes if everything else compared.changes[:_SHOWN]
        console.out.print(_table(shown, names, titles))
        if len(shown) < len(compared.changes):
            console.lines([f"and {len(compared.changes) - len(shown)} more: `rollcall shadow --all`"])
        console.lines([""])
    console.lines(_told(compared, settings))


def _compare(settings: Settings) -> "Compared":
    from worker.process import WorkerProcess  # noqa: PLC0415  loads the face models' libraries
    from worker.shadow import shadow  # noqa: PLC0415  as above

    process = WorkerProcess(settings)
    try:
        with console.progress("videos", 0) as advance:
            return shadow(process, advance)
    finally:
        process.database.close()


def _table(changes: "Sequence[Change]", names: Mapping[int, str], titles: Mapping[int, str]) -> object:
    made = console.table(">video", "title", "when", "change", "before", "after")
    for one in changes:
        made.add_row(
            str(one.video_id),
            console.plain(titles[one.video_id]),
            span(one.start, one.end),
            one.kind,
            console.plain(_name(one.before, names)),
            console.plain(_name(one.after, names) + (" (to be reviewed)" if one.review else "")),
        )
    return made


def _page(
    compared: "Compared",
    names: Mapping[int, str],
    titles: Mapping[int, str],
    pictures: Pictures[int],
    photographs: Mapping[int, bytes],
    settings: Settings,
) -> bytes:
    stretches = [
        ChangedStretch(
            title=titles[one.video_id],
            when=span(one.start, one.end),
            kind=one.kind,
            before=_name(one.before, names),
            after=_name(one.after, names),
            note="to be reviewed" if one.review else "",
            face=pictures.jpegs.get(one.face_id),
            before_photograph=photographs.get(one.before or 0),
            after_photograph=photographs.get(one.after or 0),
        )
        for one in compared.changes
    ]
    unreached = pictures.trouble.subject if pictures.trouble else None
    return render(stretches, _told(compared, settings), unreached)


def _name(identity_id: int | None, names: Mapping[int, str]) -> str:
    return "unknown" if identity_id is None else names.get(identity_id, "?")


def _told(compared: "Compared", settings: Settings) -> list[str]:
    kinds = [change.kind for change in compared.changes]
    counted = ", ".join(f"{kinds.count(kind)} {kind}" for kind in sorted(set(kinds))) or "nobody otherwise"
    before, after = compared.before, compared.after
    changed = len({change.video_id for change in compared.changes})
    reviewed, unknown = f"{before.review} → {after.review}", f"{before.unknown} → {after.unknown}"
    told = [
        f"changes   {counted}, in {changed} of {compared.videos} videos",
        f"faces     named {before.named} → {after.named}, to be reviewed {reviewed}, unknown {unknown}",
        f"in force  {compared.in_force.space}: rule {compared.in_force.rule}{_missed(compared.in_force.missed)}",
        f"candidate {compared.space}: rule {_rule(compared)}",
    ]
    told += _stretch(compared, settings)
    if compared.videos < compared.progress.videos:
        missing = compared.progress.videos - compared.videos
        told.append(f"missing   {missing} videos are not embedded whole, so not compared")
    return [*told, *told_progress(compared.space, compared.progress)]


def _rule(compared: "Compared") -> str:
    found = compared.calibration
    if found is None:
        return f"{compared.rule.name}, not calibrated: too few people"
    limit = f"score below {found.rule.limit:.4f} for {found.named.value:.1%} of strangers"
    return limit + _missed(None if found.missed is None else found.missed.value)


def _missed(share: float | None) -> str:
    return "" if share is None else f", {share:.1%} of enrolled people missed"


def _stretch(compared: "Compared", settings: Settings) -> list[str]:
    if compared.stretch is None or abs(compared.stretch - 1) < _ODD:
        return []
    wanted = settings.candidate.stretch * compared.stretch
    return [
        f"distances of this space are {1 / compared.stretch:.2f} times those in force: limits mean something else here",
        f"declare candidate.stretch = {wanted:.3g}, and embed again",
    ]


def _document(compared: "Compared", names: Mapping[int, str], titles: Mapping[int, str]) -> dict[str, object]:
    found = compared.calibration
    return {
        "schema": "rollcall.shadow/1",
        "in_force": dataclasses.asdict(compared.in_force),
        "candidate": {
            "space": compared.space,
            "stretch_factor": compared.stretch,
            "calibration": None
            if found is None
            else {
                "identities": found.identities,
                "photographs": found.photographs,
                "unknown": found.unknown,
                "limit": found.rule.limit,
                "review_limit": found.rule.review_limit,
                "named": dataclasses.asdict(found.named),
                "missed": None if found.missed is None else dataclasses.asdict(found.missed),
            },
            "progress": dataclasses.asdict(compared.progress),
        },
        "videos_compared": compared.videos,
        "faces": {"before": dataclasses.asdict(compared.before), "after": dataclasses.asdict(compared.after)},
        "changes": [
            {
                "video": one.video_id,
                "title": titles[one.video_id],
                "change": one.kind,
                "start": decimal(one.start),
                "end": decimal(one.end),
                "before": None if one.before is None else _name(one.before, names),
                "after": None if one.after is None else _name(one.after, names),
                "to_be_reviewed": one.review,
                "faces": one.faces,
            }
            for one in compared.changes
        ],
    }
