"""The order of the queue: what is worked on first, so that as much as possible is done by its deadline.

Earliest deadline first keeps every deadline that can be kept, but once one cannot, it makes one video after the other
late: each is begun in time for nothing. So what cannot be done in time is taken out, of those before the first broken
deadline the one of lowest priority, of several the largest (Moore and Hodgson's rule for the fewest late jobs, Moore
1968, with priorities before sizes), and is done when that makes nobody else late: in front where there is time to
spare, else at the end.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

_NEVER: Final = inf


@dataclass(frozen=True, slots=True)
class Job:
    """A video in the queue.

    `work`: seconds of one worker process that it will take. `deadline`: seconds from now, negative once it has passed;
    infinite where there is none. `priority`: larger goes first. `waited`: seconds since it was submitted.
    """

    id: int
    work: float
    deadline: float
    priority: int
    waited: float


@dataclass(frozen=True, slots=True)
class Order:
    """Ids in the order in which they are to be worked on, and which of them will be late."""

    ids: Sequence[int]
    late: frozenset[int]


def order(jobs: Sequence[Job], processes: int) -> Order:
    """The order in which to work on videos, each shared by all processes.

    Args:
        jobs: the queue.
        processes: that work on it, at least 1.
    """
    in_time, late = _split(jobs, processes)
    front, end = _place(in_time, late, processes)
    ids = [job.id for job in (*front, *in_time, *end)]
    return Order(ids, frozenset(job.id for job in late))


def _split(jobs: Sequence[Job], processes: int) -> tuple[list[Job], list[Job]]:
    """Those that can all be done in time, in order of their deadlines; and the others, the most wanted first."""
    ends = 0.0
    kept: dict[int, Job] = {}
    late: list[Job] = []
    # What is given up first comes out first.
    droppable: list[tuple[int, float, float, int]] = []
    for job in sorted(jobs, key=_by_deadline):
        kept[job.id] = job
        heapq.heappush(droppable, (job.priority, -job.work, job.waited, job.id))
        ends += job.work / processes
        while ends > job.deadline and droppable:
            dropped = kept.pop(heapq.heappop(droppable)[3])
            late.append(dropped)
            ends -= dropped.work / processes
    return list(kept.values()), sorted(late, key=lambda job: (-job.priority, *_by_deadline(job)))


def _by_deadline(job: Job) -> tuple[float, int, float, int]:
    return job.deadline, -job.priority, -job.waited, job.id


def _place(in_time: Sequence[Job], late: Sequence[Job], processes: int) -> tuple[list[Job], list[Job]]:
    """Late ones that may go before all others without making one of those late; and those that may not."""
    spare, ends = _NEVER, 0.0
    for job in in_time:
        ends += job.work / processes
        spare = min(spare, job.deadline - ends)
    front, end = [], []
    for job in late:
        if job.work / processes <= spare:
            front.append(job)
            spare -= job.work / processes
        else:
            end.append(job)
    return front, end
