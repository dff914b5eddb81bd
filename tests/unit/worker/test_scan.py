"""The pipeline of a segment, on real photographs as frames."""

from collections.abc import Iterator
from itertools import pairwise

import cv2
import numpy as np
import pytest
from PIL import Image

from config.errors import LeaseLost
from config.settings import FaceSettings, GateSettings
from db.schema import SampleOutcome
from demo.material import Material
from models.engine import FaceEngine, build_engine
from models.faces import Box, RgbImage
from worker.gate import Gate
from worker.samples import Sample
from worker.scan import crop, scan


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
