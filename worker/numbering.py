"""Numbers for the samples that were looked at, where others between them were left out.

Who is on camera in one sample and in the next is one appearance, whether the next one is an interval away or, where the
night was short, four. So whatever reckons in samples counts those that were not left out, from 0 on.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from db.segments import RunRecord


class Numbering:
    """Both ways between samples and their ordinals. Where nothing was left out they are the same.

    Args:
        runs: of one video, those with a stride at least.
    """

    def __init__(self, runs: Iterable[RunRecord] = ()) -> None:
        firsts, ordinals, strides = [0], [0], [1]
        left_out = 0
        for run in sorted((run for run in runs if run.stride > 1), key=lambda run: run.first_sample):
            firsts += run.first_sample, run.end_sample
            ordinals += run.first_sample - left_out, run.first_sample - left_out + run.count
            strides += run.stride, 1
            left_out += run.end_sample - run.first_sample - run.count
        self._firsts, self._ordinals, self._strides = (np.array(each, np.int64) for each in (firsts, ordinals, strides))

    @classmethod
    def of(cls, runs: Mapping[int, Sequence[RunRecord]]) -> Self:
        """Of the account of a video, by segment."""
        return cls(run for some in runs.values() for run in some)

    def ordinals(self, samples: NDArray[np.int64]) -> NDArray[np.int64]:
        """Of (n,) samples, none of which was left out."""
        at = np.searchsorted(self._firsts, samples, side="right") - 1
        return self._ordinals[at] + (samples - self._firsts[at]) // self._strides[at]

    def sample(self, ordinal: int) -> int:
        """The sample of an ordinal."""
        at = bisect_right(self._ordinals, ordinal) - 1
        return int(self._firsts[at] + (ordinal - self._ordinals[at]) * self._strides[at])

    def run(self, run: RunRecord) -> RunRecord:
        """A run in ordinals."""
        (first,) = self.ordinals(np.array([run.first_sample])).tolist()
        return RunRecord(first, first + run.count, run.outcome, run.first_pts, run.last_pts)
