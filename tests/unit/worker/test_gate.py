"""Which frames carry nothing: on photographs, on stills and pans made of them, and on real video."""

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st
from PIL import Image
from support.clips import Encoding, frames_at, write_clip

from config.sampling_settings import GateSettings
from db.schema import SampleOutcome
from demo.material import Material
from models.faces import RgbImage
from worker.gate import Gate, largest_deviation, largest_difference, reduce
from worker.sampling import sample_frames
from worker.video import probe

ANALYSED, CARRIED, FLAT = SampleOutcome.ANALYSED, SampleOutcome.CARRIED, SampleOutcome.FLAT
FULL_HD = (1920, 1080)


def gate() -> Gate:
    """With the defaults."""
    return Gate(GateSettings().flat_deviation, GateSettings().unchanged_difference)


def outcomes(images: Iterable[RgbImage]) -> list[SampleOutcome]:
    judge = gate().judge
    return [judge(image) for image in images]


def photograph(path: Path, size: tuple[int, int]) -> RgbImage:
    with Image.open(path) as opened:
        return np.asarray(opened.convert("RGB").resize(size, Image.Resampling.LANCZOS))


def plain(level: int, size: tuple[int, int] = (360, 288)) -> RgbImage:
    return np.full((size[1], size[0], 3), level, np.uint8)


