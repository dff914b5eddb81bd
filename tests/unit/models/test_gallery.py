from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.decision import CalibratedRule, Candidate, NearestRule
from models.faces import Embedding, Embeddings
from models.gallery import VARIANCE_SHARE, Calibrated, Gallery
from models.normalised import NormalisedIndex, people

SPACE = "dlib-resnet-v1/chip150-0.25"


def faces(count: int, seed: int, spread: float = 0.1) -> Embeddings:
    return np.random.default_rng(seed).normal(scale=spread, size=(count, 128)).astype(np.float32)


def brute_force(ids: NDArray[np.int64], embeddings: Embeddings, probe: Embedding, count: int) -> list[Candidate]:
    distances = np.linalg.norm(embeddings.astype(np.float64) - probe, axis=1)
    nearest = {int(identity): float(distances[ids == identity].min()) for identity in np.unique(ids)}
    ranked = sorted((distance, identity) for identity, distance in nearest.items())
    return [Candidate(identity, distance, distance) for distance, identity in ranked[:count]]


def same(found: list[Candidate], expected: list[Candidate]) -> bool:
    return [candidate.identity_id for candidate in found] == [candidate.identity_id for candidate in expected] and all(
        one.distance == pytest.approx(other.distance, abs=1e-9) for one, other in zip(found, expected, strict=True)
    )


@given(
    identities=st.lists(st.integers(-3, 2**40), min_size=1, max_size=60),
    count=st.integers(1, 12),
    seed=st.integers(0, 2**32 - 1),
)
def test_candidates_are_those_of_brute_force(identities: list[int], count: int, seed: int) -> None:
    ids, embeddings = np.array(identities, np.int64), faces(len(identities), seed)
    probe = faces(1, seed + 1)[0]
    assert same(Gallery(1, SPACE, ids, embeddings).candidates(probe, count), brute_force(ids, embeddings, probe, count))


@pytest.mark.parametrize("count", [1, 2, 7, 40, 50])
def test_one_persons_many_photographs_do_not_hide_the_others(count: int) -> None:
    rng = np.random.default_rng(3)
    probe = faces(1, 5)[0]
    crowd = probe + rng.normal(scale=0.001, size=(900, 128)).astype(np.float32)
    ids = np.concatenate([np.full(900, 17), np.arange(100, 139)]).astype(np.int64)
    embeddings = np.concatenate([crowd, faces(39, 6)])
    found = Gallery(1, SPACE, ids, embeddings).candidates(probe, count)
    assert same(found, brute_force(ids, embeddings, probe, count))
    assert len(found) == min(count, 40)
    assert found[0].identity_id == 17


def test_equal_distances_are_in_order_of_id_also_where_the_list_is_cut() -> None:
    ids = np.array([30, 10, 40, 20, 50], np.int64)
    embeddings = np.repeat(faces(1, 1), 5, axis=0)
    gallery = Gallery(1, SPACE, ids, embeddings)
    for count in range(1, 6):
        found = gallery.candidates(faces(1, 2)[0], count)
        assert [candidate.identity_id for candidate in found] == [10, 20, 30, 40, 50][:count]
        assert len({candidate.distance for candidate in found}) == 1


def test_an_enrolled_face_is_at_distance_zero_from_itself() -> None:
    embeddings = faces(200, 4)
    gallery = Gallery(1, SPACE, np.arange(200, dtype=np.int64), embeddings)
    assert gallery.candidates(embeddings[123], 1) == [Candidate(123, 0.0, 0.0)]


def test_distances_are_not_squared() -> None:
    enrolled = np.zeros((1, 128), np.float32)
    probe = np.zeros(128, np.float32)
    probe[:2] = 3.0, 4.0
    assert Gallery(1, SPACE, np.array([9], np.int64), enrolled).candidates(probe, 1) == [Candidate(9, 5.0, 5.0)]


def test_an_empty_gallery_has_no_candidates() -> None:
    gallery = Gallery(0, SPACE, np.empty(0, np.int64), np.empty((0, 128), np.float32))
    assert gallery.candidates(faces(1, 1)[0], 5) == []
    assert (len(gallery), gallery.identity_count) == (0, 0)


