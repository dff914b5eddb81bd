"""The pipeline of a segment, on real photographs as frames."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import cv2
import numpy as np
import pytest
from PIL import Image

from config.errors import LeaseLost
from config.face_settings import FaceSettings
from config.sampling_settings import GateSettings
from db.schema import SampleOutcome
from demo.material import Material
from models.crops import crop, crop_area
from models.engine import FaceEngine, build_engine
from models.faces import Box, Face, RgbImage
from worker.gate import Gate
from worker.samples import Frame, Sample
from worker.scan import Known, Recall, Recollection, scan


@pytest.fixture(scope="module")
def engine() -> FaceEngine:
    return build_engine(FaceSettings(detector="hog", smallest=80, mirror=False))


@pytest.fixture(scope="module")
def photograph(material: Material) -> RgbImage:
    with Image.open(material.astronaut) as opened:
        return np.asarray(opened.convert("RGB").crop((100, 0, 400, 300)))


def gate() -> Gate:
    return Gate(GateSettings().flat_deviation, GateSettings().unchanged_difference)


def samples(*images: RgbImage | str) -> Iterator[Sample]:
    for number, image in enumerate(images, start=40):
        if isinstance(image, str):
            yield Sample(number, number * 10 if image == "held" else None, None, held=image == "held")
        else:
            yield Sample(number, number * 10, image, held=False)


def test_every_sample_is_accounted_for_and_only_analysed_ones_give_faces(
    engine: FaceEngine, photograph: RgbImage
) -> None:
    black = np.zeros_like(photograph)
    moved = np.ascontiguousarray(photograph[:, ::-1])
    film = (photograph, photograph, "held", black, "held", photograph, moved, "lost", "lost", moved)
    found = scan(samples(*film), gate(), engine)
    told = [(run.first_sample, run.end_sample, run.outcome, run.first_pts, run.last_pts) for run in found.runs]
    assert told == [
        (40, 41, SampleOutcome.ANALYSED, 400, 400),
        (41, 43, SampleOutcome.CARRIED, 410, 420),
        (43, 45, SampleOutcome.FLAT, 430, 440),
        (45, 46, SampleOutcome.CARRIED, 450, 450),
        (46, 47, SampleOutcome.ANALYSED, 460, 460),
        (47, 49, SampleOutcome.UNDECODABLE, None, None),
        (49, 50, SampleOutcome.CARRIED, 490, 490),
    ]
    assert all(before.end_sample == after.first_sample for before, after in pairwise(found.runs))
    assert [(record.sample, record.pts) for record in found.faces] == [(40, 400), (46, 460)]


def test_whoever_is_called_after_each_sample_can_stop_the_work(engine: FaceEngine, photograph: RgbImage) -> None:
    calls = []

    def stop() -> None:
        calls.append(1)
        if len(calls) == 2:
            raise LeaseLost("segment 1", "somebody else has it")

    with pytest.raises(LeaseLost):
        scan(samples(photograph, "held", "held", "held"), gate(), engine, stop)
    assert len(calls) == 2


@pytest.mark.parametrize(
    "box", [Box(100, 100, 200, 200), Box(-40, -40, 60, 60), Box(280, 280, 400, 400), Box(0, 0, 3, 300), Box(5, 5, 6, 6)]
)
def test_a_crop_shows_the_face_whole_and_small_wherever_it_lies(photograph: RgbImage, box: Box) -> None:
    picture = cv2.imdecode(np.frombuffer(crop(photograph, box), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert 1 <= max(picture.shape[:2]) <= 160


def known_by(faces: list[tuple[Face, bytes]] | None, changed: Box | None = None) -> Recall:
    """Knows every frame, or with `None` no frame."""

    def recall(frames: Sequence[Frame]) -> list[Recollection]:
        known = None if faces is None else Known(7, faces, changed)
        return [Recollection(frame.number, b"png", known) for frame in frames]

    return recall


def test_the_faces_of_a_known_frame_are_taken_over(engine: FaceEngine, photograph: RgbImage) -> None:
    alone = scan(samples(photograph), gate(), engine)
    kept = [(record.face, b"their crop") for record in alone.faces]
    moved = np.ascontiguousarray(photograph[:, ::-1])
    found = scan(samples(moved, "held", photograph), gate(), engine, recall=known_by(kept))
    assert [(record.sample, record.crop) for record in found.faces] == [(40, b"their crop"), (42, b"their crop")]
    assert all(record.face is kept[0][0] for record in found.faces)
    assert [(frame.sample, frame.pts, frame.hash, frame.reused_from) for frame in found.frames] == [
        (40, 400, 40, 7),
        (42, 420, 42, 7),
    ]


def test_an_unknown_frame_is_looked_at_and_kept(engine: FaceEngine, photograph: RgbImage) -> None:
    alone = scan(samples(photograph), gate(), engine)
    found = scan(samples(photograph, "lost"), gate(), engine, recall=known_by(None))
    assert [record.face.box for record in found.faces] == [record.face.box for record in alone.faces]
    assert [(frame.sample, frame.picture, frame.reused_from) for frame in found.frames] == [(40, b"png", None)]
    assert alone.frames == []


def test_a_known_frame_with_a_new_face_in_what_has_changed_is_looked_at_whole(
    engine: FaceEngine, photograph: RgbImage
) -> None:
    whole = Box(0, 0, 300, 300)
    (with_face,) = scan(samples(photograph), gate(), engine, recall=known_by([], whole)).frames
    assert with_face.reused_from is None
    found = scan(samples(photograph), gate(), engine, recall=known_by([], Box(0, 200, 60, 300)))
    assert [frame.reused_from for frame in found.frames] == [7]
    assert found.faces == []


def test_frames_are_recalled_some_at_a_time_and_each_sample_is_told(engine: FaceEngine) -> None:
    # Noise that differs from frame to frame: the gate lets each pass.
    images = [np.random.default_rng(number).integers(0, 256, (64, 64, 3), np.uint8) for number in range(40)]
    asked, calls = [], []

    def recall(frames: Sequence[Frame]) -> list[Recollection]:
        asked.append([frame.number for frame in frames])
        return [Recollection(0, b"", Known(1, [], None)) for _ in frames]

    scan(samples(*images), gate(), engine, lambda: calls.append(1), recall)
    assert [len(some) for some in asked] == [16, 16, 8]
    assert [number for some in asked for number in some] == list(range(40, 80))
    assert len(calls) == 40


def test_what_a_crop_shows_is_told(photograph: RgbImage) -> None:
    for box in (Box(100, 100, 200, 200), Box(-40, -40, 60, 60), Box(280, 280, 400, 400)):
        area = crop_area(box, *photograph.shape[:2])
        picture = np.asarray(cv2.imdecode(np.frombuffer(crop(photograph, box), np.uint8), cv2.IMREAD_COLOR))
        shown = cv2.resize(
            photograph[area.top : area.bottom, area.left : area.right], picture.shape[1::-1],
            interpolation=cv2.INTER_AREA,
        )  # fmt: skip
        assert np.abs(picture[..., ::-1].astype(int) - shown).mean() < 6


def test_samples_between_two_that_are_looked_at_are_left_out(engine: FaceEngine, photograph: RgbImage) -> None:
    black = np.zeros_like(photograph)
    looked_at = [
        Sample(40, 0, photograph, held=False), Sample(43, 30, None, held=True), Sample(46, 60, black, held=False),
        Sample(49, None, None, held=False),
    ]  # fmt: skip
    found = scan(looked_at, gate(), engine, stride=3, end_sample=50)
    assert [(run.first_sample, run.end_sample, run.count, run.outcome) for run in found.runs] == [
        (40, 43, 1, SampleOutcome.ANALYSED),
        (43, 46, 1, SampleOutcome.CARRIED),
        (46, 49, 1, SampleOutcome.FLAT),
        (49, 50, 1, SampleOutcome.UNDECODABLE),
    ]
