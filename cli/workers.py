"""`rollcall workers`: who does what."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

from cli import console
from cli.ledger import opened
from config.settings import load_settings
from db import leases, working
from db.working import AtWork


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("workers")(run)


def run(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Show what each worker process does, on all machines, as the ledger has it.

    Those that have ended something in the last ten minutes and hold nothing now are idle.
    """
    now = leases.utc_now()
    with opened(load_settings()) as database, database.reading() as session:
        found = working.workers(session, now)
    if as_json:
        told = {
            "schema": "rollcall.workers/1",
            "at": now.isoformat(),
            "workers": [_as_json(worker) for worker in found],
        }
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
        return
    if not found:
        console.lines(["Nobody works, and nobody who still runs has in the last ten minutes."])
        return
    console.out.print(_table(found, now))


def _as_json(worker: AtWork) -> dict[str, object]:
    values = {"host": worker.host, "pid": worker.pid, **asdict(worker), "gone": worker.gone}
    for name in ("since", "until"):
        moment = values[name]
        values[name] = moment.isoformat() if isinstance(moment, datetime) else None
    return values


def _table(found: Sequence[AtWork], now: datetime) -> object:
    made = console.table("host", ">process", "does", ">video", "segment", ">try", ">for", ">lease", "title")
    for worker in found:
        segment = f"{worker.segment}/{worker.segments}" if worker.segment is not None else ""
        made.add_row(
            console.plain(worker.host), worker.pid, _does(worker), str(worker.video or ""), segment,
            str(worker.attempt or ""), _seconds(worker.since, now), _left(worker.until, now),
            console.plain(worker.title or worker.place or ""),
        )  # fmt: skip
    return made


def _does(worker: AtWork) -> str:
    if worker.gone:
        return "is gone"
    return worker.stage or "idle"


def _seconds(since: datetime | None, now: datetime) -> str:
    return "" if since is None else f"{max(0, round((now - since).total_seconds()))} s"


def _left(until: datetime | None, now: datetime) -> str:
    if until is None:
        return ""
    left = round((until - now).total_seconds())
    return f"{left} s" if left > 0 else "over"
