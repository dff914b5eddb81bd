from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from config.face_settings import FaceSettings, GroupingSettings
from models import grouping
from models.engine import build_engine
from models.faces import Embeddings, RgbImage
from models.grouping import group_faces
from models.templates import template

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
    return np.asarray(directions / np.linalg.norm(directions, axis=1, keepdims=True), np.float32)


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
    # Two faces of one sample are never at the same place: a place is a row and a column of a grid of 30 px.
    place = np.concatenate([rng.permutation(16)[:faces] for faces in faces_in_samples]).astype(np.int64)
    left, top = place % 4 * 30, place // 4 * 30
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


def average_distance(given_video: Video, one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Root mean square distance over all pairs of a face of one group and a face of another, by its definition."""
    faces = given_video.embeddings.astype(np.float64)
    squares = ((faces[one][:, np.newaxis] - faces[other][np.newaxis]) ** 2).sum(axis=2)
    weights = np.maximum(given_video.weights, 1e-3)
    return float(np.sqrt(np.average(squares, weights=np.outer(weights[one], weights[other]))))


@given(videos())
def test_groups_that_may_join_are_farther_apart_than_the_limit(given_video: Video) -> None:
    labels = given_video.grouped()
    for one, other in combinations(range(labels.max(initial=-1) + 1), 2):
        first, second = labels == one, labels == other
        if not set(given_video.samples[first]) & set(given_video.samples[second]):
            assert average_distance(given_video, first, second) > LIMIT - 1e-5


def agglomerated(given_video: Video, limit: float) -> set[frozenset[int]]:
    """Average linkage under constraints as the textbook has it: join the nearest pair that may join, and start anew."""
    count = len(given_video.samples)
    sets = [frozenset([face]) for face in range(count)]
    while True:
        near = []
        for one, other in combinations(sets, 2):
            if {int(given_video.samples[face]) for face in one} & {int(given_video.samples[face]) for face in other}:
                continue
            masks = [np.isin(np.arange(count), list(part)) for part in (one, other)]
            near.append((average_distance(given_video, *masks), sorted(one), sorted(other)))
        if not near or min(near)[0] > limit:
            return set(sets)
        _, first, second = min(near)
        sets = [part for part in sets if not part & {*first, *second}] + [frozenset([*first, *second])]


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), limit=st.sampled_from([0.3, 0.5, 0.7]), neighbours=st.sampled_from([2, 16]))
def test_scattered_faces_are_grouped_as_by_the_textbook(seed: int, limit: float, neighbours: int) -> None:
    # Every second sample only, so that nothing is followed from one to the next.
    rng = np.random.default_rng(seed)
    count = 12
    faces = 0.6 * people(3, seed)[rng.integers(0, 3, count)] + 0.35 * people(count, seed + 1)
    samples = np.sort(rng.integers(0, 9, count)) * 2
    shown = video(samples.tolist(), list(range(0, 100 * count, 100)), faces)
    weighted = Video(shown.samples, shown.boxes, shown.embeddings, rng.uniform(0.1, 1, count))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grouping, "_NEIGHBOURS", neighbours)
        labels = weighted.grouped(limit)
    assert {frozenset(np.flatnonzero(labels == label).tolist()) for label in labels} == agglomerated(weighted, limit)


@given(videos())
def test_labels_are_numbered_in_order_of_first_appearance(given_video: Video) -> None:
    labels = given_video.grouped()
    order = np.lexsort((given_video.boxes[:, 1], given_video.boxes[:, 0], given_video.samples))
    _, first = np.unique(labels[order], return_index=True)
    assert labels.min(initial=0) == 0
    assert np.all(np.diff(first) > 0)


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


def test_a_face_is_followed_at_its_place_where_the_embedding_cannot_tell() -> None:
    twins = np.repeat(people(1), 4, axis=0)
    assert video([0, 0, 1, 1], [0, 300, 310, 20], twins).grouped().tolist() == [0, 1, 1, 0]


def test_a_cut_to_another_person_at_the_same_place_is_not_followed() -> None:
    one, other = people(2)
    assert video([0, 1, 2, 3], [0, 0, 0, 0], np.stack([one, one, other, other])).grouped().tolist() == [0, 0, 1, 1]


def test_the_nearest_join_first() -> None:
    # The middle face may be of the first or of the last person, who are in one sample; it is nearer to the last.
    base = np.zeros((3, 128), np.float32)
    base[:, 0] = 0.0, 0.25, 0.45
    shown = video([0, 5, 0], [0, 0, 200], base)
    assert shown.grouped().tolist() == [0, 1, 1]


def test_a_chain_of_likenesses_does_not_make_one_person_of_two() -> None:
    chain = np.zeros((9, 128), np.float32)
    chain[:, 0] = np.arange(9) * 0.2
    labels = video(list(range(0, 18, 2)), [0] * 9, chain).grouped()
    assert labels[0] != labels[-1]
    assert labels.tolist() == sorted(labels.tolist())


def test_a_face_of_no_quality_hardly_counts_in_its_group() -> None:
    # The first two are one person; the last is 0.7 from the one and 0.4 from the other.
    line = np.zeros((3, 128), np.float32)
    line[:, 0] = 0.0, 0.3, 0.7
    shown = video([0, 10, 20], [0, 0, 0], line)

    def with_weights(*weights: float) -> list[int]:
        labels = Video(shown.samples, shown.boxes, shown.embeddings, np.array(weights)).grouped()
        return [int(label) for label in labels]

    assert with_weights(1.0, 0.0, 1.0) == [0, 0, 1]
    assert with_weights(0.0, 1.0, 1.0) == [0, 0, 0]


def test_more_equal_faces_than_neighbours_are_one_person() -> None:
    same = np.repeat(people(1), 200, axis=0)
    assert video(list(range(0, 400, 2)), [0] * 200, same).grouped().max() == 0


def test_a_wall_of_equal_faces_in_every_sample_is_as_many_people() -> None:
    # All the nearest neighbours of a face are in its own sample, and excluded.
    same = np.repeat(people(1), 120, axis=0)
    wall = video([0] * 40 + [5] * 40 + [9] * 40, [100 * k for k in range(40)] * 3, same)
    labels = wall.grouped()
    assert sorted(np.bincount(labels).tolist()) == [3] * 40


def test_a_day_of_one_talking_head_with_cuts_is_one_person() -> None:
    # 20,000 faces that are all near each other: every pair of them would take gigabytes.
    faces = people(1) + 0.2 * people(8_000, seed=1)
    assert video(list(range(0, 16_000, 2)), [0] * 8_000, faces).grouped().max() == 0


def test_real_faces_of_one_man_are_one_person(portraits: dict[str, RgbImage]) -> None:
    engine = build_engine(FaceSettings(detector="hog", smallest=60, mirror=True))
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


def test_poor_faces_join_by_place_and_time_only() -> None:
    one, other = people(2)
    near = one + 0.55 * other  # too far to look like it, near enough to be what a poor picture leaves of it
    faces = video([0, 1, 5, 6], [0, 0, 0, 300], np.stack([one, near, near, near]))
    recognisable = np.array([True, False, False, False])
    poor = group_faces(*_arrays(faces), LIMIT, recognisable)
    assert poor.tolist() == [0, 0, 1, 2], "a face that is alike elsewhere says nothing"
    assert faces.grouped().tolist() == [0, 1, 1, 1]


def test_a_poor_face_does_not_join_who_looks_quite_different() -> None:
    one, other = people(2)
    faces = video([0, 1], [0, 0], np.stack([one, other]))
    assert group_faces(*_arrays(faces), LIMIT, np.array([True, False])).tolist() == [0, 1]


def test_two_people_are_not_joined_by_a_poor_face_between_them() -> None:
    one, other = people(2)
    middle = (one + other) / 2
    faces = video([0, 1, 2], [0, 0, 0], np.stack([one, middle, 0.75 * middle + 0.25 * other]))
    assert np.linalg.norm(middle - one) > LIMIT
    assert group_faces(*_arrays(faces), LIMIT, np.array([True, False, True])).tolist() == [0, 1, 1]


@given(videos())
def test_poor_faces_change_nothing_among_the_others(given_video: Video) -> None:
    """Where no two samples follow each other, poor faces are alone, and the others are grouped as if these were not."""
    apart = replace(given_video, samples=given_video.samples * 2)
    recognisable = apart.weights > 0
    labels = group_faces(*_arrays(apart), LIMIT, recognisable)
    alone = apart.reordered(np.flatnonzero(recognisable)).grouped()
    np.testing.assert_array_equal(np.unique(labels[recognisable], return_inverse=True)[1], alone)
    assert len(np.unique(labels)) == len(np.unique(alone)) + int((~recognisable).sum())


def _arrays(
    faces: Video,
) -> tuple[NDArray[np.int64], NDArray[np.int64], Embeddings, NDArray[np.float64]]:
    return faces.samples, faces.boxes, faces.embeddings, faces.weights
