"""What one scene of the demo's film shows: a camera moving over a photograph, two of them, a recording, or black.

A shot loads its picture when its first frame is asked for, so a list of shots costs nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, cycle, islice, repeat
from pathlib import Path
from typing import Protocol

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

RgbImage = NDArray[np.uint8]
"""(height, width, 3), RGB."""

Size = tuple[int, int]
"""Width, height in pixels."""


class Shot(Protocol):
    """Gives the frames of a scene."""

    def frames(self, size: Size, count: int) -> Iterator[RgbImage]:
        """`count` frames of this size."""
        ...


@dataclass(frozen=True, slots=True)
class Window:
    """What the camera sees of a photograph: centre and height in its pixels; the width follows the film's."""

    x: float
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Move:
    """A pan and zoom over a photograph (the 'Ken Burns effect'), gentle at both ends.

    Where the camera sees beyond the photograph, a dark and heavily blurred copy of it fills the frame.
    """

    photograph: Path
    start: Window
    end: Window
    still: float = 0.0
    """Share of the scene, at its end, in which the camera stands still: every frame is the same picture."""

    def frames(self, size: Size, count: int) -> Iterator[RgbImage]:
        """The camera's way in `count` frames."""
        scale = size[1] / min(self.start.height, self.end.height)
        picture = _resized(_read(self.photograph), scale)
        backdrop = _backdrop(picture, size)
        moving = max(2, round(count * (1 - self.still)))
        for index in range(moving):
            way = _eased(index / (moving - 1))
            frame = _seen(picture, scale, self._window(way), size, backdrop)
            yield frame
        yield from repeat(frame, count - moving)

    def _window(self, way: float) -> Window:
        first, last = self.start, self.end
        return Window(
            x=first.x + way * (last.x - first.x),
            y=first.y + way * (last.y - first.y),
            # A zoom looks even when each frame magnifies by the same factor.
            height=first.height * (last.height / first.height) ** way,
        )


@dataclass(frozen=True, slots=True)
class Beside:
    """Two shots in the two halves of the frame."""

    left: Shot
    right: Shot

    def frames(self, size: Size, count: int) -> Iterator[RgbImage]:
        """Both at once."""
        half = (size[0] // 2, size[1])
        pairs = zip(self.left.frames(half, count), self.right.frames(half, count), strict=True)
        return (np.hstack(pair) for pair in pairs)


@dataclass(frozen=True, slots=True)
class Recording:
    """Frames `first` to `last` of a video, forward and backward in turn."""

    video: Path
    first: int
    last: int

    def frames(self, size: Size, count: int) -> Iterator[RgbImage]:
        """The recording as high as the frame, blurred at its sides."""
        forward = [_fitted(picture, size) for picture in recorded(self.video, self.first, self.last)]
        return islice(cycle(chain(forward, forward[-2:0:-1])), count)


@dataclass(frozen=True, slots=True)
class Black:
    """Nothing."""

    def frames(self, size: Size, count: int) -> Iterator[RgbImage]:
        """Black frames."""
        black = np.zeros((size[1], size[0], 3), np.uint8)
        return (black for _ in range(count))


def recorded(video: Path, first: int, last: int) -> list[RgbImage]:
    """Frames `first` to `last` (counted from 0, both included) of a video."""
    with av.open(str(video)) as container:
        chosen = islice(container.decode(video=0), first, last + 1)
        return [frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False) for frame in chosen]


def _read(photograph: Path) -> RgbImage:
    with Image.open(photograph) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def _resized(picture: RgbImage, scale: float) -> RgbImage:
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(picture, None, fx=scale, fy=scale, interpolation=way).astype(np.uint8, copy=False)


def _backdrop(picture: RgbImage, size: Size) -> RgbImage:
    # Blurred while it is small: the same look for a fraction of the time.
    small = cv2.GaussianBlur(cv2.resize(picture, (64, 36), interpolation=cv2.INTER_AREA), (0, 0), 4)
    return (cv2.resize(small, size, interpolation=cv2.INTER_CUBIC) * 0.45).astype(np.uint8)


def _seen(picture: RgbImage, scale: float, window: Window, size: Size, backdrop: RgbImage) -> RgbImage:
    """The window's content. `picture` is the photograph times `scale`; moves are finer than a pixel."""
    zoom = size[1] / (window.height * scale)
    matrix = np.array(
        [
            [zoom, 0.0, size[0] / 2 - zoom * scale * window.x],
            [0.0, zoom, size[1] / 2 - zoom * scale * window.y],
        ]
    )
    frame = backdrop.copy()
    cv2.warpAffine(picture, matrix, size, dst=frame, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT)
    return frame


def _fitted(picture: RgbImage, size: Size) -> RgbImage:
    height, width = picture.shape[:2]
    return _seen(
        _resized(picture, size[1] / height), size[1] / height, Window(width / 2, height / 2, height), size,
        _backdrop(picture, size),
    )  # fmt: skip


def _eased(way: float) -> float:
    """Smoothstep: begins and ends without a jerk."""
    return way * way * (3 - 2 * way)
