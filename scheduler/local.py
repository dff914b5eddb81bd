"""Everything on this machine in one command: Celery workers as child processes, and the sweep around them."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

import structlog

from config.celery_app import app
from config.errors import WorkersDied
from config.settings import Settings
from db import leases, status
from db.session import Database
from db.status import Backlog
from scheduler.dispatch import Sender
from scheduler.sweep import sweep

log = structlog.get_logger(__name__)

_TICK = 1.0
_RESTARTS = 5
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
        self._home = settings.home.absolute()
        self._processes = processes
        self._log_file = log_file
        self._level = settings.log.level
        self._child: subprocess.Popen[bytes] | None = None
        self._restarts = 0

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._child is not None:
            self._kill_group(self._child)

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
        self._restarts += 1
        if self._restarts > _RESTARTS:
            raise WorkersDied("the workers", f"died {self._restarts} times", f"their log is {self._log_file}")
        self._start()

    def _start(self) -> None:
        command = [sys.executable, "-P", "-m", "celery", "--app", "config.celery_app", "worker"]
        command += ["--include", "worker.tasks", "--concurrency", str(self._processes)]
        command += ["--hostname", f"rollcall-{os.getpid()}@%h", "--loglevel", self._level]
        # One machine needs no talk between workers.
        command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        with self._log_file.open("ab") as output:
            self._child = subprocess.Popen(  # noqa: S603  our own command line
                command,
                stdin=subprocess.DEVNULL,
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
        while not stop.asked:
            workers.check()
            sweep(database, settings, sender)
            left = _backlog(database)
            yield left
            if until_empty and not left.videos:
                break
            time.sleep(_TICK)
        workers.ask_to_end()
        while stop.asked < 2 and workers.alive():
            yield _backlog(database)
            time.sleep(_TICK / 5)
    with database.writing() as session:
        leases.release_gone(session)


def _backlog(database: Database) -> Backlog:
    with database.reading() as session:
        return status.backlog(session)
