from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from config.settings import GroupingSettings
from models import grouping
from models.engine import build_engine
from models.faces import Embeddings, RgbImage
from models.grouping import group_faces, template

LIMIT = 0.5


@dataclass(frozen=True)
class Video:
    """Faces of one video."""

    samples: NDArray[np.int64]
    boxes: NDArray[np.int64]
    embeddings: Embeddings
    weights: NDArray[np.float64]

    def grouped(self, largest_distance: float = LIMIT) -> NDArray[np.int64]:
        return group_faces(self.samples, self.boxes, self.embeddings, self.weights, largest_distance)

    def reordered(self, order: NDArray[np.int64]) -> "Video":
        return Video(self.samples[order], self.boxes[order], self.embeddings[order], self.weights[order])


def people(count: int, seed: int = 0) -> Embeddings:
    """Embeddings of unit length, about 1.4 apart."""
    directions = np.random.default_rng(seed).normal(size=(count, 128))
    return (directions / np.linalg.norm(directions, axis=1, keepdims=True)).astype(np.float32)


def video(samples: list[int], lefts: list[int], embeddings: Embeddings) -> Video:
    """Faces of 50 px in a row; those at lefts 100 px apart do not overlap."""
    left = np.array(lefts, np.int64)
    boxes = np.stack((left, np.zeros_like(left), left + 50, np.full_like(left, 50)), axis=1)
    return Video(np.array(samples, np.int64), boxes, embeddings.astype(np.float32), np.ones(len(left)))