def noisy(image: RgbImage, deviation: float, seed: int) -> RgbImage:
    noise = np.random.default_rng(seed).normal(0, deviation, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def faces(material: Material) -> list[RgbImage]:
    """Faces of 300 px, three people."""
    boxes = {material.obama: (381, 148, 614, 382), material.biden: (438, 214, 773, 550)}
    boxes[material.astronaut] = (173, 80, 267, 174)
    cut = []
    for path, box in boxes.items():
        with Image.open(path) as opened:
            cut.append(np.asarray(opened.convert("RGB").crop(box).resize((300, 300))))
    return cut


def with_face(image: RgbImage, face: RgbImage, edge: int, left: int, top: int, brightness: float = 1.0) -> RgbImage:
    """The picture with an oval face in it, `edge` pixels high."""
    small = cv2.resize(face, (edge, edge), interpolation=cv2.INTER_AREA) * brightness
    oval = np.zeros((edge, edge, 1), np.uint8)
    cv2.ellipse(oval, (edge // 2, edge // 2), (round(edge * 0.42), edge // 2), 0, 0, 360, 1, -1)
    changed = image.copy()
    part = changed[top : top + edge, left : left + edge]
    changed[top : top + edge, left : left + edge] = np.where(oval, small.astype(np.uint8), part)
    return changed


@pytest.mark.parametrize("level", [0, 16, 128, 255])
@pytest.mark.parametrize("size", [(360, 288), (1920, 1080), (270, 480), (7, 5)])
def test_a_plain_frame_is_flat_at_any_size(level: int, size: tuple[int, int]) -> None:
    assert outcomes([plain(level, size)]) == [FLAT]


def test_a_plain_frame_with_the_noise_of_a_camera_is_flat() -> None:
    assert outcomes(noisy(plain(16, FULL_HD), 10, seed) for seed in range(3)) == [FLAT] * 3


def test_a_dim_scene_is_not_flat(material: Material) -> None:
    dim = (photograph(material.astronaut, (640, 360)) * 0.1).astype(np.uint8)
    assert dim.max() < 26
    assert outcomes([dim]) == [ANALYSED]


def test_a_small_dim_face_in_the_dark_is_not_flat(faces: list[RgbImage]) -> None:
    random = np.random.default_rng(1)
    for face in faces:
        for _ in range(8):
            left, top = (int(random.integers(0, edge - 60)) for edge in FULL_HD)
            frame = with_face(plain(8, FULL_HD), face, 60, left, top, brightness=0.5)
            # Its levels deviate less, as a whole, than those of noise on a black frame.
            assert frame.std() < GateSettings().flat_deviation + 1
            assert outcomes([frame]) == [ANALYSED]


@pytest.mark.parametrize("crf", ["18", "23"])
@pytest.mark.parametrize("name", ["astronaut", "coffee", "obama3"])
def test_compression_does_not_change_a_still(material: Material, name: str, crf: str, tmp_path: Path) -> None:
    still = photograph(getattr(material, name), (640, 360))
    encoding = Encoding(gop=10, codec_options={"preset": "fast", "crf": crf})
    clip = write_clip(tmp_path / "still.mp4", frames_at(30), encoding, [still] * 30)
    facts = probe(clip)
    images = [sample.image for sample in sample_frames(clip, facts, 0, 30, 40)]
    assert outcomes(image for image in images if image is not None) == [ANALYSED] + [CARRIED] * 29


def test_the_noise_of_a_camera_does_not_change_a_still(material: Material) -> None:
    still = photograph(material.coffee, FULL_HD)
    assert outcomes(noisy(still, 8, seed) for seed in range(4)) == [ANALYSED] + [CARRIED] * 3


@limits(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    edge=st.integers(60, 200), x=st.floats(0, 1), y=st.floats(0, 1), number=st.integers(0, 2), scene=st.integers(0, 1)
)
def test_a_face_that_enters_a_still_scene_is_seen(
    faces: list[RgbImage], scenes: list[RgbImage], edge: int, x: float, y: float, number: int, scene: int
) -> None:
    empty = scenes[scene]
    entered = with_face(empty, faces[number], edge, int(x * (FULL_HD[0] - edge)), int(y * (FULL_HD[1] - edge)))
    assert outcomes([empty, entered, entered, empty]) == [ANALYSED, ANALYSED, CARRIED, ANALYSED]


@pytest.fixture(scope="module")
def scenes(material: Material) -> list[RgbImage]:
    return [photograph(material.coffee, FULL_HD), photograph(material.rocket, FULL_HD)]


def test_a_slow_pan_is_looked_at_again_before_it_has_moved_far(material: Material) -> None:
    wide = photograph(material.astronaut, (2400, 1080))
    views = [np.ascontiguousarray(wide[:, shift : shift + 1920]) for shift in range(40)]
    looked = [shift for shift, outcome in enumerate(outcomes(views)) if outcome is ANALYSED]
    assert max(later - earlier for earlier, later in pairwise([*looked, 40])) <= 10


def test_a_slow_zoom_is_looked_at_again(material: Material) -> None:
    still = photograph(material.obama3, FULL_HD)
    views = []
    for step in range(40):
        margin = step * 4
        view = still[margin * 9 // 16 : 1080 - margin * 9 // 16, margin : 1920 - margin]
        views.append(cv2.resize(view, FULL_HD, interpolation=cv2.INTER_AREA).astype(np.uint8))
    assert outcomes(views).count(ANALYSED) >= 10


def test_a_drift_too_slow_for_neighbours_adds_up(material: Material) -> None:
    still = photograph(material.coffee, (640, 360)).astype(np.float32)
    views = [(still * (1 - step * 0.004)).astype(np.uint8) for step in range(60)]
    assert all(
        largest_difference(reduce(one), reduce(other)) < GateSettings().unchanged_difference
        for one, other in pairwise(views)
    )
    assert outcomes(views).count(ANALYSED) >= 5


def test_a_flat_gap_shows_nobody_and_hides_no_change(material: Material) -> None:
    one, other = photograph(material.obama, (640, 360)), photograph(material.biden, (640, 360))
    black = plain(0, (640, 360))
    assert outcomes([black, one, black, black, one, one, black, other, one]) == [
        FLAT, ANALYSED, FLAT, FLAT, CARRIED, CARRIED, FLAT, ANALYSED, ANALYSED,
    ]  # fmt: skip


def test_measures_are_in_grey_levels() -> None:
    stripes = np.zeros((90, 160, 3), np.uint8)
    stripes[:, ::2] = 100
    assert largest_deviation(reduce(stripes)) == pytest.approx(50)
    spot = plain(100, (160, 90))
    spot[40:45, 60:65] = 110
    assert largest_difference(reduce(plain(100, (160, 90))), reduce(spot)) == pytest.approx(10)


def test_a_gate_without_thresholds_lets_everything_new_pass() -> None:
    judge = Gate(0, 0).judge
    assert [judge(image) for image in (plain(0), plain(0), plain(1))] == [ANALYSED, CARRIED, ANALYSED]


def video_outcomes(path: Path, interval_ms: int) -> list[SampleOutcome]:
    facts = probe(path)
    assert facts.duration is not None
    count = int(facts.duration * 1000 // interval_ms)
    samples = sample_frames(path, facts, 0, count, interval_ms)
    return outcomes(sample.image for sample in samples if sample.image is not None)


def test_a_talking_man_is_never_unchanged(material: Material) -> None:
    assert set(video_outcomes(material.carphone, 400)) == {ANALYSED}


@pytest.mark.parametrize(
    "name",
    [
        "fate-suite__vp90-2-2pass-akiyo.mp4",
        "LipNet__lbax4n.mpg",
        "LipNet__id2_vcd_swwp2s.mpg",
        "face_recognition__obama.mp4",
        "PythonStructuralSimilarity__obama.mp4",
        "emotion-morphing__obama.mp4",
        "fate-suite__scte20.mp4",
        "moviepy__chaplin.mp4",
        "dreamtalk__W009_front_neutral_level1_001.mp4",
        "styletalk__andrew_clip_1.mp4",
    ],
)
def test_real_people_are_neither_flat_nor_unchanged(corpus: Path, name: str) -> None:
    assert set(video_outcomes(corpus / "videos" / "real" / name, 800)) == {ANALYSED}


def test_black_video_is_flat_and_a_fade_from_black_is_not_for_long(corpus: Path) -> None:
    edge = corpus / "videos" / "edge"
    assert set(video_outcomes(edge / "all_black.mp4", 500)) == {FLAT}
    fade = video_outcomes(edge / "fade_from_black.mp4", 200)
    dark = fade.index(ANALYSED)
    assert fade[:dark] == [FLAT] * dark
    assert 0 < dark <= 3
    assert set(fade[dark:]) == {ANALYSED}
