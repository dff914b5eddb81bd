"""Limits of scores from the searches of a gallery for its own people.

The share of strangers who get a name must be known where it is small, and there a few hundred searches tell little by
counting: at 1 % of 400, four. So below the lowest tenth of the strangers' scores an exponential tail is fitted:

    FPIR(s) = t · exp((s − u) / m)    for s < u, where the share t of the scores lies below u, by m on average

Of the tail only the upper four fifths are taken at their word, as in a life test that ends before all have failed
(Epstein and Sobel, "Life testing", Journal of the American Statistical Association 1953): somebody who is enrolled
under two names is no stranger, and a hundredth of such people would more than double the misses.

Source: peaks over threshold with the exponential excess of scores whose tails fall as a normal's do (Pickands,
"Statistical inference using extreme order statistics", Annals of Statistics 1975; for recognition scores Scheirer et
al., "Meta-recognition: the theory and practice of recognition score analysis", PAMI 2011). What it gains over counting,
and over other tails, is in docs/decisions, 15.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from models.leave_one_out import LeftOut

Scores = NDArray[np.float64]

TAIL = 0.1
"""Share of the strangers' scores that the tail is fitted to."""

_TRUSTED = 0.8
"""Share of the tail, its upper part, whose scores count as they are; of the others only that they are beyond."""

MATED = np.array([NormalDist(-0.18, 0.075).inv_cdf((rank + 0.5) / 100) for rank in range(100)])
"""Scores of right first candidates, for galleries whose people have one photograph each: Labelled Faces in the Wild,
mirrored space, 100 to 400 people enrolled from one photograph, 10 draws (mean −0.17 to −0.21, deviation 0.072 to 0.075
with cohorts of 0 to 922)."""

_REPLICATES = 1000
_CONFIDENCE = 0.95
_NEWTON_STEPS = 50
# Keeps the odds finite where strangers and enrolled people do not overlap.
_PENALTY = 1e-4


@dataclass(frozen=True, slots=True)
class Estimate:
    """A share with its interval of 95 %, and how many people it is from."""

    value: float
    low: float
    high: float
    people: int


class StrangerScores:
    """First candidates' scores of strangers. Each person counts as much as another, however many searches.

    Args:
        scores: (s,) at least one; smaller is more alike.
        people: (s,) who was searched for.
        firsts: (s,) the first candidates, where these are searched for as well: of two people who are each other's
            first candidate, both score alike or neither does, so they are drawn together for the interval.
    """

    def __init__(self, scores: Scores, people: NDArray[np.int64], firsts: NDArray[np.int64] | None = None) -> None:
        order = np.argsort(scores, kind="stable")
        self._scores = scores[order]
        known, rows, counts = np.unique(people[order], return_inverse=True, return_counts=True)
        self._weights = 1.0 / counts[rows]
        self.people = len(known)
        own = np.arange(len(known))
        partners = own if firsts is None else _partners(known, rows, firsts[order])
        self._units = np.unique(np.minimum(own, partners), return_inverse=True)[1][rows]

    def limit(self, fpir: float) -> float:
        """The score below which a share of strangers lies, 0 < `fpir` < 1."""
        return _Tail(self._scores, self._weights).limit(fpir)

    def fpir(self, limit: float, seed: int = 0) -> Estimate:
        """The share of strangers below a limit, with its interval by a bootstrap over people (percentiles)."""
        generator = np.random.default_rng(seed)
        shares = []
        units = int(self._units.max()) + 1
        for _ in range(_REPLICATES):
            times = np.bincount(generator.integers(units, size=units), minlength=units)[self._units]
            drawn = np.flatnonzero(times)
            shares.append(_Tail(self._scores[drawn], self._weights[drawn] * times[drawn]).fpir(limit))
        return _estimate(_Tail(self._scores, self._weights).fpir(limit), shares, self.people)


def _estimate(value: float, drawn: Sequence[float], people: int) -> Estimate:
    """A share with the percentiles of its draws."""
    low, high = np.quantile(drawn, [(1 - _CONFIDENCE) / 2, (1 + _CONFIDENCE) / 2])
    return Estimate(value, float(low), float(high), people)