@st.composite
def videos(draw: st.DrawFn) -> Video:
    """A few people, some alike, with noise; up to four faces in a sample, at places that may overlap."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    centres = people(draw(st.integers(1, 5)), int(rng.integers(100)))
    likeness = draw(st.sampled_from([0.0, 0.5, 0.8]))
    centres = likeness * centres[:1] + (1 - likeness) * centres
    faces_in_samples = draw(st.lists(st.integers(0, 4), min_size=1, max_size=12))
    samples = np.repeat(np.arange(len(faces_in_samples)), faces_in_samples)
    count = len(samples)
    noise = draw(st.sampled_from([0.0, 0.1, 0.4])) * people(max(count, 1), int(rng.integers(100)))[:count]
    left, top = rng.integers(0, 4, (2, count)) * 30
    return Video(
        samples=samples.astype(np.int64),
        boxes=np.stack((left, top, left + 50, top + 50), axis=1).astype(np.int64),
        embeddings=(centres[rng.integers(0, len(centres), count)] + noise).astype(np.float32),
        weights=rng.choice([0.0, 0.3, 1.0], count),
    )


@given(videos(), st.randoms(use_true_random=False))
def test_the_order_of_the_faces_does_not_matter(given_video: Video, random: object) -> None:
    order = list(range(len(given_video.samples)))
    random.shuffle(order)  # type: ignore[attr-defined]  # hypothesis declares its random as object
    permuted = np.array(order, np.int64)
    np.testing.assert_array_equal(given_video.reordered(permuted).grouped(), given_video.grouped()[permuted])


@given(videos())
def test_two_faces_of_one_sample_are_never_one_person(given_video: Video) -> None:
    labels = given_video.grouped(largest_distance=2.0)
    seen = list(zip(given_video.samples.tolist(), labels.tolist(), strict=True))
    assert len(set(seen)) == len(seen)


@given(videos())
def test_groups_that_may_join_are_farther_apart_than_the_limit(given_video: Video) -> None:
    labels = given_video.grouped()
    for one, other in combinations(range(labels.max(initial=-1) + 1), 2):
        first, second = labels == one, labels == other
        if set(given_video.samples[first]) & set(given_video.samples[second]):
            continue
        means = [template(given_video.embeddings[part], given_video.weights[part]) for part in (first, second)]
        assert np.linalg.norm(means[0] - means[1]) > LIMIT - 1e-5


@given(videos())
def test_labels_are_numbered_in_order_of_first_appearance(given_video: Video) -> None:
    labels = given_video.grouped()
    order = np.lexsort((given_video.boxes[:, 1], given_video.boxes[:, 0], given_video.samples))
    _, first = np.unique(labels[order], return_index=True)
    assert labels.tolist() == [] or labels.min() == 0
    assert np.all(np.diff(first) > 0) or _some_faces_share_a_place(given_video)


def _some_faces_share_a_place(given_video: Video) -> bool:
    places = set(zip(given_video.samples.tolist(), map(tuple, given_video.boxes.tolist()), strict=True))
    return len(places) < len(given_video.samples)


def test_no_faces_give_no_labels() -> None:
    nothing = video([], [], np.empty((0, 128), np.float32))
    assert nothing.grouped().tolist() == []


def test_one_face_is_one_person() -> None:
    assert video([5], [0], people(1)).grouped().tolist() == [0]


def test_people_are_told_apart_and_found_again_elsewhere() -> None:
    one, other = people(2)
    shown = video([0, 0, 1, 50, 90, 90], [0, 100, 0, 300, 0, 100], np.stack([one, other, one, other, other, one]))
    assert shown.grouped().tolist() == [0, 1, 0, 1, 1, 0]


def test_twins_on_screen_together_stay_two_and_each_keeps_its_place() -> None:
    twins = np.repeat(people(1), 8, axis=0)
    shown = video([0, 0, 1, 1, 2, 2, 3, 3], [0, 100, 2, 102, 4, 104, 6, 106], twins)
    assert shown.grouped().tolist() == [0, 1] * 4


def test_a_head_that_turns_slowly_stays_one_person_while_it_is_followed() -> None:
    start, end = people(2)
    angles = np.linspace(0, np.pi / 2, 20)[:, np.newaxis]
    turning = (np.cos(angles) * start + np.sin(angles) * end).astype(np.float32)
    assert np.linalg.norm(turning[0] - turning[-1]) > 2 * LIMIT
    followed = video(list(range(20)), [3 * k for k in range(20)], turning)
    scattered = video(list(range(0, 40, 2)), [3 * k for k in range(20)], turning)
    assert followed.grouped(0.8).max() < scattered.grouped(0.8).max() + 1
    assert followed.grouped(0.8).max() <= 1


def test_a_cut_to_another_person_at_the_same_place_is_not_followed() -> None:
    one, other = people(2)
    assert video([0, 1, 2, 3], [0, 0, 0, 0], np.stack([one, one, other, other])).grouped().tolist() == [0, 0, 1, 1]


def test_the_nearest_join_first() -> None:
    # The middle face may be of the first or of the last person, who are in one sample; it is nearer to the last.
    base = np.zeros((3, 128), np.float32)
    base[:, 0] = 0.0, 0.25, 0.45
    shown = video([0, 5, 0], [0, 0, 200], base)
    assert shown.grouped().tolist() == [0, 1, 1]


def test_a_face_of_no_quality_hardly_moves_its_group() -> None:
    base = np.zeros((3, 128), np.float32)
    base[:, 0] = 0.0, 0.4, 0.8
    shown = video([0, 10, 20], [0, 0, 0], base)
    heavy = Video(shown.samples, shown.boxes, shown.embeddings, np.array([1.0, 0.0, 1.0]))
    light = Video(shown.samples, shown.boxes, shown.embeddings, np.array([0.0, 1.0, 0.0]))
    assert heavy.grouped().max() == 1
    assert light.grouped().max() == 0


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000))
def test_few_neighbours_at_a_time_find_the_same_people(seed: int) -> None:
    rng = np.random.default_rng(seed)
    centres = people(6, seed)
    member = rng.integers(0, 6, 300)
    faces = centres[member] + 0.2 * people(300, seed + 1)
    shown = video(list(range(0, 600, 2)), [0] * 300, faces)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grouping, "_PAIRS_PER_ROUND", 300 * 3)
        few = shown.grouped()
    np.testing.assert_array_equal(few, shown.grouped())
    assert len(set(zip(few.tolist(), member.tolist(), strict=True))) == len(set(member.tolist()))


def test_a_day_of_one_talking_head_with_cuts_is_one_person() -> None:
    # 20,000 faces that are all near each other: every pair of them would take gigabytes.
    faces = people(1) + 0.2 * people(20_000, seed=1)
    assert video(list(range(0, 40_000, 2)), [0] * 20_000, faces).grouped().max() == 0


def test_real_faces_of_one_man_are_one_person(portraits: dict[str, RgbImage]) -> None:
    engine = build_engine("hog", 60, mirror=True)
    faces = [engine.analyse(portraits[name])[0] for name in ("obama", "biden", "obama2", "astronaut", "obama3")]
    shown = video([0, 4, 8, 12, 16], [0] * 5, np.stack([face.embedding for face in faces]))
    assert shown.grouped(GroupingSettings().largest_distance).tolist() == [0, 1, 0, 2, 0]


def test_a_template_is_the_weighted_mean() -> None:
    faces = people(3)
    weights = np.array([1.0, 2.0, 5.0])
    expected = (faces[0] + 2 * faces[1] + 5 * faces[2]) / 8
    np.testing.assert_allclose(template(faces, weights), expected, atol=1e-6)
    assert template(faces, weights).dtype == np.float32


def test_a_template_of_faces_without_quality_is_their_plain_mean() -> None:
    faces = people(4)
    np.testing.assert_allclose(template(faces, np.zeros(4)), faces.mean(axis=0), atol=1e-6)


def test_a_template_of_one_face_is_that_face() -> None:
    np.testing.assert_allclose(template(people(1), np.array([0.4])), people(1)[0], atol=1e-7)
