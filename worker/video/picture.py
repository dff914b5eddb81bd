"""From a decoded frame to a picture that people would recognise: upright, square pixels, true colours, no combs."""

import struct
from collections.abc import Mapping
from fractions import Fraction
from math import isqrt
from typing import Final, cast

import av.error
import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, Colorspace, Interpolation

from db.facts import VideoFacts
from models.faces import RgbImage
from worker.video.fields import without_combs
from worker.video.opening import LARGEST_PICTURE
from worker.video.tone import HIGH_RANGE, to_ordinary

_CONVERSION: Final = Interpolation.BICUBIC
"""Of sizes. Colours go the fast way: exact rounding would take ten times as long, to gain one level of 255."""
_MATRICES: Final = frozenset({1, 4, 5, 6, 7, 9})
"""AVCOL_SPC_*, the tags that name a matrix which FFmpeg converts; it refuses others, even those that mean nothing."""
_CONSTANT_LUMINANCE: Final = 10  # AVCOL_SPC_BT2020_CL, which FFmpeg does not convert; the ordinary BT.2020 comes close
_HIGH_DEFINITION: Final = 720  # rows from which players take an untagged picture as BT.709, below as BT.601
_WIDE: Final = frozenset({ColorPrimaries.BT2020, ColorPrimaries.UNSPECIFIED})
"""Primaries that make a picture of high dynamic range one of BT.2020, as players take it."""
_SQUARE: Final = Fraction(1)
_LARGEST_ASPECT: Final = Fraction(4)
"""A pixel with sides of a larger ratio is a mistake of the file, and taken as square."""
_CLOCKWISE: Final = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
_UPSIDE_DOWN: Final = 0  # of cv2.flip


def to_rgb(picture: VideoFrame, facts: VideoFacts) -> RgbImage:
    """The picture upright, in square pixels, (`facts.height`, `facts.width`, 3), RGB of full range.

    The conversion honours what the frame says of its range and its matrix (untagged is BT.709 from 720 rows on and
    BT.601 below, as players take it), shows high dynamic range as an ordinary picture, takes the combs out of an
    interlaced frame, and scales a picture whose size changed midway. That a picture is mirrored the frame says itself:
    the facts tell the angle only.

    Raises:
        ValueError: the format or the size cannot be converted. `probe` has tried the first picture; others may differ.
    """
    sideways = facts.rotation in (90, 270)
    image = _converted(picture, *((facts.height, facts.width) if sideways else (facts.width, facts.height)))
    if _is_mirrored(picture):
        # The angle is that of the picture's rows (FFmpeg takes it from them): so what is mirrored are its columns.
        image = np.asarray(cv2.flip(image, _UPSIDE_DOWN), np.uint8)
    if facts.rotation:
        image = np.asarray(cv2.rotate(image, _CLOCKWISE[facts.rotation]), np.uint8)
    return np.ascontiguousarray(image, dtype=np.uint8)


def upright_shape(picture: VideoFrame, aspect: Fraction | None) -> tuple[int, int, int]:
    """Width and height of the picture as it is displayed, and the degrees clockwise that turn it upright.

    Pixels that are not square are stretched, not squeezed, so that none is lost; but a picture that would become larger
    than any that is decoded is scaled down to that. `aspect`: width of a pixel over its height.
    """
    width, height = picture.width, picture.height
    if aspect and 1 / _LARGEST_ASPECT <= aspect <= _LARGEST_ASPECT:
        width, height = round(width * max(_SQUARE, aspect)), round(height / min(_SQUARE, aspect))
    if width * height > LARGEST_PICTURE:
        width, height = isqrt(LARGEST_PICTURE * width // height), isqrt(LARGEST_PICTURE * height // width)
    # FFmpeg gives the angle counter-clockwise, and of a matrix that turns to nowhere (all zeros) no angle at all.
    angle = picture.rotation if abs(picture.rotation) <= 180 else 0
    rotation = round(-angle / 90) * 90 % 360
    return (height, width, rotation) if rotation in (90, 270) else (width, height, rotation)


def _converted(picture: VideoFrame, width: int, height: int) -> RgbImage:
    """The picture in ordinary colours, scaled, but not turned."""
    high_range = picture.color_trc in HIGH_RANGE
    interlaced = picture.interlaced_frame
    # Scaled before its fields are one picture, a frame would mix the lines of either.
    try:
        pixels = picture.reformat(
            width=None if interlaced else width,
            height=None if interlaced else height,
            format="rgb48le" if high_range else "rgb24",
            src_colorspace=None if picture.colorspace in _MATRICES else _guess(picture, high_range),
            interpolation=_CONVERSION,
            threads=1,
        ).to_ndarray()
    except MemoryError:
        raise
    except av.error.FFmpegError as error:
        raise ValueError(f"{picture.format.name} of {picture.width} × {picture.height} pixels") from error
    if high_range:
        wide = picture.color_primaries in _WIDE
        pixels = to_ordinary(np.asarray(pixels, np.uint16), picture.color_trc, wide=wide)
    image = np.asarray(pixels, np.uint8)
    return _scaled(without_combs(image), width, height) if interlaced else image


def _guess(picture: VideoFrame, high_range: bool) -> Colorspace:
    """The matrix of a picture that does not name one."""
    if high_range or picture.colorspace == _CONSTANT_LUMINANCE:
        return Colorspace.BT2020
    return Colorspace.ITU709 if picture.height >= _HIGH_DEFINITION else Colorspace.ITU601


def _scaled(image: RgbImage, width: int, height: int) -> RgbImage:
    if image.shape[:2] == (height, width):
        return image
    smaller = image.shape[0] > height or image.shape[1] > width
    kernel = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (width, height), interpolation=kernel), np.uint8)


def _is_mirrored(picture: VideoFrame) -> bool:
    """Whether the frame's display matrix mirrors it, whatever else it does."""
    try:
        # PyAV types it as something else than the mapping that it is.
        found = cast("Mapping[str, object]", picture.side_data).get("DISPLAYMATRIX")
    except ValueError:
        # PyAV stumbles over kinds of side data that are newer than itself.
        return False
    if found is None:
        return False
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(cast("bytes", found)))
    return bool(a * d < b * c)
