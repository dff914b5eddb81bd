"""How far the borders of appearances lie from the truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np


@dataclass(frozen=True, slots=True)
class BorderError:
    """Seconds by which a border was found too late, negative for too early, and by which it may be off as stated."""

    border: Literal["start", "end"]
    error: Fraction
    uncertainty: Fraction


def summary(errors: Sequence[BorderError]) -> dict[str, Any] | None:
    """Signed median, and median, 90th percentile and largest of the absolute errors, in seconds; None without any.

    `within_stated` is the share that is off by no more than the uncertainty that the report states. Percentiles are
    interpolated between neighbours.
    """
    if not errors:
        return None
    signed = np.array([float(one.error) for one in errors])
    absolute = np.abs(signed)
    return {
        "borders": len(errors),
        "median": float(np.median(signed)),
        "absolute": {
            "median": float(np.median(absolute)),
            "p90": float(np.quantile(absolute, 0.9)),
            "largest": float(absolute.max()),
        },
        "within_stated": sum(abs(one.error) <= one.uncertainty for one in errors) / len(errors),
    }
