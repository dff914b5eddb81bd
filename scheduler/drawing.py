"""What the work of a queue may come to: draws from what is known of costs.

Every scenario of one forecast is reckoned with the same draws: a video keeps its luck, by its id, whatever else is in
the queue, so that differences between scenarios are theirs and not chance's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from scheduler.costs import Estimate, WorkClass
from scheduler.queueing import Work

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

DRAWS: Final = 1000
_MOST_NUMBERS: Final = 20_000_000
FEWEST: Final = 200
_TOGETHER: Final = 1_250_000
"""Numbers that are reckoned together: they stay in the processor's caches."""
_SEED: Final = 20_260_106
_POOL: Final = 1 << 20
_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)
_ALREADY_TOLD: Final = 100
"""Samples of a video after which half of what it differs by from its like is known."""


@dataclass(frozen=True, slots=True, eq=False)
class Queue:
    """J videos that are to be done, in order.

    All of shape (J,). `classes`, `intervals_ms`: what they cost by. `units`: samples that they cost. `spread`: standard
    deviation of the logarithm of the units, where their length is not known. `pieces`: into how many they are shared.
    `released`: seconds from now before which they wait. `tries`: how many make it up. `deadline`: seconds from now;
    infinite where there is none.
    """

    ids: Whole
    classes: Sequence[WorkClass]
    intervals_ms: Whole
    units: Floats
    spread: Floats
    pieces: Whole
    tries: Floats
    released: Floats
    deadline: Floats

    def __len__(self) -> int:
        return len(self.ids)

    def of(self, chosen: NDArray[np.bool_]) -> "Queue":
        """Only some of its videos."""
        return Queue(
            self.ids[chosen],
            [each for each, taken in zip(self.classes, chosen, strict=True) if taken],
            self.intervals_ms[chosen],
            self.units[chosen],
            self.spread[chosen],
            self.pieces[chosen],
            self.tries[chosen],
            self.released[chosen],
            self.deadline[chosen],
        )


@lru_cache(maxsize=1)
def _pool() -> NDArray[np.float32]:
    return np.random.default_rng(_SEED).standard_normal(_POOL + DRAWS, dtype=np.float32)


class Draws:
    """S draws of everything that is not known.

    Args:
        estimate: of costs.
        videos: how many the largest scenario has; with very many, there are fewer draws.
    """

    def __init__(self, estimate: Estimate, videos: int) -> None:
        self.count = max(FEWEST, min(DRAWS, _MOST_NUMBERS // max(1, videos)))
        self._estimate = estimate
        found = estimate.found
        generator = np.random.default_rng(_SEED)
        root = np.linalg.cholesky(found.covariance + 1e-12 * np.eye(len(found.mean)))
        normal = generator.standard_normal((DRAWS, len(found.mean)))[: self.count]
        # With few nights the spread of nights is not well known itself: Student's t.
        wide = np.sqrt(found.freedom / generator.chisquare(found.freedom, DRAWS)[: self.count])
        self._terms = found.mean[:, None] + estimate.stretch * (root @ normal.T) * wide

    def work(self, queue: Queue, draws: int) -> Iterator[tuple[slice, Work]]:
        """The work of a queue in the first of the draws, some at a time."""
        estimate = self._estimate
        kinds = sorted(set(zip(queue.classes, queue.intervals_ms.tolist(), strict=True)))
        number = {kind: place for place, kind in enumerate(kinds)}
        kind = np.array([number[each] for each in zip(queue.classes, queue.intervals_ms.tolist(), strict=True)], int)
        rows, constants = estimate.terms([each for each, _ in kinds], [interval for _, interval in kinds])
        common = (rows @ self._terms + constants[:, None]).astype(np.float32)
        known, own = self._of_each(queue)
        units = (queue.units * (1 + estimate.waste) * np.exp(known)).astype(np.float32)
        pauses = (queue.tries * estimate.pause).astype(np.float32)
        places = (queue.ids.astype(np.uint64) * _FACTOR >> np.uint64(44)).astype(np.int64)
        alone = np.full(len(queue), estimate.shares.finish)
        step = max(FEWEST // 2, _TOGETHER // len(queue))
        for first in range(0, draws, step):
            some = slice(first, min(first + step, draws))
            seconds = sliding_window_view(_pool(), some.stop - first)[places + first]
            seconds *= own[:, None]
            seconds += common[:, some][kind]
            np.exp(seconds, out=seconds)
            seconds *= units[:, None]
            seconds += pauses[:, None]
            yield some, Work(seconds, queue.pieces, queue.released, alone)

    def _of_each(self, queue: Queue) -> tuple[Floats, NDArray[np.float32]]:
        """What is known of how each video differs from its like, and the spread of what is not: logarithms, (J,)."""
        told = [self._estimate.known.get(video, (0.0, 0)) for video in queue.ids.tolist()]
        off, samples = np.array(told, float).reshape(-1, 2).T
        share = samples / (samples + _ALREADY_TOLD)
        own = self._estimate.found.video * self._estimate.stretch * np.sqrt(1 - share)
        return share * off, np.hypot(own, queue.spread).astype(np.float32)
