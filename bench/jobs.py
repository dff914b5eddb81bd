"""What the interpreter of another dlib build does: the same calls as in the first one, on inputs that lie in files."""

from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bench import reference
from models.dlib_engines import CnnDetector, DlibEmbedder
from models.faces import Embeddings


def embed(chips: str) -> Embeddings:
    """Embeddings of the chips in a file."""
    return DlibEmbedder(mirror=False).embed(_array(chips))


def detect(frames: str, smallest: int) -> list[list[list[float]]]:
    """For each frame in a file its faces: left, top, right, bottom, score."""
    found = (CnnDetector(smallest).detect(frame) for frame in _array(frames))
    return [
        [[each.box.left, each.box.top, each.box.right, each.box.bottom, each.score] for each in faces]
        for faces in found
    ]


def count_faces(film: str, model: str, seconds: float | None) -> int:
    """As `reference.count_faces`."""
    cv2.setNumThreads(1)
    return reference.count_faces(Path(film), model, seconds)


@cache
def _array(path: str) -> NDArray[Any]:
    # Kept: that inputs come by way of files is no part of the work.
    return np.asarray(np.load(path, allow_pickle=False))
