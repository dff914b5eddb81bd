"""Which sampled frames carry nothing: flat ones, and those unchanged since the last one that was analysed.

Frames are compared as small grey pictures, each pixel the mean of the area that it stands for: noise and the blocks of
compression are averaged away there, a face is not. Both measures look for the most telling part of the picture instead
of its mean, because a face in the dark, or a small one that enters a still scene, moves the mean by less than noise.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from db.schema import SampleOutcome
from models.faces import RgbImage

GreyPicture = NDArray[np.float32]
"""(90, 160), grey levels 0–255."""

_WIDTH: Final = 160
_HEIGHT: Final = 90
_DEVIATION_TILE: Final = 10
"""Pixels of the small picture: 120 of a frame 1,920 wide. Must hold more than a face, to see its contrast."""
_DIFFERENCE_TILE: Final = 5
"""Pixels of the small picture: 60 of a frame 1,920 wide. A small face should fill it, so as not to be diluted."""


class Gate:
    """Judges the frames of one segment in order, and remembers the last that was to be analysed.

    Args:
        flat_deviation: grey levels; a frame in no part of which the levels deviate that much is flat.
        unchanged_difference: grey levels; a frame no part of which differs by more (root mean square) is unchanged.
    """

    def __init__(self, flat_deviation: float, unchanged_difference: float) -> None:
        self._flat_deviation = flat_deviation
        self._unchanged_difference = unchanged_difference
        self._analysed: GreyPicture | None = None

    def judge(self, image: RgbImage) -> SampleOutcome:
        """FLAT, CARRIED (nothing has changed since the last frame that was ANALYSED), or ANALYSED.

        The comparison is with the last frame for which the answer was ANALYSED, and never with the one before: a slow
        drift adds up until it is seen. Flat frames in between do not change that, and show nobody.
        """
        picture = reduce(image)
        if largest_deviation(picture) < self._flat_deviation:
            return SampleOutcome.FLAT
        if self._analysed is not None and largest_difference(self._analysed, picture) <= self._unchanged_difference:
            return SampleOutcome.CARRIED
        self._analysed = picture
        return SampleOutcome.ANALYSED


def reduce(image: RgbImage) -> GreyPicture:
    """The small grey picture of a frame, whatever its shape."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return cv2.resize(grey, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32)


def largest_deviation(picture: GreyPicture) -> float:
    """Standard deviation of the grey levels inside the tile where it is largest."""
    return float(_tiles(picture, _DEVIATION_TILE).std(axis=(1, 3)).max())


def largest_difference(before: GreyPicture, after: GreyPicture) -> float:
    """Root mean square of the differences inside the tile where it is largest."""
    return float(np.sqrt(_tiles((before - after) ** 2, _DIFFERENCE_TILE).mean(axis=(1, 3)).max()))


def _tiles(picture: GreyPicture, edge: int) -> GreyPicture:
    """(rows of tiles, edge, columns of tiles, edge)."""
    return picture.reshape(_HEIGHT // edge, edge, _WIDTH // edge, edge)
