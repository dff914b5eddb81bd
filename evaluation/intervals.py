"""Intervals around measured shares.

Clopper and Pearson's holds for independent trials. Searches are not: a person's photographs fail together, and the
limit of a score is itself estimated from the strangers. The rates of `evaluation.searches` therefore have intervals
from a bootstrap over people; this one stands in where a bootstrap says nothing, because none or all of them failed.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

_HALVINGS = 60


@dataclass(frozen=True, slots=True)
class Interval:
    """Both ends of an interval of a share, 0 to 1."""

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
