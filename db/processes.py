"""Which worker processes there are, told by what they do: they have no list of their own in the ledger."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from db import leases
from db.schema import Segment, TaskRun, Video
from db.states import SegmentState, VideoState

LATELY: Final = timedelta(minutes=10)
_DAY: Final = timedelta(days=1)
_BUSY: Final = 0.95
"""Rank of the moment, among those at which a try began, whose number of processes counts: at most others some pause."""


@dataclass(frozen=True, slots=True)
class Try:
    """One that has ended: who made it, from when to when."""

    owner: str
    started_at: datetime
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class Processes:
    """How many work side by side: `now` or in the last ten minutes, and `lately`, on the last day of any work."""

    now: int
    lately: int


def latest_tries(session: Session, *, most: int) -> list[Try]:
    """The last tries that have ended, in the order in which they began."""
    rows = session.execute(
        select(TaskRun.owner, TaskRun.started_at, TaskRun.ended_at)
        .where(TaskRun.ended_at.is_not(None))
        .order_by(TaskRun.id.desc())
        .limit(most)
    )
    found = [Try(owner, started, ended) for owner, started, ended in rows if ended is not None]
    return sorted(found, key=lambda each: each.started_at)


def seen(session: Session, tries: Sequence[Try], now: datetime) -> Processes:
    """How many worker processes the latest tries tell of, and the leases that are held."""
    held = select(Segment.lease_owner).where(Segment.state == SegmentState.RUNNING, Segment.lease_until >= now)
    finishing = select(Video.lease_owner).where(Video.state == VideoState.FINISHING, Video.lease_until >= now)
    owners = {owner for query in (held, finishing) for owner in session.scalars(query) if owner}
    at_work = sum(not leases.is_gone(owner) for owner in owners)
    recent = [each for each in tries if each.ended_at >= now - LATELY]
    last = tries[-1].started_at if tries else now
    return Processes(
        max(at_work, _side_by_side(recent)), _side_by_side([each for each in tries if each.started_at >= last - _DAY])
    )


def _side_by_side(tries: Sequence[Try]) -> int:
    """How many were made at once. By overlap and not by owners: whoever is started anew is another owner."""
    counts = []
    running: list[datetime] = []
    for each in tries:
        running = [end for end in running if end > each.started_at]
        running.append(each.ended_at)
        counts.append(len(running))
    return sorted(counts)[math.ceil(_BUSY * (len(counts) - 1))] if counts else 0


def pauses(tries: Sequence[Try]) -> list[float]:
    """Seconds between two tries of one process."""
    free_since: dict[str, datetime] = {}
    found = []
    for each in tries:
        if each.owner in free_since:
            found.append((each.started_at - free_since[each.owner]).total_seconds())
        free_since[each.owner] = each.ended_at
    return found
