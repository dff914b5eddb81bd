"""The end of a worker process that hangs, wherever it hangs: the kernel's alarm, which needs nobody's help.

A library that never comes back may hold Python's lock, so no thread of ours could end the process. Celery's own time
limits are of whole tasks, and nobody knows how long the only segment of an endless recording takes; who renews a lease
gets on. (`rollcall work` also kills from outside, which helps against a process that was stopped.)
"""

import math
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_LEASES: Final = 3
"""After which nobody waits for the process any more: its work was given to another one after the first."""


@contextmanager
def watching(lease: float) -> Iterator[None]:
    """A piece of work; the process is ended by SIGALRM if for three leases nobody says that it gets on."""
    rewind(lease)
    try:
        yield
    finally:
        signal.alarm(0)


def rewind(lease: float) -> None:
    """Say that the work gets on."""
    signal.alarm(math.ceil(longest(lease)))


def longest(lease: float) -> float:
    """Seconds for which a process that is watched can go on at most without saying that it gets on."""
    return _LEASES * lease
