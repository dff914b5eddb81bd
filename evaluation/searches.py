"""What searches of a gallery end in, and the error rates of open-set identification.

A *search* compares one probe with every enrolled identity; its first candidate is the one of the smallest score (scores
are distances here: smaller is more alike). A *mated* search is of somebody who is enrolled, a *non-mated* one of a
stranger. With a limit, the probe gets its first candidate's name if that one's score is below it:

- FPIR, the false positive identification rate: the share of non-mated searches that end in a name.
- FNIR, the false negative identification rate (of rank 1): the share of mated searches that do not end in the right
  name, because another identity comes first or the score is not below the limit.
- Rank-1: the share of mated searches whose first candidate is the right one, whatever its score.

Sources: ISO/IEC 19795-1:2021; Grother, Ngan, Hanaoka, "Face recognition vendor test part 2: Identification" (NISTIR
8271, 2019).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from evaluation.intervals import REPLICATES, Interval, clopper_pearson
from evaluation.limits import largest_limit

Scores = NDArray[np.float64]
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Searches:
    """The searches of one rule on one gallery.

    Args:
        mated: (m,) score of each mated search's first candidate, m at least 1.
        right: (m,) whether that candidate is the right one.
        mated_people: (m,) who each probe shows.
        strangers: (s,) score of each non-mated search's first candidate, s at least 1.
        strange_people: (s,) who each probe shows.
    """

    mated: Scores
    right: NDArray[np.bool_]
    mated_people: Numbers
    strangers: Scores
    strange_people: Numbers

    @cached_property
    def _found(self) -> Scores:
        """Scores of right first candidates, ascending: those below a limit are found."""
        return np.sort(self.mated[self.right])

    @cached_property
    def _named(self) -> Scores:
        """Scores of the strangers, ascending: those below a limit are named."""
        return np.sort(self.strangers)

    @property
    def rank_1(self) -> float:
        """The share of mated searches whose first candidate is the right one."""
        return float(self.right.mean())

    def limit(self, fpir: float) -> float:
        """The largest limit at which at most that share of the non-mated searches ends in a name."""
        return largest_limit(self._named, fpir)

    def fpir(self, limit: float) -> float:
        """The share of non-mated searches that end in a name."""
        return int(np.searchsorted(self._named, limit)) / len(self._named)

    def fnir(self, limit: float) -> float:
        """The share of mated searches that do not end in the right name."""
        return 1 - int(np.searchsorted(self._found, limit)) / len(self.mated)

    def wrongly_named(self, limit: float) -> float:
        """The share of mated searches that end in another enrolled person's name: part of the FNIR."""
        return float((~self.right & (self.mated < limit)).mean())

    def fnir_intervals(self, fpirs: Sequence[float], seed: int, confidence: float = 0.95) -> list[Interval]:
        """The interval of the FNIR at each FPIR, by a bootstrap over people (percentiles).

        People are drawn with all their searches, enrolled ones and strangers apart, and the limit is found anew in each
        draw: so the interval counts that photographs of one person fail together, and that the limit is an estimate.
        The gallery stays as it is. Where every draw misses nobody or everybody, the interval of Clopper and Pearson
        over the people stands in.

        Source: Efron and Tibshirani, "An introduction to the bootstrap" (1993); people drawn, not scores: Bolle, Ratha,
        Pankanti, "Error analysis of pattern recognition systems: the subsets bootstrap" (Computer Vision and Image
        Understanding, 2004).
        """
        generator = np.random.default_rng(seed)
        strange = _Weights(self.strange_people, self.strangers)
        mated = _Weights(self.mated_people, np.where(self.right, self.mated, np.inf))
        rates = np.empty((REPLICATES, len(fpirs)))
        for replicate in range(REPLICATES):
            strange_sums, mated_sums = strange.draw(generator), mated.draw(generator)
            limits = [strange.limit(strange_sums, fpir) for fpir in fpirs]
            rates[replicate] = [1 - mated.share_below(mated_sums, limit) for limit in limits]
        return [self._interval(column, confidence) for column in rates.T]

    def rank_1_interval(self, seed: int, confidence: float = 0.95) -> Interval:
        """The interval of rank-1, by the same bootstrap."""
        generator = np.random.default_rng(seed)
        mated = _Weights(self.mated_people, np.where(self.right, 0.0, np.inf))
        rates = [mated.share_below(mated.draw(generator), 1.0) for _ in range(REPLICATES)]
        return self._interval(np.array(rates), confidence)

    def _interval(self, rates: Scores, confidence: float) -> Interval:
        """From the rates of the draws."""
        if rates.min() == rates.max() and rates[0] in {0.0, 1.0}:
            people = len(np.unique(self.mated_people))
            return clopper_pearson(people if rates[0] else 0, people, confidence)
        low, high = np.quantile(rates, [(1 - confidence) / 2, (1 + confidence) / 2])
        return Interval(float(low), float(high))

    def curve(self, fpirs: Sequence[float]) -> list[tuple[float, float, float]]:
        """Points of the DET curve: FPIR as it comes out, FNIR, limit; one for each FPIR that is asked for."""
        limits = [self.limit(fpir) for fpir in fpirs]
        return [(self.fpir(limit), self.fnir(limit), limit) for limit in limits]


class _Weights:
    """Searches sorted by their score, drawn again and again by the people that they show."""

    def __init__(self, people: Numbers, scores: Scores) -> None:
        order = np.argsort(scores, kind="stable")
        self._scores = scores[order]
        names, rows = np.unique(people, return_inverse=True)
        self._person = rows[order]
        self._people = len(names)

    def draw(self, generator: np.random.Generator) -> Numbers:
        """(n,) how often each search is in a draw of as many people, running sum over the sorted scores."""
        times = np.bincount(generator.integers(self._people, size=self._people), minlength=self._people)
        return np.asarray(np.cumsum(times[self._person]), np.int64)

    def limit(self, sums: Numbers, fpir: float) -> float:
        """As `Searches.limit`, of a draw."""
        beyond = int(np.searchsorted(sums, np.floor(fpir * sums[-1] + 1e-9), side="right"))
        return float(self._scores[beyond]) if beyond < len(sums) else float("inf")

    def share_below(self, sums: Numbers, limit: float) -> float:
        """The share of a draw's searches whose score is below a limit."""
        below = int(np.searchsorted(self._scores, limit))
        return float(sums[below - 1] / sums[-1]) if below else 0.0
