"""From a decoded frame to a picture that people would recognise: upright, square pixels, true colours."""

from fractions import Fraction
from typing import Final

import av.error
import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, Interpolation

from db.facts import VideoFacts
from models.faces import RgbImage

_CONVERSION: Final = Interpolation.BICUBIC
"""Of sizes. Colours go the fast way: exact rounding would take ten times as long, to gain one level of 255."""
_UNSPECIFIED: Final = 2  # AVCOL_SPC_UNSPECIFIED
_HIGH_DEFINITION: Final = 720  # rows from which players take an untagged picture as BT.709, below as BT.601
_SQUARE: Final = Fraction(1)
_LARGEST_ASPECT: Final = Fraction(
    4
)  # a pixel with sides of a larger ratio is a mistake of the file, and taken as square
_CLOCKWISE: Final = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


def to_rgb(picture: VideoFrame, facts: VideoFacts) -> RgbImage:
    """The picture upright, in square pixels, (`facts.height`, `facts.width`, 3), RGB of full range.

    The conversion honours what the frame says of its range and its matrix (untagged is BT.709 from 720 rows on and
    BT.601 below, as players take it), and scales a picture whose size changed midway.

    Raises:
        ValueError: the format or the size cannot be converted. `probe` has tried the first picture; others may differ.
    """
    sideways = facts.rotation in (90, 270)
    width, height = (facts.height, facts.width) if sideways else (facts.width, facts.height)
    guess = Colorspace.ITU709 if picture.height >= _HIGH_DEFINITION else Colorspace.ITU601
    try:
        converted = picture.reformat(
            width=width,
            height=height,
            format="rgb24",
            src_colorspace=guess if picture.colorspace == _UNSPECIFIED else None,
            interpolation=_CONVERSION,
            threads=1,
        ).to_ndarray()
    except MemoryError:
        raise
    except av.error.FFmpegError as error:
        raise ValueError(f"{picture.format.name} of {picture.width} × {picture.height} pixels") from error
    image = converted if facts.rotation == 0 else cv2.rotate(converted, _CLOCKWISE[facts.rotation])
    return np.ascontiguousarray(image, dtype=np.uint8)


def upright_shape(picture: VideoFrame, aspect: Fraction | None) -> tuple[int, int, int]:
    """Width and height of the picture as it is displayed, and the degrees clockwise that turn it upright.

    Pixels that are not square are stretched, never squeezed, so that none is lost. `aspect`: width of a pixel over its
    height.
    """
    width, height = picture.width, picture.height
    if aspect and 1 / _LARGEST_ASPECT <= aspect <= _LARGEST_ASPECT:
        width, height = round(width * max(_SQUARE, aspect)), round(height / min(_SQUARE, aspect))
    # FFmpeg gives the angle counter-clockwise, and of a matrix that turns to nowhere (all zeros) no angle at all.
    angle = picture.rotation if abs(picture.rotation) <= 180 else 0
    rotation = round(-angle / 90) * 90 % 360
    return (height, width, rotation) if rotation in (90, 270) else (width, height, rotation)
