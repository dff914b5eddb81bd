"""A file's content in chunks, read ahead, so that whoever waits for them can say that it lives."""

import time
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from typing import TypeVar

from storage.base import Store
from storage.places import Place

CHUNK_BYTES = 4 << 20

_PULSE_SECONDS = 0.5

_T = TypeVar("_T")


class Pulse:
    """Calls something about twice a second while work goes on; made and used by one thread.

    Args:
        on_progress: what is called; what it raises ends the work.
    """

    def __init__(self, on_progress: Callable[[], None]) -> None:
        self._on_progress = on_progress
        self._due = 0.0

    def __call__(self) -> None:
        """Once more; most calls do nothing."""
        now = time.monotonic()
        if now >= self._due:
            self._due = now + _PULSE_SECONDS
            self._on_progress()


def chunks(store: Store, place: Place, pulse: Pulse) -> Generator[bytes]:
    """All of a file, in chunks of CHUNK_BYTES; the next one comes while one is worked on.

    A second thread reads. When this ends early, it waits for that one's current read.

    Args:
        store: has the file.
        place: the file.
        pulse: beaten in the caller's thread, also while the store is silent.

    Raises:
        What Store.open raises.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="reading") as reader, ExitStack() as opened:
        stream = _awaited(reader.submit(lambda: opened.enter_context(store.open(place))), pulse)
        coming = reader.submit(stream.read, CHUNK_BYTES)
        while chunk := _awaited(coming, pulse):
            coming = reader.submit(stream.read, CHUNK_BYTES)
            yield chunk


def _awaited(coming: "Future[_T]", pulse: Pulse) -> _T:
    pulse()
    while wait([coming], timeout=_PULSE_SECONDS).not_done:
        pulse()
    return coming.result()
