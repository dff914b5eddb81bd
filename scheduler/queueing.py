"""When each video of a queue ends, if so many processes take its pieces one after the other.

List scheduling: whoever is free takes the next piece of the queue. The last pieces, which decide how long cores stand
idle at the end, are played piece by piece. Before them the queue is a fluid: a piece begins when all work before it,
shared by all processes, is done, less what they hold unfinished on average, half a piece each. Everything is reckoned
for S draws of the work at once, in single precision: a day to a hundredth of a second.

Whatever is played piece by piece has the two properties that a forecast should have: with one process more, or with
one video less, nothing ends later.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Whole = NDArray[np.int64]

PLAYED: Final = 400
"""Pieces at the end of a queue that are played one by one."""


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """J videos in the order of the queue, in S draws.

    `seconds`: (J, S), of one process. `pieces`: (J,), into how many a video can be shared, at least 1. `released`:
    (J,), seconds from now before which it is not begun. `alone`: (J,), share of its work that one process does when all
    pieces are done.
    """

    seconds: Singles
    pieces: Whole
    released: Floats
    alone: Floats


def ends(work: Work, processes: int) -> Singles:
    """Seconds from now at which each video ends, (J, S); what may begin now goes before what has to wait."""
    if (np.diff(work.released) >= 0).all():
        found = _ends(work, processes)
    else:
        order = np.argsort(work.released, kind="stable")
        found = np.empty_like(work.seconds)
        found[order] = _ends(
            Work(work.seconds[order], work.pieces[order], work.released[order], work.alone[order]), processes
        )
    # What one process does alone at the end keeps a video, and not the others, waiting.
    found += work.seconds * (work.alone * (1 - 1 / work.pieces)).astype(np.float32)[:, None]
    return found


def _ends(work: Work, processes: int) -> Singles:
    from_end = np.cumsum(work.pieces[::-1])[::-1]
    head = int(np.searchsorted(-from_end, -PLAYED, side="left"))
    found = np.empty_like(work.seconds)
    free = _flow(work, head, processes, found)
    _play(work, head, free, found)
    return found


def _flow(work: Work, head: int, processes: int, found: Singles) -> Singles:
    """Let the first videos flow; when each process is free afterwards, (P, S)."""
    level = np.zeros(work.seconds.shape[1], np.float32)
    if not head:
        return np.zeros((processes, len(level)), np.float32)
    mean = work.seconds[:head].sum(axis=0) / np.float32(work.pieces[:head].sum())
    held = mean * np.float32((1 - 1 / processes) / 2)
    now = int(np.searchsorted(work.released[:head], 0, side="right"))
    for part in (slice(0, now), slice(now, head)):
        if part.start == part.stop:
            continue
        level = np.maximum(level, np.float32(work.released[part.start]))
        pieces = work.seconds[part] / work.pieces[part].astype(np.float32)[:, None]
        told = np.cumsum(work.seconds[part], axis=0, out=found[part])
        after = level + told[-1] / np.float32(processes)
        told -= pieces
        told /= np.float32(processes)
        told -= held
        np.maximum(told, 0, out=told)
        told += pieces
        told += level
        level = after
    offsets = ((np.arange(processes) + 0.5) / processes - 0.5).astype(np.float32)
    free: Singles = np.maximum(level + offsets[:, None] * mean, 0)
    return free


def _play(work: Work, head: int, free: Singles, found: Singles) -> None:
    """Play the last videos piece by piece."""
    draws = np.arange(free.shape[1])
    for video in range(head, len(work.pieces)):
        length = work.seconds[video] / np.float32(work.pieces[video])
        last = np.zeros_like(length)
        for _ in range(work.pieces[video]):
            process = np.argmin(free, axis=0)
            end = np.maximum(free[process, draws], np.float32(work.released[video])) + length
            free[process, draws] = end
            np.maximum(last, end, out=last)
        found[video] = last
