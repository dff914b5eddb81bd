"""dlib's networks run by ONNX Runtime give what dlib gives, on real faces and frames."""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from config.errors import EngineUnavailable
from demo.material import Material
from models.dlib_engines import CnnDetector, DlibAligner, DlibEmbedder
from models.faces import Box, Chips, Detection, RgbImage
from models.networks import session
from models.onnx_engines import MmodDetector, OnnxEmbedder

Reader = Callable[[Path, int], RgbImage]

# Where a face lies in a photograph of Labelled Faces in the Wild, which are all cut alike.
_LFW_FACE = Box(72, 72, 180, 180)


def chips_of(images: Iterator[tuple[RgbImage, Box]]) -> Chips:
    aligner = DlibAligner()
    return np.concatenate([aligner.align(image, [box])[1] for image, box in images])


def largest_difference(chips: Chips, mirror: bool) -> float:
    ours, theirs = OnnxEmbedder(mirror).embed(chips), DlibEmbedder(mirror).embed(chips)
    assert ours.shape == theirs.shape == (len(chips), 128)
    assert ours.dtype == theirs.dtype
    return float(np.abs(ours - theirs).max())


def test_embeddings_of_200_real_faces_equal_dlibs(corpus: Path, read: Reader) -> None:
    photographs = islice(sorted((corpus / "faces" / "lfw").glob("*/*.jpg")), 0, 2000, 10)
    chips = chips_of((read(path, 250), _LFW_FACE) for path in photographs)
    assert len(chips) == 200
    assert largest_difference(chips, mirror=False) < 1e-5


@pytest.mark.parametrize("mirror", [False, True])
def test_embeddings_of_portraits_equal_dlibs(portraits: dict[str, RgbImage], mirror: bool) -> None:
    chips = chips_of((image, MmodDetector(80).detect(image)[0].box) for image in portraits.values())
    assert largest_difference(chips, mirror) < 1e-5


def test_a_batch_gives_what_each_chip_gives(portraits: dict[str, RgbImage]) -> None:
    chips = chips_of((image, MmodDetector(80).detect(image)[0].box) for image in portraits.values())
    many = np.concatenate([chips] * 8)
    assert len(many) == 40
    together = OnnxEmbedder(mirror=True).embed(many)
    alone = np.concatenate([OnnxEmbedder(mirror=True).embed(chip[np.newaxis]) for chip in chips])
    np.testing.assert_allclose(together, np.concatenate([alone] * 8), atol=1e-6)
    assert OnnxEmbedder(mirror=True).embed(chips[:0]).shape == (0, 128)


def assert_same_faces(image: RgbImage, smallest: int, subject: str) -> int:
    """Every box matched at IoU 0.95 and more, scores within 0.01; how many there are."""
    ours, theirs = MmodDetector(smallest).detect(image), CnnDetector(smallest).detect(image)
    # A score of about 0 may fall on either side of the threshold.
    ours, theirs = ([found for found in faces if found.score > 0.01] for faces in (ours, theirs))
    assert len(ours) == len(theirs), subject
    for detection in theirs:
        match = max(ours, key=lambda other: other.box.overlap(detection.box))
        assert match.box.overlap(detection.box) >= 0.95, subject
        assert match.score == pytest.approx(detection.score, abs=0.01), subject
    return len(theirs)


def test_boxes_in_100_real_pictures_equal_dlibs(corpus: Path, read: Reader) -> None:
    folders = ("groups/*/*", "faces/bbt/*/*", "faces/face_recognition/*/*", "faces/jurassic/*/*", "scenes/hard/*")
    pictures = [path for folder in folders for path in islice(_pictures(corpus, folder), 20)]
    pictures += islice(_pictures(corpus, "faces/lfw/*/*"), 0, 2000, 100)
    assert len(pictures) >= 100
    faces = sum(assert_same_faces(read(path, 240), 80, path.name) for path in pictures)
    assert faces >= 50


def _pictures(corpus: Path, pattern: str) -> Iterator[Path]:
    for path in sorted(corpus.glob(pattern)):
        if path.suffix.lower() in {".jpg", ".jpeg", ".png"}:
            yield path


def test_boxes_in_public_pictures_equal_dlibs(portraits: dict[str, RgbImage]) -> None:
    for name, portrait in portraits.items():
        with Image.fromarray(portrait) as picture:
            picture.thumbnail((440, 440))
            assert assert_same_faces(np.asarray(picture), 60, name) == 1


@pytest.mark.parametrize("shape", [(90, 700), (700, 90), (333, 131)])
def test_wide_and_tall_pictures_are_looked_at_whole(material: Material, read: Reader, shape: tuple[int, int]) -> None:
    head = read(material.astronaut, 512)[20:220, 130:330]
    height, width = shape
    canvas = np.full((max(height, 200), max(width, 200), 3), 90, np.uint8)
    canvas[-200:, -200:] = head
    assert assert_same_faces(canvas, 80, str(shape)) >= 1


def test_a_box_of_the_detector_is_the_face(portraits: dict[str, RgbImage]) -> None:
    [found] = [face for face in MmodDetector(60).detect(portraits["astronaut"]) if face.score > 0.5]
    assert isinstance(found, Detection)
    assert 60 <= found.box.width <= 160


def test_a_provider_that_is_not_there_is_told() -> None:
    missing = next(
        name for name, wanted in session.PROVIDERS.items() if wanted not in onnxruntime.get_available_providers()
    )
    with pytest.raises(EngineUnavailable, match=f"{missing}.*is not in this ONNX Runtime"):
        OnnxEmbedder(mirror=False, provider=missing).embed(np.zeros((1, 150, 150, 3), np.uint8))


@pytest.fixture
def fresh_sessions() -> Iterator[None]:
    """No session of before, and none of this test afterwards."""
    _forget_sessions()
    yield
    _forget_sessions()


def _forget_sessions() -> None:
    session.detection_session.cache_clear()
    session.first_look_session.cache_clear()


@pytest.mark.usefixtures("fresh_sessions")
def test_graphs_are_built_once_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, portraits: dict[str, RgbImage]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = MmodDetector(80).detect(portraits["biden"])
    kept = sorted((tmp_path / "rollcall").iterdir())
    assert [(path.suffix, path.name.rsplit("-", maxsplit=3)[0]) for path in kept] == [
        (".onnx", "detector"),
        (".onnx", "first-look"),
    ]
    written = [path.stat().st_mtime_ns for path in kept]
    _forget_sessions()
    assert MmodDetector(80).detect(portraits["biden"]) == first
    assert [path.stat().st_mtime_ns for path in kept] == written


@pytest.mark.usefixtures("fresh_sessions")
def test_where_nothing_can_be_kept_the_graph_is_built_for_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, portraits: dict[str, RgbImage]
) -> None:
    (tmp_path / "rollcall").write_text("a file where the folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert MmodDetector(80).detect(portraits["biden"])
