from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.face_settings import EnrolSettings
from models import quality
from models.dlib_engines import DlibAligner, HogDetector
from models.faces import PARTS, Landmarks, Quality, RgbImage, overall
from models.onnx_engines import MmodDetector

Aligned = dict[str, tuple[Landmarks, RgbImage]]


@pytest.fixture(scope="module")
def aligned(portraits: dict[str, RgbImage]) -> Aligned:
    """Landmarks and chip of each portrait."""
    found: Aligned = {}
    for name, image in portraits.items():
        [points], chips = DlibAligner().align(image, [HogDetector(60).detect(image)[0].box])
        found[name] = points, chips[0]
    return found


def blurred(chip: RgbImage, deviation: float) -> RgbImage:
    return np.asarray(cv2.GaussianBlur(chip, (0, 0), deviation), np.uint8) if deviation else chip


def test_photographs_as_they_are_are_sharp(aligned: Aligned) -> None:
    for name, (_, chip) in aligned.items():
        assert quality.sharpness(chip) > 0.6, name


def test_more_blur_is_never_sharper(aligned: Aligned) -> None:
    for name, (_, chip) in aligned.items():
        values = [quality.sharpness(blurred(chip, deviation)) for deviation in (0, 0.5, 1, 1.5, 2, 3, 4, 6, 10)]
        # Strong blur leaves gradients of less than a grey level, which rounding makes look sharper by a hair.
        assert all(more <= less + 0.01 for less, more in pairwise(values)), name
        assert values[2] > values[4] > values[6]
        assert values[-1] < 0.05


def test_the_default_limit_of_enrolment_parts_usable_from_blurred(aligned: Aligned) -> None:
    least = EnrolSettings().least_sharpness
    for name, (_, chip) in aligned.items():
        assert quality.sharpness(blurred(chip, 2)) > least, name
        assert quality.sharpness(blurred(chip, 5)) < least, name


def test_faces_that_were_only_small_are_not_blurred(aligned: Aligned) -> None:
    least = EnrolSettings().least_sharpness
    for name, (_, chip) in aligned.items():
        small = cv2.resize(cv2.resize(chip, (45, 45), interpolation=cv2.INTER_AREA), (150, 150))
        assert quality.sharpness(np.asarray(small, np.uint8)) > least, name


def test_contrast_and_brightness_hardly_matter(aligned: Aligned) -> None:
    for name, (_, chip) in aligned.items():
        soft = blurred(chip, 2)
        dim = np.asarray(soft * 0.5 + 20, np.uint8)
        assert quality.sharpness(dim) == pytest.approx(quality.sharpness(soft), abs=0.06), name


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_flat_chip_has_no_sharpness(level: int) -> None:
    assert quality.sharpness(np.full((150, 150, 3), level, np.uint8)) == 0


def test_size_is_the_share_of_the_chips_pixels_that_the_image_had(portraits: dict[str, RgbImage]) -> None:
    image = portraits["obama"]
    sizes = []
    for edge in (640, 320, 213):
        scale = edge / 640
        reduced = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
        box = HogDetector(30).detect(reduced)[0].box
        [points], chips = DlibAligner().align(reduced, [box])
        sizes.append(quality.assess(points, chips[0], 1).size)
    assert sizes[0] == 1
    assert sizes[1] == pytest.approx(1.5 * sizes[2], rel=0.1)
    assert 0.3 < sizes[2] < sizes[1] < 1


def head(yaw: float, pitch: float, depth: float = 0.45, drop: float = 0.75) -> Landmarks:
    """Landmarks of a head of rigid points in parallel projection, turned by angles in degrees; nods go downwards."""
    points = np.array(
        [(0.62, 0, 0), (0.38, 0, 0), (-0.62, 0, 0), (-0.38, 0, 0), (0, drop, depth)],
        np.float64,
    )
    y, p = np.radians((yaw, pitch))
    turn = np.array([(np.cos(y), 0, np.sin(y)), (0, 1, 0), (-np.sin(y), 0, np.cos(y))])
    nod = np.array([(1, 0, 0), (0, np.cos(p), np.sin(p)), (0, -np.sin(p), np.cos(p))])
    projected: Landmarks = (points @ turn.T @ nod.T)[:, :2].astype(np.float32)
    return projected


def test_a_frontal_face_has_pose_1() -> None:
    assert quality.pose(head(0, 0)) == pytest.approx(1)


@pytest.mark.parametrize("yaw", [-75, -60, -45, -30, -15, 15, 30, 45, 60, 75])
def test_pose_is_the_cosine_of_the_yaw(yaw: float) -> None:
    assert quality.pose(head(yaw, 0)) == pytest.approx(np.cos(np.radians(yaw)), abs=0.02)


def test_more_yaw_is_never_more_frontal() -> None:
    poses = [quality.pose(head(yaw, 0)) for yaw in range(0, 90, 5)]
    assert poses == sorted(poses, reverse=True)


@pytest.mark.parametrize("pitch", [-40, 25])
def test_a_nod_is_less_frontal(pitch: float) -> None:
    assert quality.pose(head(0, pitch)) < 0.99


@given(
    yaw=st.floats(-70, 70),
    roll=st.floats(-180, 180),
    scale=st.floats(0.2, 40),
    shift=st.tuples(st.floats(-100, 100), st.floats(-100, 100)),
)
def test_roll_scale_and_place_do_not_matter(yaw: float, roll: float, scale: float, shift: tuple[float, float]) -> None:
    r = np.radians(roll)
    rotation = np.array([(np.cos(r), -np.sin(r)), (np.sin(r), np.cos(r))])
    points = 50 * head(yaw, 0)
    moved = (scale * points @ rotation.T + shift).astype(np.float32)
    assert quality.pose(moved) == pytest.approx(quality.pose(points), abs=0.01)


