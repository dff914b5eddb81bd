"""Everything on this machine in one command: Celery workers as child processes, and the sweep around them."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

import structlog

from config.celery_app import app
from config.errors import BrokerUnavailable, Conflict, DatabaseUnavailable, WorkersDied
from config.settings import FILE_VARIABLE, Settings
from db import leases, status
from db.session import Database
from db.status import Backlog
from scheduler.dispatch import Sender
from scheduler.sweep import sweep

log = structlog.get_logger(__name__)

_TICK = 1.0
_RESTARTS = 5
_PATIENCE = 300.0
"""Seconds for which ledger and broker may be out of reach, and within which workers may not die too often."""

_PR_SET_PDEATHSIG = 1


class LocalWorkers:
    """Celery worker processes of this machine, one group of processes of their own.

    Whatever still runs when the block is left is killed: what it has not recorded is done again later.

    Args:
        settings: of this run; the children read the same environment.
        processes: how many.
        log_file: where they log to.
    """

    def __init__(self, settings: Settings, processes: int, log_file: Path) -> None:
        self._home = settings.home
        self._environment = _environment(settings)
        self._processes = processes
        self._log_file = log_file
        self._level = settings.log.level
        self._child: subprocess.Popen[bytes] | None = None
        self._restarts = 0
        self._started = 0.0

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._child is not None:
            self._kill_group(self._child)

    def end_overdue(self, pids: Iterable[int]) -> None:
        """Kill those of our processes whose lease has run out: they hang, and would hold their place for ever."""
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                if self._child is not None and os.getpgid(pid) == self._child.pid:
                    log.warning("a worker hangs and is killed", pid=pid)
                    os.kill(pid, signal.SIGKILL)

    def ask_to_end(self) -> None:
        """Let them finish the segments at hand and take no more."""
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError):
                self._child.terminate()

    def alive(self) -> bool:
        """Whether they still run."""
        return self._child is not None and self._child.poll() is None

    def check(self) -> None:
        """Start the workers anew if they have died.

        Raises:
            WorkersDied: they die again and again.
        """
        if self._child is None or self.alive():
            return
        log.warning("workers died", code=self._child.returncode)
        self._kill_group(self._child)
        recent = time.monotonic() - self._started < _PATIENCE
        self._restarts = self._restarts + 1 if recent else 1
        if self._restarts > _RESTARTS:
            raise WorkersDied("the workers", f"died {self._restarts} times", f"their log is {self._log_file}")
        self._start()

    def _start(self) -> None:
        command = [sys.executable, "-P", "-m", "celery", "--app", "config.celery_app", "worker"]
        command += ["--include", "worker.tasks", "--concurrency", str(self._processes)]
        command += ["--hostname", f"rollcall-{os.getpid()}@%h", "--loglevel", self._level]
        # One machine needs no talk between workers.
        command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        self._started = time.monotonic()
        _remove_torn_messages(self._home)
        with self._log_file.open("ab") as output:
            self._child = subprocess.Popen(  # noqa: S603  our own command line
                command,
                stdin=subprocess.DEVNULL,
                env=self._environment,
                stdout=output,
                stderr=output,
                # A folder of ours: Celery puts the current one on the module path, and a foreign `config` would shadow.
                cwd=self._home,
                start_new_session=True,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509  no threads here
            )

    @staticmethod
    def _kill_group(child: subprocess.Popen[bytes]) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _environment(settings: Settings) -> dict[str, str]:
    """Ours, with paths that mean the same in the folder that the workers run in."""
    environment = {**os.environ, "ROLLCALL_HOME": str(settings.home)}
    relative = settings.database.url.partition("sqlite:///")[2]
    if relative:
        environment["ROLLCALL_DATABASE__URL"] = f"sqlite:///{Path(relative).absolute()}"
    if file := os.environ.get(FILE_VARIABLE):
        environment[FILE_VARIABLE] = str(Path(file).absolute())
    return environment


def _remove_torn_messages(home: Path) -> None:
    """Drop files of the embedded broker that a full disk or a power cut left empty: Kombu stumbles on them."""
    for file in (home / "broker").glob("*/*"):
        with contextlib.suppress(FileNotFoundError):
            if file.stat().st_size == 0:
                file.unlink()


def _end_with_parent() -> None:
    """Have the kernel end the workers when we are killed: nobody would sweep for them any more."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


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


def run(
    database: Database, settings: Settings, stop: Stop, *, processes: int, log_file: Path, until_empty: bool
) -> Iterator[Backlog]:
    """Work on the queue, giving the backlog about once a second.

    It ends when the queue is empty (if asked to), or when it is told to stop: then it goes on giving the backlog until
    the segments at hand are done.

    Raises:
        WorkersDied: the workers die again and again.
    """
    sender = Sender(app)
    with LocalWorkers(settings, processes, log_file) as workers:
        well = background_from = time.monotonic()
        while not stop.asked:
            workers.check()
            try:
                workers.end_overdue(_overdue(database))
                # Who waits for the end of the queue does not wait for what can wait.
                background = not until_empty and time.monotonic() >= background_from
                sweep(database, settings, sender, background=background)
                if background:
                    background_from = time.monotonic() + settings.schedule.sweep
                left = _backlog(database)
            except (DatabaseUnavailable, BrokerUnavailable, Conflict) as error:
                # A server that restarts must not end the night.
                log.warning("ledger or broker out of reach", detail=str(error))
                if time.monotonic() - well > _PATIENCE:
                    raise
            else:
                well = time.monotonic()
                yield left
                if until_empty and not left.videos:
                    break
            time.sleep(_TICK)
        workers.ask_to_end()
        while stop.asked < 2 and workers.alive():
            with contextlib.suppress(DatabaseUnavailable):
                yield _backlog(database)
            time.sleep(_TICK / 5)
    with database.writing() as session:
        leases.release_gone(session)


def _overdue(database: Database) -> list[int]:
    with database.reading() as session:
        return leases.overdue_here(session, leases.utc_now())


def _backlog(database: Database) -> Backlog:
    with database.reading() as session:
        return status.backlog(session)
