"""Interlaced frames: pictures of two moments, woven line by line. What moved in between has combs.

Only the frame itself is looked at: a sample is often a key frame that was decoded alone. Where it shows no combs, both
fields are kept, so that what stands still stays as sharp as it was recorded. Elsewhere the lines of the upper field are
kept, and those between them are interpolated.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from models.faces import RgbImage

_INTERPOLATION: Final = np.array([[-981], [5077], [5077], [-981]], np.float32) / 8192
"""Weights of the four nearest lines of a field, as FFmpeg's bwdif has them for a frame without neighbours."""
_WINDOW: Final = 33, 9  # columns and lines of a field over which combs are judged: about as large as the smallest face
_LIKENESS: Final = 3, 4
"""A place has combs where neighbouring lines differ by more than this fraction of what lines two apart differ by. It is
one half where brightness runs evenly, one in white noise, and many where the two fields show different things."""
_VISIBLE: Final = 1  # level of 255; fainter combs stay
_LEAST_LINES: Final = 8


def without_combs(image: RgbImage) -> RgbImage:
    """The picture at the moment of the upper field, (height, width, 3), from a woven one of the same shape.

    The image is left as it is, and given back itself where it has no combs.
    """
    if image.shape[0] < _LEAST_LINES:
        return image
    combs = _combs(image)
    if not combs.any():
        return image
    whole = image.copy()
    # The line between lines k and k + 1 is made of k − 1 to k + 2.
    between = cv2.filter2D(whole[0::2], -1, _INTERPOLATION, anchor=(0, 1), borderType=cv2.BORDER_REPLICATE)
    lower = whole[1::2]
    cv2.copyTo(between[: len(lower)], combs.view(np.uint8), lower)
    return whole


def _combs(image: RgbImage) -> NDArray[np.bool_]:
    """(lines of the lower field, width): where they do not belong to the picture of the upper field.

    Green stands for brightness: it makes up most of it, and there is nothing to compute.
    """
    upper, lower = (np.asarray(cv2.extractChannel(image[first::2], 1), np.uint8) for first in (0, 1))
    lines = len(lower)
    above, below = upper[:lines], _next_lines(upper, lines)
    neighbours = cv2.add(cv2.absdiff(lower, above), cv2.absdiff(lower, below))
    own = cv2.add(cv2.absdiff(above, below), cv2.absdiff(lower, _next_lines(lower, lines)))
    share, of = _LIKENESS
    excess = cv2.blur(cv2.addWeighted(neighbours, of, own, -share, 0, dtype=cv2.CV_16S), _WINDOW)
    return np.asarray(excess > _VISIBLE * of)


def _next_lines(field: NDArray[np.uint8], lines: int) -> NDArray[np.uint8]:
    """Each line's successor; the last line has itself where there is none."""
    return np.concatenate([field[1:], field[-1:]])[:lines]
