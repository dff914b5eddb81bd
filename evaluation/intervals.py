"""Intervals around measured shares and rates.

Clopper and Pearson's holds for independent trials. Searches are not: a person's photographs fail together, and the
limit of a score is itself estimated from the strangers. Neither are the seconds or the appearances of one video. Those
rates therefore have intervals from a bootstrap over people or videos; exact ones stand in where a bootstrap says
nothing, because nothing or all of it failed.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

REPLICATES = 1000
"""Draws of a bootstrap: the ends of its interval then vary by about a tenth of its width."""

_HALVINGS = 60


@dataclass(frozen=True, slots=True)
class Interval:
    """Both ends of an interval: of a share, 0 to 1, or of a rate, 0 or more."""

    low: float
    high: float


def clopper_pearson(failed: int, trials: int, confidence: float = 0.95) -> Interval:
    """The exact interval of a binomial share; 0 to 1 where there was no trial.

    Source: Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial"
    (Biometrika, 1934). At 0 of n its upper end is 1 − (α/2)^(1/n), a little above the rule of three.

    Args:
        failed: 0 to `trials`.
        trials: independent ones.
        confidence: of the two-sided interval, between 0 and 1.
    """
    if trials == 0:
        return Interval(0.0, 1.0)
    tail = (1 - confidence) / 2
    low = 0.0 if failed == 0 else _share_with(lambda share: 1 - _at_most(failed - 1, trials, share), tail)
    high = 1.0 if failed == trials else 1 - _share_with(lambda share: _at_most(failed, trials, 1 - share), tail)
    return Interval(low, high)


LEAST_UNITS = 10
"""Units from which a bootstrap draws at least. Of fewer its interval is far too narrow, so none is told."""


def share_by_units(
    parts: NDArray[np.float64], wholes: NDArray[np.float64], confidence: float = 0.95
) -> Interval | None:
    """The interval of sum(parts) / sum(wholes), by a bootstrap over the units that they come from (percentiles).

    Where the share is 0 or 1, the interval of Clopper and Pearson over the units that have a whole stands in. None
    where those are too few.

    Source: Efron and Tibshirani, "An introduction to the bootstrap" (1993).

    Args:
        parts: (n,) of each unit, from 0 to its whole.
        wholes: (n,) of each unit, not all of them 0.
        confidence: of the two-sided interval, between 0 and 1.
    """
    share, units = parts.sum() / wholes.sum(), int((wholes > 0).sum())
    if share in {0.0, 1.0}:
        return clopper_pearson(units if share else 0, units, confidence)
    return _ratio_by_units(parts, wholes, confidence) if units >= LEAST_UNITS else None


def rate_by_units(counts: NDArray[np.float64], exposures: NDArray[np.float64], confidence: float = 0.95) -> Interval:
    """The interval of sum(counts) / sum(exposures), counts being of rare events, by the same bootstrap.

    Where there was no event, that of a Poisson process stands in: 0 to −ln(α/2) / exposure.

    Source of that: Garwood, "Fiducial limits for the Poisson distribution" (Biometrika, 1936).

    Args:
        counts: (n,) events of each unit.
        exposures: (n,) of each unit, e.g. hours, not all of them 0; n at least LEAST_UNITS.
        confidence: as above.
    """
    if not counts.any():
        return Interval(0.0, -math.log((1 - confidence) / 2) / float(exposures.sum()))
    return _ratio_by_units(counts, exposures, confidence)


def _ratio_by_units(parts: NDArray[np.float64], wholes: NDArray[np.float64], confidence: float) -> Interval:
    drawn = np.random.default_rng(0).integers(len(parts), size=(REPLICATES, len(parts)))
    below = wholes[drawn].sum(axis=1)
    ratios = parts[drawn].sum(axis=1)[below > 0] / below[below > 0]
    low, high = np.quantile(ratios, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(low), float(high))


def _share_with(grows: Callable[[float], float], wanted: float) -> float:
    """Where a function that grows with the share takes a value."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if grows(middle) < wanted else (low, middle)
    return (low + high) / 2


def _at_most(count: int, trials: int, share: float) -> float:
    """The probability of at most `count` failures, fewer than `trials`, by logarithms: none of the terms overflows."""
    if share <= 0:
        return 1.0
    if share >= 1:
        return 0.0
    terms = [
        math.lgamma(trials + 1) - math.lgamma(k + 1) - math.lgamma(trials - k + 1)
        + k * math.log(share) + (trials - k) * math.log1p(-share)
        for k in range(count + 1)
    ]  # fmt: skip
    largest = max(terms)
    return min(1.0, math.exp(largest) * math.fsum(math.exp(term - largest) for term in terms))
