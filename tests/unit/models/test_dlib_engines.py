"""One contract for all detectors, and equality with `face_recognition`, which wraps the same networks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from demo.material import Material
from models.dlib_engines import CnnDetector, DlibAligner, DlibEmbedder, HogDetector
from models.faces import Box, FaceDetector, RgbImage

Builder = Callable[[int], FaceDetector]
Reader = Callable[[Path, int], RgbImage]
DETECTORS = [pytest.param(HogDetector, id="hog"), pytest.param(CnnDetector, id="dlib-cnn")]
every_detector = pytest.mark.parametrize("build", DETECTORS)


@pytest.fixture(scope="session")
def reference() -> Any:
    """The package `face_recognition`."""
    return pytest.importorskip("face_recognition", reason="face_recognition is installed by `make install-dev` only")


@pytest.fixture(scope="session")
def halves(portraits: dict[str, RgbImage]) -> dict[str, RgbImage]:
    """The portraits at half their size: the network takes seconds for a megapixel."""
    return {
        name: cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA).astype(np.uint8)
        for name, image in portraits.items()
    }


@every_detector
def test_each_portrait_has_its_one_face(build: Builder, halves: dict[str, RgbImage]) -> None:
    for name, image in halves.items():
        found = [detection for detection in build(40).detect(image) if detection.score > 0.5]
        assert len(found) == 1, name
        assert found[0].box.width == pytest.approx(found[0].box.height, abs=2)


def test_the_detectors_mean_the_same_face(halves: dict[str, RgbImage]) -> None:
    for name, image in halves.items():
        one, other = (build(40).detect(image)[0].box for build in (HogDetector, CnnDetector))
        assert one.overlap(other) > 0.5, name


@every_detector
def test_no_face_is_found_where_there_is_none(build: Builder, material: Material, read: Reader) -> None:
    for path in (material.coffee, material.rocket):
        assert build(60).detect(read(path, 400)) == []


@every_detector
@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (700, 1), (2, 3), (30, 30), (79, 81)])
def test_images_without_room_for_a_face_have_none(build: Builder, shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert build(60).detect(noise) == []
    assert build(1000).detect(noise) == []


@every_detector
@pytest.mark.parametrize("level", [0, 127, 255])
def test_flat_images_have_no_face(build: Builder, level: int) -> None:
    assert build(40).detect(np.full((120, 160, 3), level, np.uint8)) == []


@every_detector
def test_a_grey_photograph_has_its_face(build: Builder, halves: dict[str, RgbImage]) -> None:
    grey = cv2.cvtColor(halves["astronaut"], cv2.COLOR_RGB2GRAY)
    assert len([found for found in build(40).detect(np.dstack([grey] * 3)) if found.score > 0.5]) == 1


@every_detector
def test_faces_come_in_order_of_descending_score(build: Builder, halves: dict[str, RgbImage]) -> None:
    height = max(image.shape[0] for image in halves.values())
    padded = [np.pad(image, ((0, height - image.shape[0]), (0, 0), (0, 0))) for image in halves.values()]
    scores = [detection.score for detection in build(40).detect(np.concatenate(padded, axis=1))]
    assert len(scores) >= 5
    assert scores == sorted(scores, reverse=True)


@every_detector
def test_the_same_image_gives_the_same_faces(build: Builder, halves: dict[str, RgbImage]) -> None:
    image = halves["obama"]
    first = build(40).detect(image)
    build(40).detect(halves["biden"])
    assert build(40).detect(image) == first
    strided = np.repeat(image, 2, axis=1)[:, ::2]
    assert not strided.flags.c_contiguous
    assert build(40).detect(strided) == first


@every_detector
def test_boxes_are_in_pixels_of_the_image_whatever_scale_was_searched(
    build: Builder, halves: dict[str, RgbImage]
) -> None:
    image = halves["obama"]
    near = build(40).detect(image)[0].box
    doubled = cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR).astype(np.uint8)
    for smallest in (60, 80, 110):
        box = build(smallest).detect(doubled)[0].box
        halved = Box(box.left // 2, box.top // 2, box.right // 2, box.bottom // 2)
        assert halved.overlap(near) > 0.6, smallest


@every_detector
def test_the_smallest_face_is_found_and_smaller_ones_are_not(build: Builder, halves: dict[str, RgbImage]) -> None:
    image = halves["obama"]
    edge = build(60).detect(image)[0].box.width
    assert 60 < edge < 100
    assert build(3 * edge).detect(image) == []
    assert build(round(0.8 * edge)).detect(image) != []


@every_detector
def test_enlarging_ends_at_twofold(build: Builder, halves: dict[str, RgbImage]) -> None:
    image = cv2.resize(halves["astronaut"], (120, 120), interpolation=cv2.INTER_AREA).astype(np.uint8)
    twofold = 40 if build is HogDetector else 20
    assert build(5).detect(image) == build(twofold).detect(image)


@every_detector
def test_the_name_tells_engine_and_options(build: Builder) -> None:
    assert build(60).name == {HogDetector: "hog/smallest60", CnnDetector: "dlib-cnn/smallest60"}[build]  # type: ignore[index]  # a class is a builder, too


def test_the_network_is_never_given_more_pixels_than_fit_into_memory(halves: dict[str, RgbImage]) -> None:
    # 64 million pixels, searched for faces of 20 px, would take over 100 GB; this must return, and find the face that
    # is still large enough.
    face = cv2.resize(halves["obama"], (1024, 1280)).astype(np.uint8)
    large = np.zeros((8000, 8000, 3), np.uint8)
    large[2000:3280, 3000:4024] = face
    [detection] = CnnDetector(20).detect(large)
    assert 3000 <= detection.box.left < detection.box.right <= 4024
    assert 2000 <= detection.box.top < detection.box.bottom <= 3280


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
    pairs = [tuple(int(x) for x in point) for point in points]
    assert pairs == [*expected["left_eye"][::-1], *expected["right_eye"], *expected["nose_tip"]] or sorted(
        pairs
    ) == sorted(point for part in expected.values() for point in part)


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
    """A chip of each portrait."""
    aligner, detector = DlibAligner(), HogDetector(60)
    cut = [aligner.align(image, [detector.detect(image)[0].box])[1] for image in portraits.values()]
    return np.concatenate(cut)


@pytest.mark.parametrize("mirror", [False, True])
def test_embeddings_do_not_depend_on_the_batch(chips: RgbImage, mirror: bool) -> None:
    embedder = DlibEmbedder(mirror=mirror)
    together = embedder.embed(chips)
    assert together.shape == (5, 128)
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
    np.testing.assert_array_equal(averaged.embed(chips), averaged.embed(mirrored))
    both = (plain.embed(chips).astype(np.float64) + plain.embed(mirrored)) / 2
    np.testing.assert_allclose(averaged.embed(chips), both, rtol=0, atol=1e-7)
    assert np.abs(plain.embed(chips) - averaged.embed(chips)).max() > 0.01


def test_the_space_tells_network_alignment_averaging_and_weights() -> None:
    plain, averaged = DlibEmbedder(mirror=False).space, DlibEmbedder(mirror=True).space
    assert (plain.name, plain.length) == ("dlib-resnet-v1/chip150-0.25", 128)
    assert (averaged.name, averaged.length) == ("dlib-resnet-v1/chip150-0.25/mirror", 128)
    assert plain.weights_sha256 == averaged.weights_sha256
    assert len(plain.weights_sha256) == 64
