"""Celery worker processes of this machine: started, watched, started anew when they die, ended."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import structlog

from config.errors import WorkersDied
from config.settings import FILE_VARIABLE, Settings

log = structlog.get_logger(__name__)

_RESTARTS = 5
_PATIENCE = 300.0
"""Seconds within which workers may not die too often."""

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
        self._children: frozenset[int] = frozenset()
        self._pool: frozenset[int] = frozenset()
        self.maimed = False
        """Whether a process that works has been killed since the workers were started."""

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
        if self._child is None:
            return
        if self.alive():
            self._count(self._child.pid)
            return
        log.warning("workers died", code=self._child.returncode)
        self._begin_anew()

    def begin_anew(self) -> None:
        """End the workers at once and start others.

        Raises:
            WorkersDied: as `check` does.
        """
        log.warning("workers are started anew")
        self._begin_anew()

    def _begin_anew(self) -> None:
        assert self._child is not None
        self._kill_group(self._child)
        recent = time.monotonic() - self._started < _PATIENCE
        self._restarts = self._restarts + 1 if recent else 1
        if self._restarts > _RESTARTS:
            raise WorkersDied("the workers", f"died {self._restarts} times", f"their log is {self._log_file}")
        self._start()

    def _count(self, main: int) -> None:
        """Note which processes work, and whether one is gone.

        Those that were seen twice: what Celery asks of the system for a moment is none of them.
        """
        try:
            children = frozenset(child.pid for child in psutil.Process(main).children())
        except psutil.NoSuchProcess:
            return
        self.maimed |= bool(self._pool - children)
        self._pool = children & self._children
        self._children = children

    def _start(self) -> None:
        command = [sys.executable, "-P", "-m", "celery", "--app", "config.celery_app", "worker"]
        command += ["--include", "worker.tasks", "--concurrency", str(self._processes)]
        command += ["--hostname", f"rollcall-{os.getpid()}@%h", "--loglevel", self._level]
        # One machine needs no talk between workers.
        command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        self._started, self.maimed = time.monotonic(), False
        self._children = self._pool = frozenset()
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