def _partners(people: NDArray[np.int64], rows: NDArray[np.int64], firsts: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each of people, ascending, the row of the one who is first for them as they are first for that one.

    Their own row where there is none.

    Args:
        people: (p,) ascending.
        rows: (s,) which of them each search is for, searches in order of score.
        firsts: (s,) the first candidate of each search.
    """
    # Of a person's searches the best one counts.
    best = firsts[np.unique(rows, return_index=True)[1]]
    partner = np.minimum(np.searchsorted(people, best), len(people) - 1)
    own = np.arange(len(people))
    return np.where((people[partner] == best) & (partner[partner] == own), partner, own)


class _Tail:
    """Weighted scores in ascending order, smooth in the lowest tenth."""

    def __init__(self, scores: Scores, weights: Scores) -> None:
        self._scores = scores
        self._shares = np.cumsum(weights) / weights.sum()
        end = min(int(np.searchsorted(self._shares, TAIL, side="right")), len(scores) - 1)
        self._end = float(scores[end])
        self._share = float(self._shares[end - 1]) if end else 0.0
        self._mean = _mean_excess(self._end - scores[:end], weights[:end]) if end else 0.0

    def limit(self, fpir: float) -> float:
        if fpir < self._share and self._mean > 0:
            return self._end + self._mean * math.log(fpir / self._share)
        return float(self._scores[min(int(np.searchsorted(self._shares, fpir, side="right")), len(self._scores) - 1)])

    def fpir(self, limit: float) -> float:
        if limit < self._end:
            return self._share * math.exp((limit - self._end) / self._mean) if self._mean > 0 else 0.0
        below = int(np.searchsorted(self._scores, limit))
        return float(self._shares[below - 1]) if below else 0.0


def _mean_excess(excess: Scores, weights: Scores) -> float:
    """The mean of an exponential distribution from its smaller excesses, given in descending order.

    The largest ones tell only how many they are: some are of people who are enrolled under two names.
    """
    before = np.cumsum(weights) - weights
    last = min(int(np.searchsorted(before, (1 - _TRUSTED) * weights.sum())), len(excess) - 1)
    known = weights[last:]
    return float((known @ excess[last:] + excess[last] * weights[:last].sum()) / known.sum())


def couples(found: LeftOut) -> list[tuple[int, int, float]]:
    """Enrolled people who are each other's first candidates, and their score; the most alike first.

    The first of them may be one person under two names.
    """
    order = np.argsort(found.strangers, kind="stable")
    people, rows = np.unique(found.stranger_people[order], return_inverse=True)
    partners = _partners(people, rows, found.stranger_firsts[order])
    scores = found.strangers[order][np.unique(rows, return_index=True)[1]]
    both = [
        (int(people[row]), int(people[partner]), float(min(scores[row], scores[partner])))
        for row, partner in enumerate(partners.tolist())
        if row < partner
    ]
    return sorted(both, key=lambda couple: couple[2])


def missed(found: LeftOut, limit: float, seed: int = 0) -> Estimate | None:
    """The share of searches for enrolled people that do not end in the right name; None where there was none.

    People are drawn, with all their searches, for the interval.
    """
    if not len(found.mated):
        return None
    _, rows, counts = np.unique(found.mated_people, return_inverse=True, return_counts=True)
    failed = np.bincount(rows, (~found.right | (found.mated >= limit)).astype(np.float64)) / counts
    generator = np.random.default_rng(seed)
    means = [failed[generator.integers(len(failed), size=len(failed))].mean() for _ in range(_REPLICATES)]
    return _estimate(float(failed.mean()), means, len(failed))


def odds(right: Scores, wrong: Scores) -> tuple[float, float]:
    """Slope and intercept of the logarithm of the odds that a first candidate of a score is the right one.

    A logistic regression in which right and wrong ones weigh the same, so that nothing is said of how often people on
    camera are enrolled. Source: Brümmer and du Preez, "Application-independent evaluation of speaker detection"
    (Computer Speech and Language, 2006).

    Args:
        right: (r,) scores of right first candidates, r at least 1.
        wrong: (w,) scores of first candidates of strangers, w at least 1.

    Returns:
        The slope is negative, or 0 where right ones do not score smaller.
    """
    scores = np.concatenate([right, wrong])
    middle, spread = float(scores.mean()), float(scores.std()) or 1.0
    inputs = np.column_stack([(scores - middle) / spread, np.ones(len(scores))])
    labels = np.concatenate([np.ones(len(right)), np.zeros(len(wrong))])
    weights = np.concatenate([np.full(len(right), 0.5 / len(right)), np.full(len(wrong), 0.5 / len(wrong))])
    found = np.zeros(2)
    for _ in range(_NEWTON_STEPS):
        chances = 1 / (1 + np.exp(-np.clip(inputs @ found, -500, 500)))
        gradient = inputs.T @ (weights * (labels - chances)) - _PENALTY * found
        curvature = inputs.T @ (inputs * (weights * chances * (1 - chances))[:, np.newaxis]) + _PENALTY * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        found = found + step
        if np.abs(step).max() < 1e-9:
            break
    slope = min(0.0, float(found[0]) / spread)
    return slope, float(found[1]) - slope * middle
