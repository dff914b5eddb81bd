import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.cohort import UNLABELLED, Cohort


def vectors(seed: int, count: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(count, 128)).astype(np.float32)


def term(template: NDArray[np.float32], others: NDArray[np.float32], nearest: int) -> float:
    distances = np.linalg.norm(others.astype(np.float64) - template, axis=1)
    return float(np.sort(distances)[:nearest].mean() / 2)


def people(least: int, most: int) -> st.SearchStrategy[list[int]]:
    """Members of a cohort, some of them enrolled, each once."""
    enrolled = st.lists(st.integers(1, 8), unique=True, max_size=min(8, most))
    return enrolled.flatmap(
        lambda named: st.integers(max(0, least - len(named)), most - len(named)).flatmap(
            lambda others: st.permutations([*named, *[UNLABELLED] * others])
        )
    )


@given(
    seed=st.integers(0, 1000),
    members=people(9, 40),
    people=st.lists(st.sampled_from([UNLABELLED, 1, 2, 7]), min_size=0, max_size=9),
    nearest=st.integers(1, 3),
)
@settings(max_examples=60)
def test_a_term_is_half_the_mean_distance_to_the_nearest_members_that_are_somebody_else(
    seed: int, members: list[int], people: list[int], nearest: int
) -> None:
    cohort_people = np.array([*members, *[UNLABELLED] * nearest], np.int64)
    templates, probes = vectors(seed, len(cohort_people)), vectors(seed + 1, len(people))
    found = Cohort(templates, cohort_people, nearest).terms(probes, np.array(people, np.int64))
    for probe, person, value in zip(probes, people, found.tolist(), strict=True):
        others = templates[(cohort_people != person) | (person == UNLABELLED)]
        assert value == pytest.approx(term(probe, others, nearest), abs=1e-6)
    assert found.shape == (len(people),)


@given(
    seed=st.integers(0, 1000),
    members=people(0, 12),
    nearest=st.integers(1, 4),
)
@settings(max_examples=60)
def test_a_probe_is_compared_with_an_identity_as_if_that_one_were_not_in_the_cohort(
    seed: int, members: list[int], nearest: int
) -> None:
    people = np.array([*members, *[UNLABELLED] * nearest], np.int64)
    templates, probes = vectors(seed, len(people)), vectors(seed + 1, 3)
    found = Cohort(templates, people, nearest).probe_terms(probes)
    for probe, terms in zip(probes, found, strict=True):
        assert terms.common == pytest.approx(term(probe, templates, nearest), abs=1e-6)
        assert all(value > terms.common for value in terms.without.values())
        for identity in (1, 2, 3, 4):
            expected = term(probe, templates[people != identity], nearest)
            assert terms.beside(identity) == pytest.approx(expected, abs=1e-6)


def test_the_own_person_in_the_cohort_changes_nothing() -> None:
    others, own, probe = vectors(1, 30), vectors(2, 1), vectors(2, 1)
    without = Cohort(others, np.arange(30), 5)
    joined = Cohort(np.concatenate([others, own]), np.array([*range(30), 77]), 5)
    assert joined.terms(probe, np.array([77])) == pytest.approx(without.terms(probe, np.array([77])))
    # Beside anybody else it counts: it is as near as can be.
    assert joined.terms(probe, np.array([UNLABELLED]))[0] < without.terms(probe, np.array([77]))[0]


def test_unnamed_members_so_near_that_they_may_be_the_same_person_are_left_out() -> None:
    others, probe = vectors(1, 30), vectors(2, 1)
    own = probe + np.float32(0.01)
    people = np.full(31, UNLABELLED)
    without = Cohort(others, people[:30], 5)
    joined = Cohort(np.concatenate([others, own]), people, 5)
    assert joined.terms(probe, np.array([UNLABELLED])) == pytest.approx(without.terms(probe, np.array([UNLABELLED])))
    assert joined.probe_terms(probe)[0].common == pytest.approx(without.probe_terms(probe)[0].common)
    # Somebody who is enrolled is somebody else, however near.
    named = Cohort(np.concatenate([others, own]), np.append(people[:30], 7), 5)
    assert named.probe_terms(probe)[0].common < without.probe_terms(probe)[0].common


def test_many_that_are_left_out_do_not_hide_the_others() -> None:
    probe, others = vectors(2, 1), vectors(1, 6)
    crowd = np.repeat(probe, 40, axis=0) + np.float32(0.001)
    cohort = Cohort(np.concatenate([crowd, others]), np.full(46, UNLABELLED), 5)
    assert cohort.probe_terms(probe)[0].common == pytest.approx(term(probe[0], others, 5), abs=1e-6)
    with pytest.raises(ValueError, match="fewer than 7"):
        Cohort(np.concatenate([crowd, others]), np.full(46, UNLABELLED), 7).probe_terms(probe)


def test_it_takes_templates_in_parts_and_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    cohort, probes = Cohort(vectors(1, 50), np.arange(50)), vectors(2, 23)
    people = np.arange(23)
    whole = cohort.terms(probes, people)
    monkeypatch.setattr("models.cohort._TEMPLATES_AT_ONCE", 5)
    assert np.array_equal(cohort.terms(probes, people), whole)


def test_a_cohort_without_enough_other_people_is_refused() -> None:
    cohort = Cohort(vectors(1, 3), np.array([5, 6, UNLABELLED]), nearest=3)
    assert cohort.terms(vectors(2, 1), np.array([7])).shape == (1,)
    with pytest.raises(ValueError, match="fewer than 3 of the cohort's 3"):
        cohort.terms(vectors(2, 2), np.array([7, 5]))
    with pytest.raises(ValueError, match="fewer than 10"):
        Cohort(vectors(1, 9), np.arange(9)).terms(vectors(2, 1), np.array([UNLABELLED]))
    with pytest.raises(ValueError, match="fewer than 10"):
        Cohort(vectors(1, 0), np.arange(0)).terms(vectors(2, 1), np.array([UNLABELLED]))
    with pytest.raises(ValueError, match="fewer than 3"):
        Cohort(vectors(1, 3), np.arange(3), nearest=3).probe_terms(vectors(2, 1))


def test_two_members_of_one_identity_are_refused() -> None:
    with pytest.raises(ValueError, match="of one identity"):
        Cohort(vectors(1, 4), np.array([5, 6, 5, UNLABELLED]), nearest=2)


def test_arrays_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="people of"):
        Cohort(vectors(1, 4), np.arange(3))
    with pytest.raises(ValueError, match="0 nearest"):
        Cohort(vectors(1, 4), np.arange(4), nearest=0)
