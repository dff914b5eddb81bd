"""Limits of scores, found from those that must not lie below them, and the rates at which curves are drawn."""

import math

import numpy as np
from numpy.typing import NDArray

CURVE = tuple(float(rate) for rate in np.geomspace(0.0005, 1, 67))
"""Shares for which DET curves have a point."""


def largest_limit(ordered: NDArray[np.float64], share: float) -> float:
    """The largest limit below which at most that share of the scores lies; infinite where all may.

    No interpolation: it is the first score that would be one too many.

    Args:
        ordered: (n,) ascending.
        share: 0 to 1.
    """
    allowed = int(np.floor(share * len(ordered) + 1e-9))
    return float(ordered[allowed]) if allowed < len(ordered) else math.inf


def finite(limit: float) -> float | None:
    """The limit as JSON can hold it: None where it is infinite."""
    return limit if math.isfinite(limit) else None
