"""Hashes of real photographs: they hardly change with size and compression, and are far from those of others."""

from itertools import combinations

import cv2
import numpy as np
import pytest
from PIL import Image

from demo.material import Material
from models.faces import RgbImage
from models.frame_hash import frame_hash, grey

NAMES = ("obama", "obama2", "obama3", "biden", "astronaut", "coffee", "rocket")


@pytest.fixture(scope="module")
def photographs(material: Material) -> dict[str, RgbImage]:
    found = {}
    for name in NAMES:
        with Image.open(getattr(material, name)) as opened:
            found[name] = np.asarray(opened.convert("RGB"))
    return found


def bits(one: RgbImage, other: RgbImage) -> int:
    return (frame_hash(grey(one)) ^ frame_hash(grey(other))).bit_count()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("scale", "quality"), [(1.0, 90), (1.0, 30), (0.5, 60), (0.25, 80), (1.5, 60)])
def test_a_copy_of_other_size_and_quality_is_near(
    name: str, scale: float, quality: int, photographs: dict[str, RgbImage]
) -> None:
    resized = cv2.resize(photographs[name], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    file = cv2.imencode(".jpg", resized, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    copy = np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), np.uint8)
    assert bits(photographs[name], copy) <= 4


def test_other_pictures_are_far(photographs: dict[str, RgbImage]) -> None:
    for one, other in combinations(NAMES, 2):
        assert bits(photographs[one], photographs[other]) > 12, (one, other)


def test_a_mirrored_picture_is_another_one(photographs: dict[str, RgbImage]) -> None:
    for image in photographs.values():
        assert bits(image, np.ascontiguousarray(image[:, ::-1])) > 12


def test_light_and_contrast_do_not_matter(photographs: dict[str, RgbImage]) -> None:
    for image in photographs.values():
        darker = (image * 0.7 + 20).astype(np.uint8)
        assert bits(image, darker) <= 4


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (2000, 3), (32, 32)])
def test_any_shape_has_a_hash(shape: tuple[int, int]) -> None:
    picture = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    assert 0 <= frame_hash(picture) < 2**64
    assert frame_hash(picture) == frame_hash(picture.copy())
