"""Chips cut along landmarks: as dlib cuts them, and as other networks want them."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.embedder_file import EmbedderFile
from models.alignment import Alignment, alignment_of, arcface_alignment, dlib_alignment, similarity
from models.dlib_engines import DlibAligner
from models.faces import Landmarks, RgbImage
from models.onnx_engines import MmodDetector, OnnxEmbedder

DLIB = dlib_alignment(150, 0.25)


@given(
    angle=st.floats(-3.1, 3.1),
    scale=st.floats(0.05, 20),
    shift=st.tuples(st.floats(-500, 500), st.floats(-500, 500)),
)
def test_a_similarity_is_found_again(angle: float, scale: float, shift: tuple[float, float]) -> None:
    turned = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = DLIB.points @ turned.T + shift
    np.testing.assert_allclose(
        similarity(DLIB.points, moved), np.column_stack([turned, shift]), atol=1e-6 * scale * 150
    )


def test_a_mirrored_face_is_not_mirrored_back() -> None:
    mirrored = DLIB.points * [-1, 1]
    assert np.linalg.det(similarity(mirrored, DLIB.points)[:, :2]) > 0


def test_points_that_are_all_one_do_no_harm() -> None:
    chip = DLIB.cut(np.full((50, 50, 3), 9, np.uint8), np.full((5, 2), 7, np.float32))
    assert chip.shape == (150, 150, 3)


def test_dlibs_chips_are_cut_as_dlib_cuts_them(portraits: dict[str, RgbImage]) -> None:
    for name, image in portraits.items():
        (landmarks,), (chip,) = DlibAligner().align(image, [MmodDetector(80).detect(image)[0].box])
        ours = DLIB.cut(image, landmarks)
        off = Alignment(150, DLIB.points + 0.5).cut(image, landmarks)
        moved = OnnxEmbedder(mirror=True).embed(np.stack([chip, ours, off]))
        distances = np.linalg.norm(moved[1:] - moved[0], axis=1)
        assert distances[0] < min(0.06, distances[1]), name


def test_arcface_has_the_eyes_where_its_frame_has_them() -> None:
    for edge in (112, 224):
        points = arcface_alignment(edge).points * 112 / edge
        right, left = points[0:2].mean(axis=0), points[2:4].mean(axis=0)
        np.testing.assert_allclose(np.array([right, left]), [[73.5318, 51.5014], [38.2946, 51.6963]], atol=0.01)
        # The base of the nose lies between its tip (71.7) and the mouth (92.3), in the middle.
        assert points[4][0] == pytest.approx(56, abs=1)
        assert 74 < points[4][1] < 85


@pytest.mark.parametrize("factor", [1, 2, 5])
@pytest.mark.parametrize("alignment", [DLIB, arcface_alignment(112)])
def test_a_larger_picture_gives_the_same_chip(factor: int, alignment: Alignment) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (170, 200, 3), np.uint8)
    small = np.asarray(cv2.GaussianBlur(noise, (0, 0), 3), np.uint8)
    landmarks = (dlib_alignment(112, 0.3).points + np.array([40, 25])).astype(np.float32)
    large = np.asarray(cv2.resize(small, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC), np.uint8)
    there: Landmarks = ((landmarks + 0.5) * factor - 0.5).astype(np.float32)
    inside = slice(20, -20)
    one, other = (alignment.cut(picture, points) for picture, points in ((small, landmarks), (large, there)))
    assert np.abs(one.astype(float) - other)[inside, inside].mean() < 1.5


def test_faces_at_and_beyond_the_border_are_black_there() -> None:
    image = np.full((100, 100, 3), 200, np.uint8)
    for shift in (-60, 80, 5000):
        chip = arcface_alignment(112).cut(image, (DLIB.points + shift).astype(np.float32))
        assert chip.shape == (112, 112, 3)
        assert (chip == 0).any()


def test_the_corners_of_a_chip_lie_where_it_is_cut() -> None:
    landmarks = (DLIB.points * 0.5 + [30, 10]).astype(np.float32)
    square = np.array([[0, 0], [149, 0], [149, 149], [0, 149]])
    np.testing.assert_allclose(DLIB.corners(landmarks), square * 0.5 + [30, 10], atol=1e-3)


def test_no_face_gives_no_chip() -> None:
    assert alignment_of(EmbedderFile(edge=64)).cut_all(np.zeros((9, 9, 3), np.uint8), []).shape == (0, 64, 64, 3)
