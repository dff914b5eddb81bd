"""One contract for all detectors, and equality with `face_recognition`, which wraps the same networks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from bench.reference import face_recognition
from demo.material import Material
from models import dlib_engines
from models.dlib_engines import CnnDetector, DlibAligner, DlibEmbedder, HogDetector
from models.faces import Box, Detection, FaceDetector, RgbImage
from models.onnx_engines import MmodDetector

Builder = Callable[[int], FaceDetector]
Reader = Callable[[Path, int], RgbImage]


@pytest.fixture(scope="module", params=[HogDetector, CnnDetector, MmodDetector], ids=["hog", "dlib-cnn", "mmod"])
def build(request: pytest.FixtureRequest) -> Builder:
    """Every detector, built for a smallest face."""
    builder: Builder = request.param
    return builder


@pytest.fixture(scope="session")
def reference() -> Any:
    """The package `face_recognition`."""
    return face_recognition()


def scaled(image: RgbImage, factor: float) -> RgbImage:
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, None, fx=factor, fy=factor, interpolation=way), np.uint8)


@pytest.fixture(scope="module")
def halves(portraits: dict[str, RgbImage]) -> dict[str, RgbImage]:
    """Portraits at half their size, faces of 45 to 80 px: the network takes seconds for a megapixel."""
    return {name: scaled(portraits[name], 0.5) for name in ("obama", "biden", "astronaut")}


@pytest.fixture(scope="module")
def head(portraits: dict[str, RgbImage]) -> RgbImage:
    """A face of about 90 px with little around it."""
    return np.ascontiguousarray(portraits["astronaut"][20:240, 120:320])


@pytest.fixture(scope="module")
def found(build: Builder, halves: dict[str, RgbImage]) -> dict[str, list[Detection]]:
    """The surer detections in each of the halves."""
    return {
        name: [detection for detection in build(38).detect(image) if detection.score > 0.5]
        for name, image in halves.items()
    }


def test_each_portrait_has_its_one_face(found: dict[str, list[Detection]]) -> None:
    for name, detections in found.items():
        assert len(detections) == 1, name
        assert detections[0].box.width == pytest.approx(detections[0].box.height, abs=2)


def test_the_face_is_where_the_hog_detector_finds_it(
    found: dict[str, list[Detection]], portraits: dict[str, RgbImage]
) -> None:
    for name, [detection] in found.items():
        box = HogDetector(80).detect(portraits[name])[0].box
        halved = Box(box.left // 2, box.top // 2, box.right // 2, box.bottom // 2)
        assert detection.box.overlap(halved) > 0.5, name


def test_no_face_is_found_where_there_is_none(build: Builder, material: Material, read: Reader) -> None:
    for path in (material.coffee, material.rocket):
        assert build(60).detect(read(path, 240)) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (700, 1), (2, 3), (30, 30), (79, 81)])
def test_images_without_room_for_a_face_have_none(build: Builder, shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert build(60).detect(noise) == []
    assert build(1000).detect(noise) == []


@pytest.mark.parametrize("level", [0, 127, 255])
def test_flat_images_have_no_face(build: Builder, level: int) -> None:
    assert build(60).detect(np.full((120, 160, 3), level, np.uint8)) == []


def test_a_grey_photograph_has_its_face(build: Builder, head: RgbImage) -> None:
    grey = cv2.cvtColor(head, cv2.COLOR_RGB2GRAY)
    [detection] = build(80).detect(np.dstack([grey] * 3))
    assert detection.score > 0.5


def test_faces_come_in_order_of_descending_score(build: Builder, head: RgbImage) -> None:
    blurred = np.asarray(cv2.GaussianBlur(head, (0, 0), 2.5), np.uint8)
    turned = np.asarray(cv2.warpAffine(head, cv2.getRotationMatrix2D((100, 110), 15, 1), (200, 220)), np.uint8)
    scores = [detection.score for detection in build(70).detect(np.hstack([turned, head, blurred]))]
    assert len(scores) == 3
    assert len(set(scores)) == 3
    assert scores == sorted(scores, reverse=True)


def test_the_same_image_gives_the_same_faces(build: Builder, head: RgbImage) -> None:
    first = build(80).detect(head)
    assert first
    build(80).detect(head[::-1])
    assert build(80).detect(head) == first
    strided = np.repeat(head, 2, axis=1)[:, ::2]
    assert not strided.flags.c_contiguous
    assert build(80).detect(strided) == first


def test_boxes_are_in_pixels_of_the_image_whatever_scale_was_searched(build: Builder, head: RgbImage) -> None:
    [near] = build(80).detect(head)
    for smallest in (50, 60, 70, 90):
        box = build(smallest).detect(head)[0].box
        # The network's boxes are quantised coarsely, in size more than in place.
        assert abs(box.left + box.right - near.box.left - near.box.right) / 2 < 10, smallest
        assert abs(box.top + box.bottom - near.box.top - near.box.bottom) / 2 < 20, smallest
        assert box.overlap(near.box) > 0.5, smallest


def test_the_smallest_face_is_found_and_smaller_ones_are_not(build: Builder, head: RgbImage) -> None:
    # Boxes are quantised: a detector's pyramid has steps of 5/6.
    edge = build(60).detect(head)[0].box.width
    assert 75 < edge < 115
    assert build(round(0.85 * edge)).detect(head) != []
    assert build(2 * edge).detect(head) == []


def test_enlarging_ends_at_twofold(build: Builder, head: RgbImage) -> None:
    small = scaled(head, 0.5)
    assert build(5).detect(small) == build(40).detect(small) != []


@pytest.mark.parametrize(
    ("detector", "name"),
    [(HogDetector(60), "hog/smallest60/pixels2073600"), (CnnDetector(7, 90_000), "dlib-cnn/smallest7/pixels90000")],
)
def test_the_name_tells_engine_and_options(detector: FaceDetector, name: str) -> None:
    assert detector.name == name


def test_the_network_is_never_given_more_pixels_than_fit_into_memory(
    head: RgbImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[int] = []
    network = dlib_engines._mmod()

    def watched(image: RgbImage, upsample_num_times: int) -> Any:
        given.append(image.shape[0] * image.shape[1])
        return network(image, upsample_num_times)

    monkeypatch.setattr(dlib_engines, "_mmod", lambda: watched)
    large = scaled(head, 3)
    [detection] = CnnDetector(20, most_pixels=50_000).detect(large)
    assert given == [pytest.approx(50_000, rel=0.02)]
    [expected] = CnnDetector(80).detect(head)
    box = Box(*(3 * edge for edge in (expected.box.left, expected.box.top, expected.box.right, expected.box.bottom)))
    assert detection.box.overlap(box) > 0.6


def test_hog_boxes_at_their_own_scale_are_those_of_face_recognition(
    reference: Any, portraits: dict[str, RgbImage]
) -> None:
    compared = 0
    for image in portraits.values():
        height, width = image.shape[:2]
        expected = reference.face_locations(image, number_of_times_to_upsample=0)
        boxes = [detection.box for detection in HogDetector(80).detect(image)]
        # face_recognition keeps dlib's last row and column as "bottom" and "right", and trims to the image.
        ours = [(max(b.top, 0), min(b.right - 1, width), min(b.bottom - 1, height), max(b.left, 0)) for b in boxes]
        assert sorted(ours) == sorted(expected)
        compared += len(ours)
    assert compared >= 4


def test_embeddings_are_those_of_face_recognition(reference: Any, portraits: dict[str, RgbImage]) -> None:
    for name, image in portraits.items():
        box = HogDetector(60).detect(image)[0].box
        location = (box.top, box.right - 1, box.bottom - 1, box.left)
        [expected] = reference.face_encodings(image, known_face_locations=[location], model="small")
        _, chips = DlibAligner().align(image, [box])
        np.testing.assert_allclose(
            DlibEmbedder(mirror=False).embed(chips)[0], expected, rtol=0, atol=1e-6, err_msg=name
        )


def test_parity_holds_for_labelled_faces_too(reference: Any, corpus: Path, read: Reader) -> None:
    paths = sorted((corpus / "faces" / "bbt" / "sheldon").iterdir())[:3]
    for path in paths:
        image = read(path, 640)
        box = HogDetector(60).detect(image)[0].box
        location = (box.top, box.right - 1, box.bottom - 1, box.left)
        [expected] = reference.face_encodings(image, known_face_locations=[location], model="small")
        _, chips = DlibAligner().align(image, [box])
        np.testing.assert_allclose(DlibEmbedder(mirror=False).embed(chips)[0], expected, rtol=0, atol=1e-6)


def test_landmarks_are_those_of_face_recognition(reference: Any, portraits: dict[str, RgbImage]) -> None:
    image = portraits["obama"]
    box = HogDetector(60).detect(image)[0].box
    location = (box.top, box.right - 1, box.bottom - 1, box.left)
    [expected] = reference.face_landmarks(image, face_locations=[location], model="small")
    [points], _ = DlibAligner().align(image, [box])
    # face_recognition gives the base of the nose first, then each eye from its inner to its outer corner or back.
    assert {(int(x), int(y)) for x, y in points} == {point for part in expected.values() for point in part}
    np.testing.assert_array_equal(points[4], expected["nose_tip"][0])


def test_chips_come_in_the_order_of_the_boxes(portraits: dict[str, RgbImage]) -> None:
    image = portraits["obama"]
    box = HogDetector(60).detect(image)[0].box
    elsewhere = Box(0, 0, 100, 100)
    points, chips = DlibAligner().align(image, [elsewhere, box, elsewhere])
    assert chips.shape == (3, 150, 150, 3)
    np.testing.assert_array_equal(chips[0], chips[2])
    assert not np.array_equal(chips[0], chips[1])
    [alone], _ = DlibAligner().align(image, [box])
    np.testing.assert_array_equal(points[1], alone)


def test_no_boxes_give_no_chips(portraits: dict[str, RgbImage]) -> None:
    points, chips = DlibAligner().align(portraits["obama"], [])
    assert points == []
    assert chips.shape == (0, 150, 150, 3)


@pytest.mark.parametrize(
    "box",
    [Box(-60, -60, 40, 40), Box(90, 90, 300, 300), Box(500, 500, 600, 600), Box(3, 3, 4, 4), Box(0, 0, 2000, 2000)],
)
@pytest.mark.parametrize("shape", [(100, 100), (1, 1), (2, 500)])
def test_boxes_that_leave_the_image_give_chips_all_the_same(box: Box, shape: tuple[int, int]) -> None:
    [points], chips = DlibAligner().align(np.full((*shape, 3), 90, np.uint8), [box])
    assert points.shape == (5, 2)
    assert chips.shape == (1, 150, 150, 3)
    assert np.isfinite(points).all()


@pytest.fixture(scope="module")
def chips(portraits: dict[str, RgbImage]) -> RgbImage:
    """Chips of two people."""
    aligner, detector = DlibAligner(), HogDetector(60)
    cut = [
        aligner.align(portraits[name], [detector.detect(portraits[name])[0].box])[1] for name in ("obama", "astronaut")
    ]
    return np.concatenate(cut)


@pytest.mark.parametrize("mirror", [False, True])
def test_embeddings_do_not_depend_on_the_batch(chips: RgbImage, mirror: bool) -> None:
    embedder = DlibEmbedder(mirror=mirror)
    together = embedder.embed(chips)
    assert together.shape == (2, 128)
    assert together.dtype == np.float32
    for number, chip in enumerate(chips):
        np.testing.assert_array_equal(embedder.embed(chip[np.newaxis])[0], together[number])


@pytest.mark.parametrize("mirror", [False, True])
def test_no_chips_give_no_embeddings(mirror: bool) -> None:
    empty = DlibEmbedder(mirror=mirror).embed(np.empty((0, 150, 150, 3), np.uint8))
    assert empty.shape == (0, 128)


def test_an_averaged_embedding_does_not_see_left_and_right(chips: RgbImage) -> None:
    plain, averaged = DlibEmbedder(mirror=False), DlibEmbedder(mirror=True)
    mirrored = chips[:, :, ::-1]
    embeddings, described = averaged.embed(chips), plain.embed(chips)
    np.testing.assert_array_equal(embeddings, averaged.embed(mirrored))
    np.testing.assert_allclose(embeddings, (described + plain.embed(mirrored)) / 2, rtol=0, atol=1e-7)
    assert np.abs(described - embeddings).max() > 0.01


def test_the_space_tells_network_alignment_averaging_and_weights() -> None:
    plain, averaged = DlibEmbedder(mirror=False).space, DlibEmbedder(mirror=True).space
    assert (plain.name, plain.length) == ("dlib-resnet-v1/chip150-0.25", 128)
    assert (averaged.name, averaged.length) == ("dlib-resnet-v1/chip150-0.25/mirror", 128)
    assert plain.weights_sha256 == averaged.weights_sha256
    assert len(plain.weights_sha256) == 64
