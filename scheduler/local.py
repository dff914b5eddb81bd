"""Everything on this machine in one command: Celery workers as child processes, and the sweep around them."""

import contextlib
import signal
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

import structlog

from config.celery_app import app
from config.errors import BrokerUnavailable, Conflict, DatabaseUnavailable
from config.settings import Settings
from db import leases, status, working
from db.session import Database
from db.status import Backlog
from intake import watching
from scheduler import coarsening
from scheduler.dispatch import Sender
from scheduler.experience import Memory
from scheduler.forecasting import forecast_now, record
from scheduler.local_workers import LocalWorkers
from scheduler.sweep import sweep

log = structlog.get_logger(__name__)

_TICK = 1.0
_PATIENCE_AFTER_A_DEATH = 5.0
"""Seconds for which nobody takes anything, after one was killed, before the others are taken to be stuck."""
_PATIENCE_WITH_THE_SLOW = 60.0
"""Seconds for which nobody need take anything: on a busy machine workers begin slowly."""
_LONGEST_PAUSE = 5.0
"""Seconds between two sweeps."""
_PATIENCE = 300.0
"""Seconds for which ledger and broker may be out of reach."""


class Stop:
    """Whether somebody asked for the end: once, politely; twice, in a hurry. Listens to Ctrl-C and SIGTERM."""

    def __init__(self) -> None:
        self.asked = 0
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal() itself gave

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked += 1


class _Every:
    """Whether it is time again."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._due = time.monotonic()

    def __call__(self) -> bool:
        if time.monotonic() < self._due:
            return False
        self._due = time.monotonic() + self._seconds
        return True


class _Rounds:
    """What is done about once a second while the workers work.

    Who waits for the end of the queue does not wait for what can wait, nor for files that somebody is still writing.
    """

    def __init__(self, database: Database, settings: Settings, processes: int, *, until_empty: bool) -> None:
        self._database, self._settings, self._until_empty = database, settings, until_empty
        self._sender, self._memory = Sender(app), Memory(processes)
        self._processes = processes
        self._looks, self._asks = _Every(settings.schedule.intake), _Every(settings.schedule.sweep)
        self._foretells = _Every(settings.schedule.forecast)
        self._first_look: datetime | None = None
        self._watched: list[str] = []
        self._due = 0
        self._well = time.monotonic()
        self._sweeps_at = time.monotonic()

    def go(self, workers: LocalWorkers) -> Backlog:
        """One round; what is left to do."""
        workers.end_overdue(_overdue(self._database))
        self._unblock(workers)
        if self._settings.intake.watch and self._looks():
            self._watched = watching.look(self._database, self._settings)
            self._first_look = self._first_look or leases.utc_now()
        if time.monotonic() >= self._sweeps_at:
            self._sweep()
        left = self.backlog()
        if left.videos and self._foretells():
            coarsening.adjust(self._database, self._settings, self._memory)
            found = forecast_now(self._database, self._settings, workers=self._processes, measures=False)
            record(self._database, found)
        return left

    def _unblock(self, workers: LocalWorkers) -> None:
        """Start the workers anew where nobody takes what there is to do; soon where one of them was killed.

        Celery's processes of one machine read from one pipe, and whoever waits there holds its lock. Killed, it keeps
        the lock for ever, and the others wait for it.
        """
        with self._database.reading() as session:
            stuck = self._due > 0 and not working.anybody_here(session)
        if not stuck:
            self._well = time.monotonic()
        elif time.monotonic() - self._well > self._patience(workers):
            self._well = time.monotonic()
            workers.begin_anew()

    def _patience(self, workers: LocalWorkers) -> float:
        return _PATIENCE_AFTER_A_DEATH if workers.maimed else max(self._settings.work.lease, _PATIENCE_WITH_THE_SLOW)

    def _sweep(self) -> None:
        """It takes the longer the more there is to do; mostly it gets a tenth of the time."""
        begun = time.monotonic()
        background = not self._until_empty and self._asks()
        self._due = sweep(self._database, self._settings, self._sender, self._memory, background=background)
        ended = time.monotonic()
        self._sweeps_at = ended + min(9 * (ended - begun), _LONGEST_PAUSE)

    def backlog(self) -> Backlog:
        """What is left to do."""
        with self._database.reading() as session:
            return status.backlog(session, self._first_look, self._watched)


def run(
    database: Database, settings: Settings, stop: Stop, *, processes: int, log_file: Path, until_empty: bool
) -> Iterator[Backlog]:
    """Work on the queue, giving the backlog about once a second.

    It ends when the queue is empty (if asked to), or when it is told to stop: then it goes on giving the backlog until
    the segments at hand are done.

    Raises:
        WorkersDied: the workers die again and again.
    """
    rounds = _Rounds(database, settings, processes, until_empty=until_empty)
    with LocalWorkers(settings, processes, log_file) as workers:
        well = time.monotonic()
        while not stop.asked:
            workers.check()
            try:
                left = rounds.go(workers)
            except (DatabaseUnavailable, BrokerUnavailable, Conflict) as error:
                # A server that restarts must not end the night.
                log.warning("ledger or broker out of reach", detail=str(error))
                if time.monotonic() - well > _PATIENCE:
                    raise
            else:
                well = time.monotonic()
                yield left
                if until_empty and not left.videos and not left.arrivals:
                    break
            time.sleep(_TICK)
        workers.ask_to_end()
        while stop.asked < 2 and workers.alive():
            with contextlib.suppress(DatabaseUnavailable):
                yield rounds.backlog()
            time.sleep(_TICK / 5)
    with database.writing() as session:
        leases.release_gone(session)


def _overdue(database: Database) -> list[int]:
    with database.reading() as session:
        return leases.overdue_here(session, leases.utc_now())
