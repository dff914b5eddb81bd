"""Task runs: one row for each try at a piece of work, also for those that were killed."""

from datetime import datetime
from typing import Final

from sqlalchemy import update
from sqlalchemy.orm import Session

from db.leases import Claim
from db.schema import Segment, TaskRun

KINDS: Final = ("scan", "refine", "finish")


def begin(session: Session, held: Claim, *, kind: str, video_id: int, now: datetime) -> int:
    """Note that a try begins; its row. `kind`: one of `KINDS`."""
    row = TaskRun(
        kind=kind,
        video_id=video_id,
        segment_id=held.id if held.table is Segment else None,
        attempt=held.attempt,
        owner=held.owner,
        started_at=now,
    )
    session.add(row)
    session.flush()
    return row.id


def end(
    session: Session,
    run_id: int,
    *,
    outcome: str,
    now: datetime,
    cpu_seconds: float,
    cause: str | None = None,
    detail: str | None = None,
) -> None:
    """Note how a try ended: `done`, `failed` or `lost`, with its processor time."""
    session.execute(
        update(TaskRun)
        .where(TaskRun.id == run_id)
        .values(outcome=outcome, ended_at=now, cpu_seconds=cpu_seconds, cause=cause, detail=detail)
    )