def test_fewer_identities_than_asked_for_gives_all_of_them() -> None:
    gallery = Gallery(3, SPACE, np.array([1, 1, 2], np.int64), faces(3, 1))
    assert {candidate.identity_id for candidate in gallery.candidates(faces(1, 2)[0], 10)} == {1, 2}
    assert (len(gallery), gallery.identity_count, gallery.version, gallery.space) == (3, 2, 3, SPACE)


def test_none_asked_for_gives_none() -> None:
    assert Gallery(1, SPACE, np.array([1], np.int64), faces(1, 1)).candidates(faces(1, 2)[0], 0) == []


def test_arrays_of_a_mapped_file_are_searched_where_they_lie(tmp_path: Path) -> None:
    ids, embeddings = np.arange(3000, dtype=np.int64) // 2, faces(3000, 1)
    np.save(tmp_path / "ids.npy", ids)
    np.save(tmp_path / "embeddings.npy", embeddings)
    mapped = [np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in ("ids", "embeddings")]
    gallery = Gallery(1, SPACE, *mapped)
    assert np.shares_memory(gallery._identity_ids, mapped[0])
    assert np.shares_memory(gallery._index._vectors, mapped[1])
    for probe in faces(20, 2):
        assert gallery.candidates(probe, 5) == Gallery(1, SPACE, ids, embeddings).candidates(probe, 5)


@pytest.mark.parametrize(
    ("ids", "embeddings"),
    [(np.arange(3), faces(2, 1)), (np.arange(2).reshape(1, 2), faces(2, 1)), (np.arange(128), faces(1, 1)[0])],
)
def test_arrays_that_do_not_fit_are_refused(ids: NDArray[np.int64], embeddings: Embeddings) -> None:
    with pytest.raises(ValueError, match="identities of"):
        Gallery(1, SPACE, ids, embeddings)


@given(
    identities=st.lists(st.integers(0, 8), min_size=0, max_size=60),
    count=st.integers(0, 12),
    seed=st.integers(0, 2**32 - 1),
    probes=st.integers(0, 6),
)
def test_many_probes_are_answered_as_each_by_itself(identities: list[int], count: int, seed: int, probes: int) -> None:
    gallery = Gallery(1, SPACE, np.array(identities, np.int64), faces(len(identities), seed))
    asked = faces(probes, seed + 1)
    assert gallery.candidates_of_each(asked, count) == [gallery.candidates(probe, count) for probe in asked]


def test_a_crowd_around_one_probe_is_searched_farther_for_that_one_alone() -> None:
    rng = np.random.default_rng(3)
    asked = faces(3, 5)
    crowd = asked[1] + rng.normal(scale=0.001, size=(900, 128)).astype(np.float32)
    ids = np.concatenate([np.full(900, 17), np.arange(100, 139)]).astype(np.int64)
    embeddings = np.concatenate([crowd, faces(39, 6)])
    found = Gallery(1, SPACE, ids, embeddings).candidates_of_each(asked, 5)
    for probe, candidates in zip(asked, found, strict=True):
        assert same(candidates, brute_force(ids, embeddings, probe, 5))


@pytest.mark.parametrize("calibrate", [False, True])
def test_the_variance_of_a_template_s_faces_makes_up_for_their_mean(calibrate: bool) -> None:
    embeddings = np.random.default_rng(1).normal(0, 0.05, (150, 128)).astype(np.float32)
    ids = np.arange(150, dtype=np.int64)
    known = people(ids, embeddings, np.empty((0, 128), np.float32))
    assert known is not None
    calibrated = Calibrated(NormalisedIndex(known), CalibratedRule(1, 0.0, 0.1, -10, 0)) if calibrate else None
    gallery = Gallery(1, SPACE, ids, embeddings, calibrated)
    rule = NearestRule(0.6, 0.0)
    probes = embeddings[[7, 7, 7]] + np.float32(0.02)
    single, none, much = gallery.verdicts(probes, rule, np.array([0.0, 0.0, 0.3]))
    assert single == none == gallery.verdicts(probes[:1], rule)[0]
    assert single.first is not None
    assert much.first is not None
    assert (single.first.identity_id, much.first.identity_id) == (7, 7)
    assert much.first.distance == single.first.distance
    assert much.first.score > single.first.score + 0.05
    if not calibrate:
        assert much.first.score == pytest.approx(np.hypot(single.first.distance, np.sqrt(0.3 * VARIANCE_SHARE)))
