"""Work on many items in several processes: results in the order of the items, a bounded number of them in flight.

A process that dies (a decoder that crashes, the system that takes its memory) costs one item, not the batch.
"""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import Any, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

_IN_FLIGHT_PER_PROCESS = 4
_WORTH_A_PROCESS = 8  # items; below, a process spends more time on loading networks than on its items

# What this process was started for; filled once, by the pool.
_job: dict[str, Callable[[Any], Any]] = {}


def process_count(wanted: int, items: int) -> int:
    """How many processes to start for a number of items; `wanted` 0 means one per core that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min(wanted or cores, items // _WORTH_A_PROCESS))


def map_in_order(job: Callable[[T], R], items: Iterable[T], processes: int, died: Callable[[T], R]) -> Iterator[R]:
    """Yield `job(item)` for each item, in the order of the items.

    Args:
        job: what to do with an item; copied once to each process, so it may carry much. What it raises ends the map.
        items: taken a few ahead of the results.
        processes: how many to start; with 1 the work is done in this process.
        died: the result for an item whose process died, also when it had one to itself.
    """
    if processes == 1:
        yield from map(job, items)
        return
    source = iter(items)
    waiting: deque[tuple[T, Future[R]]] = deque()
    pool = _Pool(job, processes)
    try:
        while True:
            for item in islice(source, processes * _IN_FLIGHT_PER_PROCESS - len(waiting)):
                waiting.append((item, pool.submit(item)))
            if not waiting:
                return
            item, future = waiting.popleft()
            try:
                result = future.result()
            except BrokenProcessPool:
                # Any item in flight may be the cause: the first is tried alone, the others again together.
                pool.close()
                result = _alone(job, item, died)
                pool = _Pool(job, processes)
                waiting = deque((other, pool.submit(other)) for other, _ in waiting)
            yield result
    finally:
        pool.close()


def _alone(job: Callable[[T], R], item: T, died: Callable[[T], R]) -> R:
    pool: _Pool[T, R] = _Pool(job, 1)
    try:
        # A process that cannot even start is no item's fault: that error goes on.
        pool.wait_until_ready()
        try:
            return pool.submit(item).result()
        except BrokenProcessPool:
            return died(item)
    finally:
        pool.close()


class _Pool(Generic[T, R]):
    """Processes that have been given the job; started fresh, since a fork of a process with threads may hang."""

    def __init__(self, job: Callable[[T], R], processes: int) -> None:
        self._executor = ProcessPoolExecutor(
            processes, multiprocessing.get_context("spawn"), initializer=_prepare, initargs=(job,)
        )

    def submit(self, item: T) -> Future[R]:
        try:
            return self._executor.submit(_do, item)
        except BrokenProcessPool as error:
            broken: Future[R] = Future()
            broken.set_exception(error)
            return broken

    def wait_until_ready(self) -> None:
        self._executor.submit(os.getpid).result()

    def close(self) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)


def _prepare(job: Callable[[Any], Any]) -> None:
    _job["job"] = job
    # Ctrl-C reaches every process of the terminal; the parent alone decides what is finished.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    """End when the parent has been killed: it would otherwise be waited for, for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _do(item: Any) -> Any:  # noqa: ANN401  what the job takes and gives, which the pool's own types tell
    return _job["job"](item)
