import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.cohort import UNLABELLED, Cohort
from models.normalised import LEAST_COHORT, NormalisedIndex, People, people


def faces(seed: int, count: int) -> NDArray[np.float32]:
    """In clusters of several densities, so that terms differ."""
    generator = np.random.default_rng(seed)
    scales = generator.choice([0.02, 0.05, 0.1], size=(count, 1))
    return (scales * generator.normal(size=(count, 128))).astype(np.float32)


@given(seed=st.integers(0, 10_000), count=st.integers(0, 5))
@settings(max_examples=40)
def test_it_finds_what_scoring_everybody_finds(seed: int, count: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        # Two probes at a time.
        patch.setattr("models.normalised._SCORES_AT_ONCE", 170)
        patch.setattr("models.normalised.LARGEST_COHORT", 70)
        generator = np.random.default_rng(seed)
        identity_ids = np.sort(generator.choice(1000, size=80, replace=False))
        templates, unknown, probes = faces(seed, 80), faces(seed + 1, 30), faces(seed + 2, 6)
        known = people(identity_ids, templates, unknown)
        assert known is not None
        assert len(known.cohort) == 70
        cohort = Cohort(known.cohort, known.cohort_people)
        answers = NormalisedIndex(known).candidates_of_each(probes, count)
        for probe, found in zip(probes, answers, strict=True):
            expected = everybody(probe, templates, identity_ids, known.terms, cohort)[:count]
            assert [one.identity_id for one in found] == [identity for _, identity in expected]
            assert [one.score for one in found] == pytest.approx([score for score, _ in expected], abs=1e-6)
        assert len(answers) == len(probes)


def everybody(
    probe: NDArray[np.float32],
    templates: NDArray[np.float32],
    identity_ids: NDArray[np.int64],
    terms: NDArray[np.float64],
    cohort: Cohort,
) -> list[tuple[float, int]]:
    distances = np.linalg.norm(templates.astype(np.float64) - probe, axis=1)
    taken = cohort.probe_terms(probe[np.newaxis])[0]
    best: dict[int, float] = {}
    for distance, term, identity in zip(distances, terms, identity_ids.tolist(), strict=True):
        score = float(distance - term - taken.beside(identity))
        best[identity] = min(score, best.get(identity, np.inf))
    return sorted((score, identity) for identity, score in best.items())


def test_a_loner_comes_first_from_afar() -> None:
    near = faces(1, 2000) * np.float32(0.1)
    loner = np.full((1, 128), 0.5, np.float32)
    templates = np.concatenate([near, loner])
    # Its term says that everybody is far from it: then this distance is a small one.
    terms = np.append(np.zeros(2000), 20.0)
    known = People(np.arange(2001), templates, terms, faces(2, 20), np.arange(5000, 5020))
    found = NormalisedIndex(known).candidates_of_each(near[:1], 1)
    assert found[0][0].identity_id == 2000


def test_the_very_same_face_and_its_copies_are_in_order_of_id() -> None:
    templates = np.concatenate([faces(1, 200), np.repeat(faces(2, 1), 3, axis=0)])
    known = people(np.arange(203), templates, faces(3, 20))
    assert known is not None
    (found,) = NormalisedIndex(known).candidates_of_each(templates[-1:], 3)
    assert [one.identity_id for one in found] == [200, 201, 202]
    assert [one.distance for one in found] == [0, 0, 0]


def test_somebody_of_the_cohort_who_is_no_longer_enrolled_is_no_candidate() -> None:
    known = people(np.arange(10, 130), faces(1, 120), faces(2, 0))
    assert known is not None
    left = People(known.identity_ids[1:-1], known.templates[1:-1], known.terms[1:-1], known.cohort, known.cohort_people)
    for gone in (0, -1):
        (found,) = NormalisedIndex(left).candidates_of_each(known.templates[gone][np.newaxis], 200)
        assert {one.identity_id for one in found} == set(range(11, 129))


def test_an_empty_gallery_has_no_candidates() -> None:
    nobody = People(
        np.empty(0, np.int64),
        np.empty((0, 128), np.float32),
        np.empty(0),
        faces(2, 20),
        np.full(20, UNLABELLED),
    )
    assert NormalisedIndex(nobody).candidates_of_each(faces(1, 2), 3) == [[], []]


def test_a_gallery_without_enough_people_has_no_cohort() -> None:
    identity_ids, templates = np.arange(60), faces(1, 60)
    assert people(identity_ids, templates, faces(2, LEAST_COHORT - 61)) is None
    known = people(identity_ids, templates, faces(2, LEAST_COHORT - 60))
    assert known is not None
    assert (known.cohort_people == UNLABELLED).sum() == LEAST_COHORT - 60


def test_who_joins_the_cohort_of_a_large_gallery_hardly_changes_with_it() -> None:
    identity_ids, templates = np.arange(300), faces(1, 300)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("models.normalised.LARGEST_COHORT", 120)
        before = people(identity_ids, templates, faces(2, 20))
        after = people(identity_ids[5:], templates[5:], faces(2, 20))
    assert before is not None
    assert after is not None
    assert len(before.cohort_people) == len(after.cohort_people) == 120
    assert len(np.setdiff1d(before.cohort_people, after.cohort_people)) <= 5


def test_arrays_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="terms of"):
        NormalisedIndex(People(np.arange(3), faces(1, 3), np.zeros(2), faces(2, 20), np.arange(20)))
