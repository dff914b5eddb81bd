"""Which sampled frames carry nothing: flat ones, and those unchanged since the last one that was analysed."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from db.schema import SampleOutcome
from models.faces import RgbImage

_WIDTH: Final = 160
_HEIGHT: Final = 90
_TILE: Final = 10


class Gate:
    """Judges the frames of one segment in order, and remembers the last that was to be analysed.

    Args:
        flat_deviation: grey levels; a frame whose levels deviate less, as a whole and in every part, is flat.
        unchanged_difference: grey levels; a frame none of whose tiles differs more (root mean square) is unchanged.
    """

    def __init__(self, flat_deviation: float, unchanged_difference: float) -> None:
        self._flat_deviation = flat_deviation
        self._unchanged_difference = unchanged_difference
        self._analysed: NDArray[np.float32] | None = None

    def judge(self, image: RgbImage) -> SampleOutcome:
        """FLAT, CARRIED (nothing changed since the last frame that was ANALYSED) or ANALYSED.

        The comparison is always with the last analysed frame and never with the one before, so that a slow drift cannot
        creep past; flat frames in between do not change that.
        """
        reduced = reduce(image)
        if flatness(reduced) < self._flat_deviation:
            return SampleOutcome.FLAT
        if self._analysed is not None and change(self._analysed, reduced) <= self._unchanged_difference:
            return SampleOutcome.CARRIED
        self._analysed = reduced
        return SampleOutcome.ANALYSED


def reduce(image: RgbImage) -> NDArray[np.float32]:
    """The picture in grey, 90 × 160, each pixel the mean of the area it stands for: noise is gone, content is not."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return cv2.resize(grey, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32)


def flatness(reduced: NDArray[np.float32]) -> float:
    return float(reduced.std())


def change(before: NDArray[np.float32], after: NDArray[np.float32]) -> float:
    squares = (before - after) ** 2
    tiles = squares.reshape(_HEIGHT // _TILE, _TILE, _WIDTH // _TILE, _TILE).mean(axis=(1, 3))
    return float(np.sqrt(tiles.max()))
