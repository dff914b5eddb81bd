"""Perceptual hashes of frames: 64 bits of which few change when a picture is compressed anew, scaled or marked.

The discrete cosine transform of a small grey picture, of which the sign of the low frequencies against their median is
kept (C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010, section 3.2.1). Equal
hashes are no proof: a picture has more than 64 bits.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from models.faces import RgbImage

Grey = NDArray[np.uint8]
"""(height, width), grey levels 0–255."""

_EDGE = 32
_FREQUENCIES = slice(1, 9)
"""Without the zeroth: means of rows and columns tell of borders and light, not of what is seen."""


def grey(image: RgbImage) -> Grey:
    """The grey levels of an image (ITU-R BT.601)."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)


def frame_hash(picture: Grey) -> int:
    """The hash of a picture of any shape, 0 to 2⁶⁴ - 1. That of a flat one tells of its noise: do not compare it."""
    small = cv2.resize(picture, (_EDGE, _EDGE), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = np.asarray(cv2.dct(small))[_FREQUENCIES, _FREQUENCIES].ravel()
    return int.from_bytes(np.packbits(low > np.median(low)).tobytes(), "big")
