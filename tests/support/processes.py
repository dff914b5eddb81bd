"""Who runs below whom, who writes to which file: as the kernel tells it, without the program's help (Linux)."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_WAL_WRITE_LOCK = 120
"""Byte of a SQLite ledger's shared memory that its one writer locks (SQLite, 'WAL-mode File Format', 2.3.1)."""


def children(pid: int) -> list[int]:
    """Processes that a process has started and that still run."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += map(int, task.read_text(encoding="ascii").split())
    return sorted(filter(lives, found))


def descendants(pid: int) -> list[int]:
    """Children, their children, and so on."""
    found = children(pid)
    return found + [below for child in found for below in descendants(child)]


def is_decoder(pid: int) -> bool:
    """Whether a process is the inmate of a cage."""
    return b"worker.cage.inmate" in _read(pid, "cmdline")


def is_celery(pid: int) -> bool:
    """Whether a process is a Celery worker, or one of its children, which have its command line."""
    return b"celery" in _read(pid, "cmdline") and not is_decoder(pid)


def lives(pid: int) -> bool:
    """Whether a process still does something: one that nobody has asked about after its end does not."""
    told = _read(pid, "stat").decode(errors="replace")
    return bool(told) and told.rpartition(")")[2].split()[0] not in {"Z", "X"}


def writers(ledger: Path) -> list[int]:
    """Processes that write to a SQLite ledger at this moment; at most one, but it may be gone before it is told."""
    try:
        status = ledger.with_name(f"{ledger.name}-shm").stat()
    except FileNotFoundError:
        return []
    device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    found = []
    for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
        words = line.split()
        if words[1:5:2] == ["POSIX", "WRITE"] and words[5] == device and int(words[6]) == _WAL_WRITE_LOCK:
            found.append(int(words[4]))
    return found


def kill(pid: int, number: int = signal.SIGKILL) -> bool:
    """Send a signal; whether the process was still there."""
    alive = lives(pid)
    with suppress(ProcessLookupError):
        os.kill(pid, number)
        return alive
    return False


def until(holds: Callable[[], object], what: str, told: Callable[[], str], seconds: float = 120) -> None:
    """Wait, and fail with what `told` tells where it takes too long."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"still not: {what}\n{told()}"
        time.sleep(0.05)


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def named(word: str) -> list[int]:
    """Processes with a word in their command line."""
    pids = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
    return [pid for pid in pids if word.encode() in _read(pid, "cmdline")]


def parent(pid: int) -> int | None:
    """Who has started a process; None if it is gone."""
    told = _read(pid, "stat").decode(errors="replace")
    return int(told.rpartition(")")[2].split()[1]) if told else None


def open_files(pid: int) -> list[str]:
    """Paths of the files that a process holds open."""
    found = []
    with suppress(OSError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                found.append(str(link.readlink()))
    return found
