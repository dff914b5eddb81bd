import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.errors import NotEnoughPeople
from evaluation.open_set import draw

# 60 people: one has one photograph, the next two, then three, four, five, and so on again.
PEOPLE = np.repeat(np.arange(60), np.tile([1, 2, 3, 4, 5], 12))


@given(
    photographs=st.integers(1, 3), gallery=st.integers(1, 20), cohort=st.integers(0, 20), seed=st.integers(0, 10_000)
)
@settings(deadline=None)
def test_nobody_is_two_of_enrolled_stranger_and_cohort(photographs: int, gallery: int, cohort: int, seed: int) -> None:
    split = draw(PEOPLE, gallery, photographs, seed, strangers=15, cohort=cohort)
    groups = [set(PEOPLE[faces].tolist()) for faces in (split.enrolled.ravel(), split.strangers, split.cohort)]
    assert [len(group) for group in groups] == [gallery, 15, cohort]
    assert len(set.union(*groups)) == gallery + 15 + cohort
    assert split.enrolled.shape == (gallery, photographs)
    assert (PEOPLE[split.enrolled] == split.identities[:, np.newaxis]).all()
    # Every other photograph of the enrolled is a probe, and all of the strangers'.
    assert set(split.mated.tolist()) | set(split.enrolled.ravel().tolist()) == set(
        np.flatnonzero(np.isin(PEOPLE, split.identities)).tolist()
    )
    assert not set(split.mated.tolist()) & set(split.enrolled.ravel().tolist())
    assert set(PEOPLE[split.mated].tolist()) == groups[0]
    assert split.strangers.tolist() == np.flatnonzero(np.isin(PEOPLE, list(groups[1]))).tolist()


def test_a_seed_is_a_draw() -> None:
    first, again, other = (draw(PEOPLE, 10, 1, seed) for seed in (1, 1, 2))
    assert np.array_equal(first.enrolled, again.enrolled)
    assert np.array_equal(first.cohort, again.cohort)
    assert not np.array_equal(first.identities, other.identities)


def test_what_is_not_numbered_is_shared_out() -> None:
    split = draw(PEOPLE, 10, 1, 0)
    assert len(split.cohort) == 25
    assert len(np.unique(PEOPLE[split.strangers])) == 25
    assert len(draw(PEOPLE, 10, 1, 0, strangers=30).cohort) == 20
    assert len(np.unique(PEOPLE[draw(PEOPLE, 10, 1, 0, cohort=8).strangers])) == 42
    large = np.repeat(np.arange(3000), 2)
    assert len(draw(large, 10, 1, 0).cohort) == 1000


def test_too_few_people_are_told() -> None:
    with pytest.raises(NotEnoughPeople, match="only 12 people have more photographs"):
        draw(PEOPLE, 13, 4, 0)
    with pytest.raises(NotEnoughPeople, match="only 50 people are not enrolled"):
        draw(PEOPLE, 10, 1, 0, strangers=30, cohort=21)
    with pytest.raises(NotEnoughPeople):
        draw(PEOPLE, 10, 1, 0, cohort=50)
    with pytest.raises(NotEnoughPeople):
        draw(PEOPLE, 10, 1, 0, strangers=51)
