"""Which parts of small pictures differ, and whether a face is the same."""

from itertools import permutations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from demo.material import Material
from models.faces import Box
from models.frame_hash import Grey, grey
from models.frame_likeness import changed, compare, decoded, face_difference, halved, reduced, shape_of_picture, to_png

LIMIT = 4.5


def noise(shape: tuple[int, int], seed: int = 1) -> Grey:
    return np.random.default_rng(seed).integers(40, 200, shape, np.uint8)


def test_the_smallest_face_fills_three_cells() -> None:
    assert shape_of_picture(1080, 1920, 80) == (36, 64)
    assert shape_of_picture(2160, 3840, 160) == (36, 64)
    assert shape_of_picture(2160, 3840, 80) == (72, 128)
    assert shape_of_picture(1920, 1080, 80) == (64, 36)
    assert shape_of_picture(1, 1, 80) == (9, 16)


@given(st.integers(1, 5000), st.integers(1, 5000), st.floats(20, 400))
def test_a_copy_of_another_size_is_cut_at_the_same_places(height: int, width: int, smallest: float) -> None:
    (rows, columns), (fewer, less) = (shape_of_picture(height, width, face) for face in (smallest, 1.7 * smallest))
    assert rows % fewer == columns % less == 0
    assert (rows > columns) == (height > width)
    across = max(3 * height / smallest / rows, 3 * width / smallest / columns)
    assert across <= 2**0.5 * 1.0001


def test_a_picture_comes_back_from_its_file() -> None:
    picture = noise((40, 72))
    assert np.array_equal(decoded(to_png(picture)), picture)


@given(
    top=st.integers(0, 30), left=st.integers(0, 60), rows=st.integers(1, 8), columns=st.integers(1, 8),
    step=st.integers(20, 55),
)  # fmt: skip
def test_what_has_changed_lies_in_the_box(top: int, left: int, rows: int, columns: int, step: int) -> None:
    before = noise((40, 72))
    after = before.copy()
    after[top : top + rows, left : left + columns] += np.uint8(step)
    box = changed(before, after, LIMIT)
    assert box is not None
    assert box.left <= left
    assert box.top <= top
    assert box.right >= min(72, left + columns)
    assert box.bottom >= min(40, top + rows)
    # A window reaches one cell beyond what differs, the box one beyond the window.
    assert (box.right - box.left) * (box.bottom - box.top) <= (rows + 4) * (columns + 4)


def test_noise_of_compression_is_no_change() -> None:
    before = noise((40, 72))
    wobble = np.random.default_rng(2).normal(0, 2, before.shape)
    assert changed(before, np.clip(before + wobble, 0, 255).astype(np.uint8), LIMIT) is None


def test_one_is_the_other_but_for_a_small_part() -> None:
    before = noise((40, 72))
    marked, other = before.copy(), before.copy()
    marked[2:8, 60:70] = 255
    other[5:35, 10:60] = 255
    assert compare(before, before, LIMIT).is_same
    assert compare(before, marked, LIMIT).is_same
    assert not compare(before, other, LIMIT).is_same
    assert not compare(before, noise((40, 72), 3), LIMIT).is_same


def test_pictures_of_other_shapes_are_compared_at_the_smaller_one() -> None:
    fine = noise((72, 128))
    assert compare(fine, reduced(fine, (18, 32)), LIMIT).is_same
    assert compare(reduced(fine, (36, 64)), fine, LIMIT).is_same


@pytest.fixture(scope="module")
def faces(material: Material) -> dict[str, Grey]:
    boxes = {"obama": (381, 148, 614, 382), "obama3": (644, 303, 922, 582), "biden": (438, 214, 773, 550)}
    found = {}
    for name, (left, top, right, bottom) in boxes.items():
        with Image.open(getattr(material, name)) as opened:
            found[name] = grey(np.asarray(opened.convert("RGB")))[top:bottom, left:right]
    return found


def test_a_face_that_was_scaled_and_compressed_is_the_same(faces: dict[str, Grey]) -> None:
    for face in faces.values():
        small = cv2.resize(face, (60, 60), interpolation=cv2.INTER_AREA)
        file = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 60])[1].tobytes()
        assert face_difference(face, decoded(file)) < 0.1


def test_other_people_and_other_pictures_of_one_person_are_not_the_same(faces: dict[str, Grey]) -> None:
    for (one, first), (other, second) in permutations(faces.items(), 2):
        assert face_difference(first, second) > 0.4, (one, other)


def test_nothing_is_the_same_as_a_face_without_contrast() -> None:
    assert face_difference(np.full((30, 30), 90, np.uint8), np.full((30, 30), 90, np.uint8)) == float("inf")


def test_the_box_ends_with_the_picture() -> None:
    before = noise((12, 20))
    assert changed(before, 255 - before, LIMIT) == Box(0, 0, 20, 12)


@given(st.integers(1, 700), st.integers(1, 700), st.integers(1, 300))
def test_halving_ends_above_the_least_edge(height: int, width: int, least: int) -> None:
    made = halved(np.full((height, width), 77, np.uint8), least)
    assert (made == 77).all()
    assert min(made.shape) >= min(least, height, width)
    assert min(made.shape) // 2 < least or min(made.shape) == 1
