import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from config.errors import WeightsMissing
from config.face_settings import DetectorName, FaceSettings
from models import dlib_engines, weights
from models.dlib_engines import DlibAligner, DlibEmbedder
from models.engine import FaceEngine, build_engine
from models.faces import Box, Chips, Detection, Embeddings, EmbeddingSpace, Face, RgbImage
from models.networks import session


class GivenBoxes:
    """A detector that finds what it is told, in that order."""

    name = "given"
    plain_score = 2.0

    def __init__(self, boxes: Sequence[Box]) -> None:
        self.boxes = boxes

    def detect(self, image: RgbImage) -> list[Detection]:
        assert image.ndim == 3
        return [Detection(box, float(number)) for number, box in enumerate(self.boxes)]


class MeanColours:
    """An embedder that is quick and tells chips apart."""

    space = EmbeddingSpace("mean-colours", 128, "0" * 64)

    def embed(self, chips: Chips) -> Embeddings:
        return np.tile(chips.reshape(len(chips), -1).mean(axis=1, dtype=np.float32)[:, np.newaxis], 128)


@pytest.fixture(scope="module")
def analysed(portraits: dict[str, RgbImage]) -> dict[str, Face]:
    """The surest face of each portrait."""
    engine = build_engine(FaceSettings(detector="hog", smallest=60, mirror=True))
    return {name: engine.analyse(image)[0] for name, image in portraits.items()}


def test_faces_of_one_man_are_nearer_than_faces_of_others(analysed: dict[str, Face]) -> None:
    def distance(one: str, other: str) -> float:
        return float(np.linalg.norm(analysed[one].embedding - analysed[other].embedding))

    same = [distance("obama", "obama2"), distance("obama", "obama3"), distance("obama2", "obama3")]
    different = [distance(one, other) for one in ("obama", "obama2", "obama3") for other in ("biden", "astronaut")]
    assert max(same) < 0.5
    assert min(different) > 0.6


def test_every_part_of_a_face_belongs_to_it(analysed: dict[str, Face], portraits: dict[str, RgbImage]) -> None:
    for name, face in analysed.items():
        across, down = face.landmarks.mean(axis=0)
        assert face.box.left < across < face.box.right, name
        assert face.box.top < down < face.box.bottom, name
        assert face.score > 0.5
        assert 0.3 < face.quality.overall <= 1
        assert face.embedding.shape == (128,)
        assert face.embedding.dtype == np.float32
        assert face.box.right <= portraits[name].shape[1]


def test_faces_come_in_the_detectors_order(portraits: dict[str, RgbImage]) -> None:
    boxes = [Box(200, 100, 320, 220), Box(10, 10, 90, 90), Box(100, 300, 300, 500)]
    faces = FaceEngine(GivenBoxes(boxes), DlibAligner(), MeanColours()).analyse(portraits["obama"])
    assert [face.box for face in faces] == boxes
    assert [face.score for face in faces] == [0.0, 1.0, 2.0]
    for face, box in zip(faces, boxes, strict=True):
        _, chips = DlibAligner().align(portraits["obama"], [box])
        np.testing.assert_array_equal(face.embedding, MeanColours().embed(chips)[0])


@pytest.mark.parametrize("detector", get_args(DetectorName))
def test_an_image_without_faces_gives_none(detector: DetectorName) -> None:
    engine = build_engine(FaceSettings(detector=detector, smallest=60, mirror=True))
    assert engine.analyse(np.zeros((90, 120, 3), np.uint8)) == []


def test_the_engine_tells_where_its_numbers_come_from() -> None:
    engine = build_engine(FaceSettings(detector="dlib-cnn", smallest=40, mirror=False))
    assert engine.detector_name == "dlib-cnn/smallest40/pixels2073600"
    assert engine.space == DlibEmbedder(mirror=False).space


def test_building_an_engine_loads_nothing() -> None:
    program = """
from config.face_settings import FaceSettings
from models import dlib_engines
from models.engine import build_engine
from models.networks import session
engine = build_engine(FaceSettings(detector="hog", smallest=60, mirror=True))
engine.space, engine.detector_name
loaders = (dlib_engines._hog, dlib_engines._mmod, dlib_engines._landmarks, dlib_engines._resnet)
loaders += (session.detection_network, session.detection_session, session.embedding_session)
print(sum(loader.cache_info().currsize for loader in loaders))
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "0"


def test_missing_weights_are_told_when_a_face_is_to_be_embedded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, portraits: dict[str, RgbImage]
) -> None:
    def locate(file: weights.WeightFile) -> Path:
        weights.verify(tmp_path / file.name, file)
        raise AssertionError("an empty folder held weights")

    monkeypatch.setattr(weights, "locate", locate)
    dlib_engines._resnet.cache_clear()
    session.embedding_session.cache_clear()
    for embedder in ("onnx", "dlib"):
        engine = build_engine(FaceSettings(detector="hog", smallest=60, mirror=True, embedder=embedder))
        with pytest.raises(WeightsMissing, match=r"dlib_face_recognition_resnet_model_v1\.dat: No such file"):
            engine.analyse(portraits["obama"])


def test_a_face_does_not_show_its_embedding(analysed: dict[str, Face]) -> None:
    told = repr(analysed["obama"])
    assert "embedding" not in told
    assert "array" not in told
