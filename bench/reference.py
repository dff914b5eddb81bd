"""What people do today: face_recognition, as its own example for video files does it."""

import importlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
from PIL import ImageFile

from models.faces import RgbImage

INTERVAL_MS = 6000
"""Between two frames that are looked at."""


def count_faces(path: Path, model: str, seconds: float | None) -> int:
    """Find and embed the faces of a video, one frame per interval; how many.

    Args:
        path: the file.
        model: `hog` or `cnn`.
        seconds: how much of it; None means all.
    """
    package = face_recognition()
    count = 0
    for frame in every_nth_frame(path, seconds):
        # The CNN takes 1 GB per million pixels: its own upsampling of 1080p would need 8 GB.
        boxes = package.face_locations(frame, number_of_times_to_upsample=0, model=model)
        count += len(package.face_encodings(frame, boxes))
    return count


def every_nth_frame(path: Path, seconds: float | None = None) -> Iterator[RgbImage]:
    """Every frame is decoded, one in so many is kept, up to `seconds`."""
    capture = cv2.VideoCapture(str(path))
    try:
        rate = capture.get(cv2.CAP_PROP_FPS)
        step = round(rate * INTERVAL_MS / 1000)
        number = 0
        while (seconds is None or number < seconds * rate) and capture.grab():
            if number % step == 0:
                _, picture = capture.retrieve()
                yield np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)
            number += 1
    finally:
        capture.release()


@cache
def face_recognition() -> ModuleType:
    """The package, imported late: it loads all of its networks at once.

    Importing it makes Pillow take truncated files everywhere in the process; that is undone.
    """
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    package = importlib.import_module("face_recognition")
    ImageFile.LOAD_TRUNCATED_IMAGES = before
    return package
