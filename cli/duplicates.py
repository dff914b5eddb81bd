"""`rollcall duplicates`: which videos show the same, and where."""

import json
from collections.abc import Iterator
from fractions import Fraction
from typing import Annotated

import typer

from cli import console
from cli.ledger import opened
from config.settings import Settings, load_settings
from db import videos
from db.schema import Video
from db.session import Database
from report.duplicates import Duplicate, duplicates
from report.timecodes import decimal, span, whole


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("duplicates")(run)


def run(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            help="Number from `rollcall status`, path or title of a video; without any, all are compared.",
            metavar="VIDEO",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per pair of stretches per line.")] = False,
) -> None:
    """List videos that show the same, with the times: repeats, second uploads of other encodings, advertisements.

    What was kept of each sampled frame is compared; no video is opened. Samples of a copy lie at other instants, so few
    of the frames that look alike are equal; stretches of fewer than three scenes are listed only if three are.
    """
    settings = load_settings()
    made = console.table(">video", "title", "shows from – to", ">same as", "title", "from – to", ">frames", ">equal")
    pairs = 0
    with opened(settings) as database:
        for found in _found(database, settings, words or []):
            pairs += 1
            if as_json:
                typer.echo(json.dumps(_as_json(found), ensure_ascii=False))
                continue
            made.add_row(*map(console.plain, _row(found)))
    if as_json:
        return
    if pairs:
        console.out.print(made)
    else:
        console.lines(["No two videos show the same." if not words else "Nothing else shows the same."])


def _found(database: Database, settings: Settings, words: list[str]) -> Iterator[Duplicate]:
    with database.reading() as session:
        chosen = [videos.find(session, word) for word in words] or videos.all_videos(session)
    with console.progress("videos", len(chosen)) as advance:
        for done, video in enumerate(chosen, start=1):
            yield from duplicates(database, video, settings.repeats, earlier=not words)
            advance(done)


def _row(found: Duplicate) -> tuple[str, ...]:
    overlap = found.overlap
    return (
        str(found.first.id),
        found.first.title,
        _span(overlap.first_start, overlap.first_end),
        str(found.second.id),
        found.second.title,
        _span(overlap.second_start, overlap.second_end),
        str(len(overlap.pairs)),
        str(found.confirmed),
    )


def _span(start: float, end: float) -> str:
    return span(whole(Fraction(start)), whole(Fraction(end)))


def _as_json(found: Duplicate) -> dict[str, object]:
    overlap = found.overlap
    return {
        "video": _video(found.first, overlap.first_start, overlap.first_end),
        "same_as": _video(found.second, overlap.second_start, overlap.second_end),
        "frames": len(overlap.pairs),
        "equal_frames": found.confirmed,
    }


def _video(video: Video, start: float, end: float) -> dict[str, object]:
    return {"id": video.id, "title": video.title, "start": decimal(Fraction(start)), "end": decimal(Fraction(end))}
