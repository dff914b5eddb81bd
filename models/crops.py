"""Pictures of faces as they are kept: with some surroundings, small, and where the landmarks lie in them.

People look at them, and another embedder can be tried on them without the video or the photograph.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from models.faces import Box, Landmarks, RgbImage
from models.scaling import points_in

_MARGIN = 0.35
_EDGE = 160
_JPEG_QUALITY = 85
_ROUNDED = 1.5
"""Pixels by which an area may differ from that of which a crop was made: boxes are whole pixels of several frames."""


@dataclass(frozen=True, slots=True, eq=False)
class FacePicture:
    """A kept crop and the landmarks of its face. Personal data: `repr` leaves both out.

    Args:
        jpeg: the crop.
        landmarks: in pixels of the frame that the crop was cut from.
        area: what the crop shows of that frame; None where the landmarks are in pixels of the crop itself.
    """

    jpeg: bytes
    landmarks: Landmarks
    area: Box | None = None

    def __repr__(self) -> str:
        return f"FacePicture(area={self.area})"

    def opened(self) -> tuple[RgbImage, Landmarks] | None:
        """The crop and the landmarks in its pixels; None where it is no picture, or not one of that area."""
        read = cv2.imdecode(np.frombuffer(self.jpeg, np.uint8), cv2.IMREAD_COLOR) if self.jpeg else None
        if read is None:
            return None
        crop = np.asarray(cv2.cvtColor(read, cv2.COLOR_BGR2RGB), np.uint8)
        if self.area is None:
            return crop, self.landmarks
        return (crop, placed(self.landmarks, self.area, crop)) if _shows(crop, self.area) else None

    def alone(self) -> "FacePicture | None":
        """The same with its landmarks in its own pixels, which needs nothing else; None where it is no such picture."""
        opened = self.opened()
        return None if opened is None else FacePicture(self.jpeg, opened[1])


def crop(image: RgbImage, box: Box) -> bytes:
    """A JPEG of a face with some of its surroundings, longer edge at most 160 px."""
    area = crop_area(box, *image.shape[:2])
    cut = cv2.cvtColor(image[area.top : area.bottom, area.left : area.right], cv2.COLOR_RGB2BGR)
    scale = _EDGE / max(cut.shape[:2])
    if scale < 1:
        cut = cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", cut, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return jpeg.tobytes()


def crop_area(box: Box, height: int, width: int) -> Box:
    """What the crop of a face shows of a frame of this size."""
    dx, dy = round(box.width * _MARGIN), round(box.height * _MARGIN)
    return box.grown(dx, dy).inside(height, width)


def kept_picture(image: RgbImage, box: Box, landmarks: Landmarks) -> FacePicture | None:
    """The crop of a face with its landmarks in the crop's own pixels: it needs nothing else to be embedded again."""
    return FacePicture(crop(image, box), landmarks, crop_area(box, *image.shape[:2])).alone()


def placed(landmarks: Landmarks, area: Box, crop: RgbImage) -> Landmarks:
    """Landmarks of a frame in pixels of the crop that shows an area of it."""
    rows, columns = crop.shape[:2]
    factors = np.array([columns / area.width, rows / area.height])
    return np.asarray(points_in(landmarks, (area.left, area.top), factors), np.float32)


def _shows(crop: RgbImage, area: Box) -> bool:
    """Whether a crop has the shape of an area."""
    rows, columns = crop.shape[:2]
    if min(area.width, area.height) <= 0:
        return False
    scale = max(rows, columns) / max(area.width, area.height)
    off = max(abs(area.width * scale - columns), abs(area.height * scale - rows))
    return bool(off <= 1 + _ROUNDED * scale)
