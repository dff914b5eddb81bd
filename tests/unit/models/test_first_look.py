"""After a first look in integers the network finds what it finds everywhere."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import first_look
from models.faces import RgbImage
from models.first_look import Region, Scores
from models.networks import session
from models.onnx_engines import MmodDetector
from models.pyramid import Canvas, Pixels, layout

Reader = Callable[[Path, int], RgbImage]


def drawn(image: RgbImage) -> Pixels:
    return Canvas(layout(*image.shape[:2]), session.detection_network().normalisation).draw(image)


def network(pixels: Pixels) -> Scores:
    return session.detection_session("cpu").run(pixels)


def assert_same_detections(image: RgbImage, subject: str) -> int:
    everywhere = MmodDetector(80, first_look=False).detect(image)
    looked = MmodDetector(80).detect(image)
    # A score of about 0 may fall on either side of the threshold by the order of summation.
    everywhere, looked = ([face for face in faces if face.score > 1e-4] for faces in (everywhere, looked))
    assert [face.box for face in looked] == [face.box for face in everywhere], subject
    np.testing.assert_allclose([face.score for face in looked], [face.score for face in everywhere], atol=1e-4)
    return len(everywhere)


def test_the_same_faces_in_real_pictures(corpus: Path, read: Reader) -> None:
    paths = [
        *islice(sorted((corpus / "groups").rglob("*.jpg")), 40),
        *islice(sorted((corpus / "scenes" / "hard").rglob("*.jpg")), 20),
        *islice(sorted((corpus / "faces" / "lfw").rglob("*.jpg")), 0, 2000, 50),
    ]
    assert len(paths) >= 90
    assert sum(assert_same_detections(read(path, 400), path.name) for path in paths) > 60


def test_the_same_faces_in_public_pictures(portraits: dict[str, RgbImage]) -> None:
    for name, portrait in portraits.items():
        assert assert_same_detections(portrait, name) == 1


def test_the_same_faces_where_they_fill_the_picture(portraits: dict[str, RgbImage]) -> None:
    found = 0
    for name, portrait in portraits.items():
        face, *_ = MmodDetector(80).detect(portrait)
        for margin in (-0.1, 0.0, 0.1):
            dx, dy = round(face.box.width * margin), round(face.box.height * margin)
            left, top = max(0, face.box.left - dx), max(0, face.box.top - dy)
            head = portrait[top : face.box.bottom + dy, left : face.box.right + dx]
            found += assert_same_detections(np.ascontiguousarray(head), f"{name} {margin}")
    assert found >= 5


def test_a_crowd_is_looked_at_everywhere(portraits: dict[str, RgbImage]) -> None:
    [face] = [face for face in MmodDetector(80).detect(portraits["obama"]) if face.score > 0.5]
    box = face.box
    head = portraits["obama"][box.top - 20 : box.bottom + 20, box.left - 20 : box.right + 20]
    crowd = np.ascontiguousarray(np.tile(head, (3, 3, 1)))
    assert assert_same_detections(crowd, "a crowd") >= 9
    seen = first_look.where_needed(drawn(crowd), layout(*crowd.shape[:2]), session.first_look_session().run, network)
    assert np.isfinite(seen).all()


def test_strips_change_nothing(portraits: dict[str, RgbImage], monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = drawn(portraits["biden"])
    whole = first_look.everywhere(pixels, network)
    monkeypatch.setattr(first_look, "_CELLS_AT_ONCE", 700)
    calls = []

    def counted(part: Pixels) -> Scores:
        calls.append(part.shape)
        return network(part)

    np.testing.assert_allclose(first_look.everywhere(pixels, counted), whole, atol=1e-5)
    assert len(calls) > 5


def test_a_first_look_sees_across_the_seams_of_strips(
    portraits: dict[str, RgbImage], monkeypatch: pytest.MonkeyPatch
) -> None:
    image = portraits["biden"]
    pixels, plan = drawn(image), layout(*image.shape[:2])
    glance = session.first_look_session().run
    whole = first_look.where_needed(pixels, plan, glance, network)
    monkeypatch.setattr(first_look, "_CELLS_AT_A_GLANCE", 300)
    np.testing.assert_array_equal(
        np.isfinite(first_look.where_needed(pixels, plan, glance, network)), np.isfinite(whole)
    )


def test_where_nothing_is_seen_the_network_is_not_run(portraits: dict[str, RgbImage]) -> None:
    image = np.full_like(portraits["biden"], 90)
    pixels, plan = drawn(image), layout(*image.shape[:2])

    def never(part: Pixels) -> Scores:
        raise AssertionError(part.shape)

    scores = first_look.where_needed(pixels, plan, session.first_look_session().run, never)
    assert np.isneginf(scores).all()


@given(
    rows=st.integers(1, 40),
    columns=st.integers(1, 40),
    seen=st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39)), max_size=12),
)
def test_every_cell_that_is_wanted_lies_in_a_place(rows: int, columns: int, seen: list[tuple[int, int]]) -> None:
    wanted = np.zeros((rows, columns), bool)
    for row, column in seen:
        wanted[row % rows, column % columns] = True
    covered = np.zeros_like(wanted)
    for place in first_look._places(wanted):
        assert 0 <= place.top < place.bottom <= rows
        assert 0 <= place.left < place.right <= columns
        place.of_scores(covered)[:] = True
    assert not (wanted & ~covered).any()
    assert covered.any() == wanted.any()


def test_a_region_is_widened_as_far_as_there_are_cells() -> None:
    assert Region(20, 22, 30, 31).widened(10, (100, 100)) == Region(10, 32, 20, 41)
    assert Region(3, 98, 0, 1).widened(10, (100, 9)) == Region(0, 100, 0, 9)


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 99))
def test_blocks_hold_rounded_levels(rows: int, columns: int, seed: int) -> None:
    levels = np.random.default_rng(seed).integers(0, 256 * 255, (2 * rows, 2 * columns, 3))
    found = first_look.blocks((levels + 128).astype(np.uint16))
    rounded = np.floor(levels / 256 + 0.5).astype(np.uint8)
    expected = rounded.reshape(rows, 2, columns, 2, 3).transpose(0, 2, 1, 3, 4).reshape(rows, columns, 12)
    np.testing.assert_array_equal(found, expected)
