"""`rollcall evaluate pairs`: verification of labelled pairs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.intervals import clopper_pearson
from evaluation.labelled import LabelledFaces, absolute
from evaluation.limits import CURVE, finite
from evaluation.pairs import Comparisons, FoldAccuracy, Pair, accuracy_by_fold

SCHEMA = "rollcall.evaluate.pairs/1"

FMRS = (0.001, 0.01)
"""The shares of impostor pairs that may match, for which false non-matches are told."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What came out for the pairs of a file.

    Args:
        comparisons: the scores of its genuine and impostor pairs.
        folds: each fold's accuracy.
        faceless: pairs of which a photograph shows no face: they count as of two people.
    """

    comparisons: Comparisons
    folds: Sequence[FoldAccuracy]
    faceless: int

    @property
    def accuracy(self) -> float:
        """The mean over the folds."""
        return float(np.mean([fold.accuracy for fold in self.folds]))

    @property
    def standard_error(self) -> float:
        """Of that mean: the folds' standard deviation (of n − 1) over the root of their number."""
        accuracies = [fold.accuracy for fold in self.folds]
        return float(np.std(accuracies, ddof=1) / np.sqrt(len(accuracies)))


def verify(faces: LabelledFaces, pairs: Sequence[Pair]) -> Verified:
    """Compare the pairs' faces by their distance.

    Args:
        faces: of the photographs of all pairs, as far as they show one.
        pairs: of two folds or more.
    """
    rows = {path: row for row, path in enumerate(faces.photographs)}
    scores = np.array([_distance(faces, rows, pair) for pair in pairs])
    genuine = np.array([pair.genuine for pair in pairs])
    folds = np.array([pair.fold for pair in pairs], np.int64)
    return Verified(
        Comparisons(scores[genuine], scores[~genuine]),
        accuracy_by_fold(scores, genuine, folds),
        int(np.isinf(scores).sum()),
    )


def _distance(faces: LabelledFaces, rows: Mapping[str, int], pair: Pair) -> float:
    first, second = rows.get(absolute(str(pair.first))), rows.get(absolute(str(pair.second)))
    if first is None or second is None:
        return float("inf")
    difference: NDArray[np.float64] = faces.embeddings[first].astype(np.float64) - faces.embeddings[second]
    return float(np.linalg.norm(difference))


def as_json(faces: LabelledFaces, verified: Verified) -> dict[str, Any]:
    """The document that docs/evaluate.md describes."""
    comparisons = verified.comparisons
    return {
        "schema": SCHEMA,
        "space": faces.space,
        "detector": faces.detector,
        "pairs": {
            "genuine": len(comparisons.genuine),
            "impostor": len(comparisons.impostor),
            "without_a_face": verified.faceless,
        },
        "accuracy": {
            "mean": verified.accuracy,
            "standard_error": verified.standard_error,
            "folds": [{"accuracy": fold.accuracy, "limit": fold.limit} for fold in verified.folds],
        },
        "fnmr_at_fmr": [_at(comparisons, fmr) for fmr in FMRS],
        "det": [{"fmr": fmr, "fnmr": fnmr, "limit": finite(limit)} for fmr, fnmr, limit in comparisons.curve(CURVE)],
    }


def _at(comparisons: Comparisons, fmr: float) -> dict[str, Any]:
    limit = comparisons.limit(fmr)
    missed = int((comparisons.genuine >= limit).sum())
    interval = clopper_pearson(missed, len(comparisons.genuine))
    return {
        "fmr": fmr,
        "fmr_measured": comparisons.fmr(limit),
        "limit": finite(limit),
        "fnmr": {"value": comparisons.fnmr(limit), "low": interval.low, "high": interval.high},
    }
