"""A mixed linear model of costs, fitted robustly: what is common, by class and by night, and what is each video's own.

Expectation-maximisation for the variances of a Gaussian mixed model (Laird and Ware, Random-effects models for
longitudinal data, Biometrics 1982), with Student's t for the videos (Lange, Little and Taylor, Robust statistical
modeling using the t distribution, JASA 1989): a video whose work hung for hours weighs next to nothing. Each variance
has a prior worth some observations, so that an empty ledger gives the prior and a full one forgets it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

_ROUNDS: Final = 30
_FREEDOM: Final = 4.0
"""Degrees of freedom of t: how much is made of videos that are far off."""
_FAR: Final = 3.5
"""Standard deviations at which a video's distance counts no farther."""
_LEAST_FREEDOM: Final = 4.0
_VIDEOS: Final = 5.0
_CLASSES: Final = 3.0
_NIGHTS: Final = 2.0
"""How many videos, classes and nights the priors of their variances count as."""


@dataclass(frozen=True, slots=True)
class Prior:
    """What is supposed before anything is known: logarithms, and standard deviations of logarithms."""

    whole: float
    whole_spread: float
    video: float
    class_: float
    night: float


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """n observations. `class_` and `night` number theirs; night 0 is tonight, of which there may be none.

    `classes`: how many there are, those without observations among them. `weight`: of each night, 0 to 1.
    """

    value: Floats
    interval: Floats
    class_: Whole
    night: Whole
    classes: int
    weight: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Terms in the order whole, interval, classes, nights: their means (p,) and covariance (p, p).

    `video`, `class_`, `night`: standard deviations. `freedom`: degrees of freedom of what is common to all videos: with
    few nights its spread is not well known. `expected`, `residuals`: (n,) of the observations.
    """

    mean: Floats
    covariance: Floats
    video: float
    class_: float
    night: float
    freedom: float
    expected: Floats
    residuals: Floats


def fit(table: Table, prior: Prior, *, interval: float, interval_spread: float) -> Fit:
    """Find the terms.

    Args:
        table: the observations; may be empty.
        prior: of the terms and their spreads.
        interval: what the factor of the interval is supposed to be.
        interval_spread: and how far it may be off.
    """
    terms, factors = _sparse(table)
    count = 2 + table.classes + len(table.weight)
    supposed = np.zeros(count)
    supposed[:2] = prior.whole, interval
    class_seen = 2 + np.unique(table.class_)
    night_seen = np.unique(table.night)
    weighted = np.ones(len(table.value))
    video, class_, night = prior.video**2, prior.class_**2, prior.night**2
    for _ in range(_ROUNDS):
        spread = [prior.whole_spread**2, interval_spread**2, *[class_] * table.classes, *(night / table.weight)]
        precision = 1 / np.array(spread)
        weights = weighted / video
        covariance = np.linalg.inv(_products(terms, factors, weights, count) + np.diag(precision)).astype(np.float64)
        moments = np.bincount(terms.ravel(), (factors * (weights * table.value)[:, None]).ravel(), count)
        mean = covariance @ (moments + precision * supposed)
        expected = (factors * mean[terms]).sum(axis=1)
        squares = (table.value - expected) ** 2 + _leverages(terms, factors, covariance)
        variances = mean**2 + np.diag(covariance)
        video = float(_VIDEOS * prior.video**2 + weighted @ squares) / (_VIDEOS + len(squares))
        class_ = _variance(prior.class_, _CLASSES, variances[class_seen], np.ones(len(class_seen)))
        night = _variance(prior.night, _NIGHTS, variances[2 + table.classes + night_seen], table.weight[night_seen])
        weighted = (_FREEDOM + 1) / (_FREEDOM + squares / video)
    residuals = table.value - expected
    near = np.clip(residuals, -_FAR * video**0.5, _FAR * video**0.5)
    own = (_VIDEOS * prior.video**2 + float(near @ near)) / (_VIDEOS + len(near))
    return Fit(
        mean=mean,
        covariance=covariance,
        video=own**0.5,
        class_=class_**0.5,
        night=night**0.5,
        freedom=_LEAST_FREEDOM + float(table.weight[night_seen].sum()),
        expected=expected,
        residuals=residuals,
    )


def _sparse(table: Table) -> tuple[Whole, Floats]:
    """The four terms of each observation that are not zero, and their factors: (n, 4) each."""
    one, zero = np.ones(len(table.value)), np.zeros(len(table.value), int)
    terms = np.stack([zero, zero + 1, 2 + table.class_, 2 + table.classes + table.night], axis=1)
    return terms, np.stack([one, table.interval, one, one], axis=1)


def _products(terms: Whole, factors: Floats, weights: Floats, count: int) -> Floats:
    """Weighted products of all terms: (count, count)."""
    pairs = terms[:, :, None] * count + terms[:, None, :]
    values = factors[:, :, None] * factors[:, None, :] * weights[:, None, None]
    return np.bincount(pairs.ravel(), values.ravel(), count * count).astype(np.float64).reshape(count, count)


def _leverages(terms: Whole, factors: Floats, covariance: Floats) -> Floats:
    """The variance of each observation's expectation: (n,)."""
    among = covariance[terms[:, :, None], terms[:, None, :]]
    variances: Floats = np.einsum("na,nab,nb->n", factors, among, factors)
    return variances


def _variance(prior: float, count: float, squares: Floats, weights: Floats) -> float:
    return float((count * prior**2 + weights @ squares) / (count + weights.sum()))
