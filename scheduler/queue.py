"""The queue as it is now: what is known of costs and workers, what each video still costs, and the order of work."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from config.settings import Settings
from db.open_work import OpenWork
from db.session import Database
from scheduler import ordering
from scheduler.costs import Estimate
from scheduler.ordering import Job, Order

_AGAIN: Final = 600.0
"""Seconds after which costs are learnt anew."""


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What the past tells: costs, and how many processes work on the queue."""

    estimate: Estimate
    processes: int


class Experience:
    """What a ledger tells of costs and workers, learnt anew every ten minutes.

    Args:
        database: the ledger.
        settings: how what is not begun yet will be worked on.
        processes: how many work on the queue; as the ledger tells where it is None.
    """

    def __init__(self, database: Database, settings: Settings, processes: int | None = None) -> None:
        self._database, self._settings, self._processes = database, settings, processes
        self._known: Known | None = None
        self._until = 0.0

    def now(self) -> Known:
        """What is known."""
        if self._known is None or time.monotonic() >= self._until:
            self._known = known(self._database, self._settings, processes=self._processes)
            self._until = time.monotonic() + _AGAIN
        return self._known


def order(videos: Sequence[OpenWork], of: Known, settings: Settings, now: datetime) -> Order:
    """The order in which to work on videos."""
    work = seconds(videos, of.estimate, settings, now)
    jobs = [
        Job(
            id=video.id,
            work=spent,
            deadline=math.inf if video.deadline is None else (video.deadline - now).total_seconds(),
            priority=video.priority,
            waited=(now - video.submitted_at).total_seconds(),
        )
        for video, spent in zip(videos, work, strict=True)
    ]
    return ordering.order(jobs, of.processes)
