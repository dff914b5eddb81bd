"""`rollcall status`: what is waiting, running, done, failed and why."""

import dataclasses
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from cli import console
from cli.ledger import opened
from cli.moments import told_moment
from cli.reembed import told_progress
from config.settings import load_settings
from db import arrivals, calibrations, leases, reembedding, status, videos
from db.states import ArrivalState, VideoState
from db.status import VideoStatus

_RECENT = 20


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status")(run)


def run(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object with every video.")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help=f"Every video, not only the last {_RECENT} of those that are done.")
    ] = False,
) -> None:
    """Show where each video stands, and why those that failed did."""
    settings = load_settings()
    with opened(settings) as database, database.reading() as session:
        counts = videos.count_by_state(session)
        lines = status.lines(session, recent=None if everything or as_json else _RECENT)
        left = status.backlog(session)
        arrived = arrivals.count_by_state(session)
        due = calibrations.due(session)
        candidate = settings.candidate.space_name if settings.candidate.declared else None
        far = None if candidate is None else reembedding.progress_of(session, candidate)
    if as_json:
        told = {
            "schema": "rollcall.status/1",
            "counts": {state: counts.get(state, 0) for state in VideoState},
            "open_segments": left.segments,
            "arrivals": {state: arrived.get(state, 0) for state in ArrivalState},
            "calibration_due": due,
            "candidate": None if far is None else {"space": candidate, **dataclasses.asdict(far)},
            "videos": [_as_json(line) for line in lines],
        }
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
        return
    again = [] if far is None or candidate is None else told_progress(candidate, far)
    if not counts:
        empty = "The ledger is empty; `rollcall submit PATH…` adds videos."
        console.lines([empty, *_arriving(arrived), *map(_proposed, due), *again])
        return
    console.out.print(_table(lines, leases.utc_now(), settings.schedule.time_zone))
    told_counts = ", ".join(f"{counts[state]} {state}" for state in VideoState if state in counts)
    counted = f"{told_counts}; {console.counted(left.segments, 'segment')} open"
    console.lines(["", counted, *_arriving(arrived), *map(_proposed, due), *again])


def _arriving(arrived: dict[str, int]) -> list[str]:
    """What lies in watched places and is no video of the ledger."""
    words = {
        ArrivalState.GROWING: "may still be written",
        ArrivalState.WAITING: "to be submitted",
        ArrivalState.RUNNING: "being submitted",
        ArrivalState.REFUSED: "refused (`rollcall retry` lists them)",
    }
    told = [f"{arrived[state]} {word}" for state, word in words.items() if arrived.get(state)]
    return [f"in watched places: {', '.join(told)}"] if told else []


def _proposed(space: str) -> str:
    return f"the gallery of {space} has changed: `rollcall calibrate` finds its limits, or the next `rollcall work`"


def _as_json(line: VideoStatus) -> dict[str, object]:
    values = dataclasses.asdict(line)
    for told, name in (
        (values, "submitted_at"),
        (values, "deadline"),
        (values, "ended_at"),
        (values["failed_try"], "again_at"),
    ):
        if told and told[name]:
            told[name] = told[name].isoformat()
    return values


def _table(lines: Sequence[VideoStatus], now: datetime, zone: ZoneInfo) -> object:
    """Channels and deadlines have columns only where some video has one."""
    channels = any(line.channels for line in lines)
    deadlines = any(line.deadline and line.is_open for line in lines)
    optional = [name for name, shown in (("deadline", deadlines), ("channel", channels)) if shown]
    made = console.table(">video", "state", ">segments", ">people", *optional, "title", "why")
    for line in lines:
        segments = f"{line.segments_ended}/{line.segments}" if line.segments else ""
        people = str(line.people) if line.ended_at and line.state != VideoState.REJECTED else ""
        state = f"{line.state}, coarse" if line.coarse else line.state
        told = [str(line.id), state, segments, people]
        told += [_deadline(line, now, zone)] if deadlines else []
        told += [", ".join(line.channels)] if channels else []
        made.add_row(*map(console.plain, [*told, line.title, _why(line, now, zone)]))
    return made


def _deadline(line: VideoStatus, now: datetime, zone: ZoneInfo) -> str:
    """Of what is still to be done."""
    if line.deadline is None or not line.is_open:
        return ""
    told = told_moment(line.deadline, now, zone)
    return f"{told}, late" if line.deadline < now else told


def _why(line: VideoStatus, now: datetime, zone: ZoneInfo) -> str:
    """What it has ended by, or what its last try has failed by and when it is tried again."""
    failed = line.failed_try
    if failed is None:
        return f"{line.cause}: {line.detail or ''}" if line.cause else ""
    again = "is tried again"
    if failed.again_at is not None and failed.again_at > now:
        again = f"is tried again at {told_moment(failed.again_at, now, zone)}"
    return f"{again}; {failed.cause}: {failed.detail or ''}"
