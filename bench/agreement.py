"""How far two contenders' results are the same."""

from collections.abc import Sequence

import cv2
import numpy as np

from bench.measure import Agreement
from models.faces import Detection, Embeddings, RgbImage

LEAST_OVERLAP = 0.95
"""Intersection over union from which on two boxes are the same face."""


def embeddings(first: Embeddings, own: Embeddings) -> Agreement:
    """The largest absolute difference of any number of any embedding."""
    return {"largest difference": float(np.abs(first - own).max(initial=0))}


def boxes(first: Sequence[Sequence[Detection]], own: Sequence[Sequence[Detection]]) -> Agreement:
    """How many of the first's boxes, image by image, have one of the contender's own on them, and how scores differ."""
    found = sum(len(detections) for detections in first)
    pairs = [pair for theirs, ours in zip(first, own, strict=True) for pair in _matched(theirs, ours)]
    return {
        "boxes": found,
        "matched": len(pairs),
        "more": sum(len(detections) for detections in own) - len(pairs),
        "score difference": max((abs(one.score - other.score) for one, other in pairs), default=0.0),
    }


def _matched(first: Sequence[Detection], own: Sequence[Detection]) -> list[tuple[Detection, Detection]]:
    """Pairs of boxes of one image that are the same face; each box is in one pair at most."""
    free, pairs = list(own), []
    for detection in first:
        best = max(free, key=lambda other: detection.box.overlap(other.box), default=None)
        if best is not None and detection.box.overlap(best.box) >= LEAST_OVERLAP:
            free.remove(best)
            pairs.append((detection, best))
    return pairs


def pictures(first: Sequence[RgbImage], own: Sequence[RgbImage]) -> Agreement:
    """How many frames there are, and by how many levels of 255 on average the most different pair of them differs.

    Two different pictures differ by tens. A few levels are the ways of making RGB: to OpenCV, a film that does not name
    its colours is BT.601 whatever its size, to players and to this program BT.709 from 720 rows on.
    """
    differences = [float(cv2.absdiff(one, other).mean()) for one, other in zip(first, own, strict=False)]
    return {"frames": len(own), "largest mean difference": max(differences, default=0.0)}


def faces(_first: int, own: int) -> Agreement:
    """How many faces were found."""
    return {"faces": own}
