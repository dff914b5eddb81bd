"""Leaving people out against searching galleries that were made without them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.cohort import UNLABELLED, Cohort
from models.leave_one_out import Enrolled, search_left_out
from models.neighbours import pairwise
from models.templates import template, templates_by_identity

NEAREST = 4


def faces(seed: int, count: int) -> NDArray[np.float32]:
    generator = np.random.default_rng(seed)
    scales = generator.choice([0.03, 0.06, 0.1], size=(count, 1))
    return (scales * generator.normal(size=(count, 128))).astype(np.float32)


def first_score(
    probe: NDArray[np.float32], identity_ids: NDArray[np.int64], templates: NDArray[np.float32], cohort: Cohort
) -> tuple[float, int]:
    """By the definition: every score of a gallery, without any of the short cuts."""
    terms = cohort.terms(templates, identity_ids)
    taken = cohort.probe_terms(probe[np.newaxis])[0]
    distances = pairwise(probe[np.newaxis], templates)[0]
    scores = [
        float(distance - term - taken.beside(identity))
        for distance, term, identity in zip(distances, terms, identity_ids.tolist(), strict=True)
    ]
    best = int(np.argmin(scores))
    return scores[best], int(identity_ids[best])


@given(seed=st.integers(0, 1000), photographs=st.integers(1, 3), unknown=st.integers(0, 9))
@settings(max_examples=25)
def test_a_stranger_scores_as_in_a_gallery_without_that_person(seed: int, photographs: int, unknown: int) -> None:
    people = np.arange(100, 115)
    identity_ids = np.repeat(people, photographs)
    enrolled = Enrolled(identity_ids, faces(seed, len(identity_ids)), np.ones(len(identity_ids)))
    others = faces(seed + 1, unknown)

    def cohort_of(ids: NDArray[np.int64], templates: NDArray[np.float32]) -> Cohort:
        owners = np.concatenate([np.full(unknown, UNLABELLED), ids])
        return Cohort(np.concatenate([others, templates]), owners, NEAREST)

    whole = templates_by_identity(identity_ids, enrolled.embeddings, enrolled.weights)
    found = search_left_out(enrolled, cohort_of(*whole), most_people=99, most_photographs=99, seed=0)
    assert sorted(found.stranger_people.tolist()) == identity_ids.tolist()
    for person in people.tolist():
        kept = identity_ids != person
        rest = templates_by_identity(identity_ids[kept], enrolled.embeddings[kept], enrolled.weights[kept])
        cohort = cohort_of(*rest)
        expected = [first_score(probe, *rest, cohort)[0] for probe in enrolled.embeddings[~kept]]
        assert np.sort(found.strangers[found.stranger_people == person]) == pytest.approx(np.sort(expected), abs=1e-6)


def test_a_probe_of_an_enrolled_person_is_compared_with_the_other_photographs() -> None:
    identity_ids = np.repeat(np.arange(30), 2)
    centres = faces(1, 30)
    generator = np.random.default_rng(2)
    embeddings = centres[identity_ids] + generator.normal(0, 0.01, (60, 128)).astype(np.float32)
    # Somebody whose two photographs are of two people.
    embeddings[1] = faces(3, 1)[0]
    enrolled = Enrolled(identity_ids, embeddings, np.ones(60))
    ids, templates = templates_by_identity(identity_ids, embeddings, enrolled.weights)
    cohort = Cohort(templates, ids, NEAREST)
    found = search_left_out(enrolled, cohort, most_people=99, most_photographs=99, seed=0)
    assert found.mated_people.tolist() == sorted(identity_ids.tolist())
    assert not found.right[found.mated_people == 0].any()
    assert found.right[found.mated_people != 0].all()
    own = found.mated_people == 7
    first, second = embeddings[identity_ids == 7]
    term = cohort.terms(template(second[np.newaxis], np.ones(1))[np.newaxis], np.array([7]))[0]
    taken = cohort.others(first[np.newaxis], np.array([7]), NEAREST)[0].mean() / 2
    expected = float(np.linalg.norm(first.astype(np.float64) - second)) - term - taken
    assert np.abs(found.mated[own] - expected).min() < 1e-6


def test_many_people_are_drawn_and_each_gives_a_few_photographs() -> None:
    identity_ids = np.repeat(np.arange(50), 6)
    enrolled = Enrolled(identity_ids, faces(1, 300), np.ones(300))
    ids, templates = templates_by_identity(identity_ids, enrolled.embeddings, enrolled.weights)
    found = search_left_out(enrolled, Cohort(templates, ids), most_people=20, most_photographs=2, seed=0)
    people, counts = np.unique(found.stranger_people, return_counts=True)
    assert (len(people), set(counts.tolist())) == (20, {2})


def test_people_of_one_photograph_tell_nothing_of_misses() -> None:
    enrolled = Enrolled(np.arange(20), faces(1, 20), np.ones(20))
    cohort = Cohort(enrolled.embeddings, enrolled.identity_ids)
    found = search_left_out(enrolled, cohort, most_people=99, most_photographs=9, seed=0)
    assert (len(found.strangers), len(found.mated), len(found.right)) == (20, 0, 0)


def test_distances_are_found_some_probes_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    enrolled = Enrolled(np.repeat(np.arange(20), 2), faces(1, 40), np.ones(40))
    ids, templates = templates_by_identity(enrolled.identity_ids, enrolled.embeddings, enrolled.weights)
    cohort = Cohort(templates, ids)
    whole = search_left_out(enrolled, cohort, most_people=99, most_photographs=9, seed=0)
    monkeypatch.setattr("models.leave_one_out._DISTANCES_AT_ONCE", 70)
    parts = search_left_out(enrolled, cohort, most_people=99, most_photographs=9, seed=0)
    assert parts.strangers == pytest.approx(whole.strangers, abs=1e-9)
    assert parts.mated == pytest.approx(whole.mated, abs=1e-9)
