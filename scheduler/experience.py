"""What the past tells of the night: what work costs, how many processes there are, how good forecasts were."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from config.settings import Settings
from db import costs, forecasts, processes
from db.open_work import OpenWork
from db.processes import Processes
from db.session import Session
from scheduler.costs import Estimate, learn
from scheduler.coverage import NIGHTS, Coverage, judge

_WEEKS: Final = timedelta(weeks=6)
_MOST_VIDEOS: Final = 3000
_MOST_TRIES: Final = 5000
_AGAIN: Final = 600.0
"""Seconds after which the past is asked anew."""


class Source(StrEnum):
    """Where the number of worker processes comes from."""

    TOLD = "told"
    WORKING = "working"  # so many work now
    LATELY = "lately"  # so many worked when anything was done last
    CORES = "cores"  # nobody has ever worked: this machine's


@dataclass(frozen=True, slots=True, eq=False)
class Experience:
    """What work costs, and how many processes work, by which source."""

    estimate: Estimate
    processes: int
    source: Source


def gather(
    session: Session, settings: Settings, videos: Sequence[OpenWork], now: datetime, workers: int | None = None
) -> Experience:
    """Ask the ledger.

    Args:
        session: of the ledger.
        settings: in which zone nights are nights.
        videos: that are open.
        now: the time.
        workers: processes; as the ledger tells where it is None.
    """
    past = costs.of_videos(session, since=now - _WEEKS, most=_MOST_VIDEOS)
    tries = processes.latest_tries(session, most=_MOST_TRIES)
    seen = processes.seen(session, tries, now)
    stretch = coverage(session, settings, now).stretch
    learnt = learn(past, processes.pauses(tries), now=now, zone=settings.schedule.time_zone)
    count, source = (workers, Source.TOLD) if workers else _processes(seen, videos)
    return Experience(replace(learnt, stretch=stretch), count, source)


def coverage(session: Session, settings: Settings, now: datetime) -> Coverage:
    """How good the forecasts of the last nights were."""
    settled = forecasts.settled(session, since=now - timedelta(days=3 * NIGHTS))
    return judge(settled, settings.schedule.time_zone)


class Memory:
    """Keeps an experience for ten minutes: who sweeps every second does not learn every second.

    Args:
        workers: processes that work on the queue; as the ledger tells where it is None.
    """

    def __init__(self, workers: int | None = None) -> None:
        self._workers = workers
        self._kept: Experience | None = None
        self._until = 0.0

    def of(self, session: Session, settings: Settings, videos: Sequence[OpenWork], now: datetime) -> Experience:
        """The experience, gathered anew where it is old."""
        if self._kept is None or time.monotonic() >= self._until:
            self._kept = gather(session, settings, videos, now, self._workers)
            self._until = time.monotonic() + _AGAIN
        return self._kept


def _processes(seen: Processes, videos: Sequence[OpenWork]) -> tuple[int, Source]:
    """How many there are: as many as work, if there is work for all that there were lately."""
    enough_to_do = sum(video.pieces for video in videos) > seen.lately
    if seen.now and (enough_to_do or seen.now >= seen.lately):
        return seen.now, Source.WORKING
    if seen.lately:
        return seen.lately, Source.LATELY
    return len(os.sched_getaffinity(0)), Source.CORES
