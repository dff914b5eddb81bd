"""Kept pictures of faces: what they show, and where the landmarks are in them."""

import cv2
import numpy as np
import pytest

from models.crops import FacePicture, crop, crop_area, kept_picture
from models.faces import Box, Landmarks, RgbImage


def dots(image: RgbImage, landmarks: Landmarks, radius: int) -> RgbImage:
    """The picture with a white disc at each landmark."""
    drawn = image.copy()
    for x, y in landmarks:
        cv2.circle(drawn, (round(float(x)), round(float(y))), radius, (255, 255, 255), -1)
    return drawn


def middle_of_disc(image: RgbImage, near: Landmarks, reach: int) -> Landmarks:
    left, top = (max(0, int(edge) - reach) for edge in near)
    part = image[top : top + 2 * reach, left : left + 2 * reach].astype(np.float64).mean(axis=2)
    weights = np.clip(part - 60, 0, None)
    rows, columns = np.indices(part.shape)
    middle = [(weights * axis).sum() / weights.sum() for axis in (columns, rows)]
    return np.array([left + middle[0], top + middle[1]], np.float32)


@pytest.mark.parametrize(
    "box", [Box(300, 200, 700, 600), Box(50, 60, 130, 150), Box(-30, -20, 220, 240), Box(800, 500, 1010, 720)]
)
def test_landmarks_are_found_in_the_crop_where_they_were_in_the_frame(box: Box) -> None:
    inside = box.inside(720, 1000)
    corner, size = np.array([inside.left, inside.top]), np.array([inside.width, inside.height])
    places = np.array([[0.8, 0.2], [0.5, 0.2], [0.2, 0.2], [0.3, 0.8], [0.6, 0.6]])
    landmarks = np.round(corner + places * size).astype(np.float32)
    image = dots(np.full((720, 1000, 3), 20, np.uint8), landmarks, max(3, inside.width // 25))
    opened = FacePicture(crop(image, box), landmarks, crop_area(box, 720, 1000)).opened()
    assert opened is not None
    shown, moved = opened
    for point in moved:
        assert np.abs(middle_of_disc(shown, point, 9) - point).max() < 0.6
    kept = kept_picture(image, box, landmarks)
    assert kept is not None
    assert kept.area is None
    again = kept.opened()
    assert again is not None
    np.testing.assert_array_equal(again[1], moved)


def test_what_is_no_picture_of_the_area_is_not_opened() -> None:
    landmarks = np.full((5, 2), 60, np.float32)
    box = Box(10, 20, 110, 120)
    good = crop(np.full((360, 640, 3), 90, np.uint8), box)
    assert FacePicture(good, landmarks, crop_area(box, 360, 640)).opened() is not None
    assert FacePicture(good, landmarks, crop_area(Box(10, 20, 110, 150), 360, 640)).opened() is None
    assert FacePicture(good, landmarks, Box(9, 9, 9, 9)).opened() is None
    for damaged in (b"", b"jpeg", good[:100]):
        assert FacePicture(damaged, landmarks, crop_area(box, 360, 640)).opened() is None


def test_the_crop_of_a_smaller_copy_of_the_frame_is_of_its_area_too() -> None:
    image = np.random.default_rng(1).integers(0, 256, (1080, 1920, 3), np.uint8)
    box = Box(333, 211, 467, 349)
    kept = crop(image, box)
    for width, height in ((1280, 720), (640, 360), (568, 320)):
        smaller = box.scaled(width / 1920, height / 1080)
        landmarks = np.full((5, 2), 200, np.float32)
        assert FacePicture(kept, landmarks, crop_area(smaller, height, width)).opened() is not None


def test_a_picture_shows_nothing_of_itself() -> None:
    assert "jpeg" not in repr(FacePicture(b"jpeg", np.ones((5, 2), np.float32)))
