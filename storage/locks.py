"""Locks on files by which processes of one machine agree about them. A lock ends with whoever holds it, SIGKILL or not.

`flock`, not POSIX locks: those belong to a process, so that its threads would not keep each other out, and closing any
descriptor of the file would end them.
"""

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path

from config.files import PRIVATE

_LOOK_SECONDS = 0.05


def shared(path: Path, on_wait: Callable[[], None]) -> int | None:
    """Open a file that is there and share the lock on it, as soon as nobody has it alone.

    Args:
        path: a file.
        on_wait: called again and again until then; what it raises ends the waiting.

    Returns:
        A descriptor; closing it ends the lock. None: there is no such file.
    """
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        if _kept(path, descriptor, fcntl.LOCK_SH, on_wait):
            return descriptor


def alone(path: Path, on_wait: Callable[[], None]) -> int:
    """Open a file, make it where there is none, and have the lock on it alone, as soon as others let go.

    Arguments and result are those of `shared`.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
        if _kept(path, descriptor, fcntl.LOCK_EX, on_wait):
            return descriptor


def alone_at_once(path: Path) -> int | None:
    """As `alone`, but None where somebody has the lock, or there is no such file."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    if _locked(descriptor, fcntl.LOCK_EX) and _is_at(path, descriptor):
        return descriptor
    os.close(descriptor)
    return None


def share(descriptor: int) -> None:
    """Let others share a lock that was had alone. Whoever waits for it may have it for a moment in between."""
    while not _locked(descriptor, fcntl.LOCK_SH):
        time.sleep(_LOOK_SECONDS)


def _kept(path: Path, descriptor: int, kind: int, on_wait: Callable[[], None]) -> bool:
    """Wait for the lock; whether it is still one on this file. Closes the descriptor where not."""
    kept = False
    try:
        # Whoever has the lock may move or delete the file, and keep the lock for long.
        while _is_at(path, descriptor) and not kept:
            if _locked(descriptor, kind):
                kept = _is_at(path, descriptor)
            else:
                on_wait()
                time.sleep(_LOOK_SECONDS)
    finally:
        if not kept:
            os.close(descriptor)
    return kept


def _locked(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