@given(st.lists(st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4)), min_size=5, max_size=5))
def test_whatever_the_landmarks_quality_is_from_0_to_1(points: list[tuple[float, float]]) -> None:
    chip = np.zeros((150, 150, 3), np.uint8)
    assessed = quality.assess(np.array(points, np.float32), chip, 1)
    for part in assessed.rounded(6).values():
        assert part is not None
        assert 0 <= part <= 1


def test_landmarks_in_one_point_have_no_pose() -> None:
    assert quality.pose(np.zeros((5, 2), np.float32)) == 0


def test_photographs_of_frontal_faces_are_frontal(aligned: Aligned) -> None:
    for name, (points, _) in aligned.items():
        assert quality.pose(points) > 0.85, name


def lit(chip: RgbImage, stops: float) -> RgbImage:
    """The chip with so many times twice the light, or half of it, in whole grey levels."""
    light = (chip / 255.0) ** 2.2 * 2.0**stops
    return np.asarray(np.round(255 * np.clip(light, 0, 1) ** (1 / 2.2)), np.uint8)


def test_photographs_as_they_are_are_well_exposed(aligned: Aligned) -> None:
    for name, (_, chip) in aligned.items():
        assert quality.exposure(chip) > 0.85, name


@pytest.mark.parametrize("stops", [(0, 2, 4, 6), (0, -4, -7, -10)])
def test_too_much_and_too_little_light_expose_worse(aligned: Aligned, stops: tuple[float, ...]) -> None:
    for name, (_, chip) in aligned.items():
        values = [quality.exposure(lit(chip, each)) for each in stops]
        assert all(worse <= better + 0.01 for better, worse in pairwise(values)), name
        assert values[-1] < 0.2, name


def test_more_grain_is_never_better_exposed(aligned: Aligned) -> None:
    noise = np.random.default_rng(0).normal(size=(150, 150, 3))
    for name, (_, chip) in aligned.items():
        grainy = [np.clip(chip + deviation * noise, 0, 255).astype(np.uint8) for deviation in (0, 8, 16, 32, 64)]
        values = [quality.exposure(each) for each in grainy]
        assert all(worse <= better + 0.01 for better, worse in pairwise(values)), name
        assert values[-1] < 0.5, name


def test_blur_does_not_change_the_exposure(aligned: Aligned) -> None:
    for name, (_, chip) in aligned.items():
        assert quality.exposure(blurred(chip, 3)) == pytest.approx(quality.exposure(chip), abs=0.15), name


@pytest.mark.parametrize(("level", "exposure"), [(0, 0), (8, 0), (128, 1), (247, 0), (255, 0)])
def test_black_and_white_are_not_exposed(level: int, exposure: float) -> None:
    assert quality.exposure(np.full((150, 150, 3), level, np.uint8)) == exposure


@pytest.mark.parametrize(("score", "certainty"), [(-0.5, 0), (0, 0), (0.25, 0.25), (1, 1), (1.5, 1)])
def test_certainty_ends_at_plain_portraits(score: float, certainty: float) -> None:
    assert quality.assess(head(0, 0), np.zeros((150, 150, 3), np.uint8), score).certainty == certainty


def test_detectors_are_certain_of_portraits(portraits: dict[str, RgbImage]) -> None:
    for detector in (HogDetector(60), MmodDetector(60)):
        for name, image in portraits.items():
            assert detector.detect(image)[0].score / detector.plain_score > 0.9, (detector.name, name)


@given(
    st.lists(st.floats(0, 1), min_size=5, max_size=5),
    st.sets(st.sampled_from(["exposure", "certainty"])),
    st.sampled_from(PARTS),
)
def test_the_whole_lies_between_its_parts_and_no_better_part_is_worse(
    values: list[float], unknown: set[str], better: str
) -> None:
    parts = {part: None if part in unknown else value for part, value in zip(PARTS, values, strict=True)}
    whole = Quality(**parts).overall  # type: ignore[arg-type]  # only the two may be None
    known = [value for part, value in parts.items() if value is not None and part != "pose"]
    assert min(known) - 1e-9 <= whole <= max(known) + 1e-9
    if parts[better] is not None:
        assert Quality(**{**parts, better: 1.0}).overall >= whole - 1e-9  # type: ignore[arg-type]  # as above


def test_what_was_not_measured_is_left_out_of_the_mean() -> None:
    assert Quality(0.25, 0.36, 1.0).overall == pytest.approx(0.3)
    assert Quality(0.25, 0.36, 1.0, 1.0, 1.0).overall == pytest.approx(0.3**0.5)
    assert Quality(0.25, 0.36, 1.0, 0.5).overall == pytest.approx(0.045 ** (1 / 3))


def test_the_qualities_of_many_are_those_of_each() -> None:
    found = [Quality(0.3, 0.2, 0.9, 0.5, 0.7), Quality(0.3, 0.2, 0.9), Quality(0.0, 0.2, 0.9, None, 1.0)]
    rows = np.array([list(one.parts.values()) for one in found], np.float64)
    np.testing.assert_allclose(overall(rows), [one.overall for one in found])
    assert overall(np.empty((0, 5))).shape == (0,)
