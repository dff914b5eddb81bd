"""Limits from scores whose distribution is known."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.calibration import TAIL, StrangerScores, couples, missed, odds
from models.leave_one_out import LeftOut


def tailed(count: int, seed: int) -> NDArray[np.float64]:
    """P(score < s) = exp(10 s) for s below 0."""
    return np.log(np.random.default_rng(seed).random(count)) / 10


def test_a_limit_in_the_tail_is_where_the_distribution_has_it() -> None:
    limits = [StrangerScores(tailed(1000, seed), np.arange(1000)).limit(0.01) for seed in range(40)]
    assert np.mean(limits) == pytest.approx(math.log(0.01) / 10, abs=0.02)
    counted = [float(np.sort(tailed(1000, seed))[10]) for seed in range(40)]
    assert np.std(limits) < np.std(counted)


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    held = 0
    for seed in range(60):
        strangers = StrangerScores(tailed(400, seed), np.arange(400))
        limit = strangers.limit(0.01)
        estimate = strangers.fpir(limit, seed)
        assert estimate.value == pytest.approx(0.01)
        held += estimate.low <= math.exp(10 * limit) <= estimate.high
    assert held >= 51


def test_a_few_people_under_two_names_hardly_move_the_limit() -> None:
    clean = [StrangerScores(tailed(1000, seed), np.arange(1000)).limit(0.01) for seed in range(20)]
    spoilt = []
    for seed in range(20):
        scores = tailed(1000, seed)
        scores[:10] = -3.0
        spoilt.append(StrangerScores(scores, np.arange(1000)).limit(0.01))
    assert np.mean(clean) == pytest.approx(math.log(0.01) / 10, abs=0.03)
    assert np.mean(spoilt) == pytest.approx(np.mean(clean), abs=0.12)


def test_couples_are_each_others_first_candidates_the_most_alike_first() -> None:
    found = LeftOut(
        strangers=np.array([-0.1, -0.1, -0.4, -0.2, -0.35, 0.1]),
        stranger_people=np.array([1, 2, 5, 5, 6, 9]),
        stranger_firsts=np.array([2, 1, 6, 1, 5, 1]),
        mated=np.empty(0),
        right=np.empty(0, bool),
        mated_people=np.empty(0, np.int64),
    )
    assert couples(found) == [(5, 6, -0.4), (1, 2, -0.1)]


def test_two_who_are_each_others_first_candidate_are_drawn_together() -> None:
    scores = np.repeat(tailed(200, 1), 2)
    people = np.arange(400)
    couples = people ^ 1
    alone, together = StrangerScores(scores, people), StrangerScores(scores, people, couples)
    limit = alone.limit(0.02)
    assert together.limit(0.02) == limit
    narrow, wide = alone.fpir(limit), together.fpir(limit)
    assert (narrow.value, narrow.people) == (wide.value, wide.people)
    assert wide.high - wide.low > 1.2 * (narrow.high - narrow.low)
    # Candidates who are not searched for, or prefer somebody else, are no partners.
    chain = np.append(people[1:], 5)
    outside = StrangerScores(scores, people, np.full(400, 999)).fpir(limit)
    assert (outside.low, outside.high) == (narrow.low, narrow.high)
    assert StrangerScores(scores, people, chain).fpir(limit).value == narrow.value


@given(
    scores=st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=60),
    fpir=st.floats(0.0005, 0.9),
    seed=st.integers(0, 9),
)
@settings(max_examples=150)
def test_a_smaller_share_never_has_a_larger_limit(scores: list[float], fpir: float, seed: int) -> None:
    people = np.random.default_rng(seed).integers(0, max(1, len(scores) // 2), len(scores))
    strangers = StrangerScores(np.array(scores), people)
    assert strangers.limit(fpir / 2) <= strangers.limit(fpir)
    assert strangers.people == len(set(people.tolist()))


def test_outside_the_tail_it_is_counted() -> None:
    scores = np.linspace(0, 1, 101)
    strangers = StrangerScores(scores, np.arange(101))
    assert strangers.limit(0.5) == pytest.approx(0.5, abs=0.02)
    assert strangers.fpir(0.5).value == pytest.approx(0.495, abs=0.01)
    assert strangers.limit(TAIL / 2) < strangers.limit(TAIL) < strangers.limit(0.3)


def test_a_person_of_many_photographs_counts_once() -> None:
    # One of 101 people has 900 photographs, all with one score in the middle.
    scores = np.concatenate([np.linspace(0, 1, 100), np.full(900, 0.45)])
    people = np.concatenate([np.arange(100), np.full(900, 100)])
    strangers = StrangerScores(scores, people)
    assert strangers.people == 101
    assert strangers.fpir(0.46).value == pytest.approx(47 / 101, abs=0.01)


def test_equal_scores_have_a_limit() -> None:
    strangers = StrangerScores(np.zeros(50), np.arange(50))
    assert strangers.limit(0.01) == 0
    assert strangers.fpir(0.0).value == 0


def left_out(mated: list[float], right: list[bool], people: list[int]) -> LeftOut:
    nobody = np.empty(0), np.empty(0, np.int64), np.empty(0, np.int64)
    return LeftOut(*nobody, np.array(mated, np.float64), np.array(right, bool), np.array(people, np.int64))


def test_missed_are_those_that_are_wrong_or_not_below_the_limit() -> None:
    found = left_out([-0.3, -0.3, -0.1, -0.3], [True, False, True, True], [1, 2, 3, 4])
    estimate = missed(found, -0.2)
    assert estimate is not None
    assert (estimate.value, estimate.people) == (0.5, 4)
    assert 0 <= estimate.low <= 0.5 <= estimate.high <= 1
    assert missed(left_out([], [], []), -0.2) is None


def test_a_person_of_many_photographs_is_missed_once() -> None:
    found = left_out([0.0] * 8 + [-0.3], [True] * 9, [1] * 8 + [2])
    estimate = missed(found, -0.2)
    assert estimate is not None
    assert estimate.value == 0.5


def test_odds_are_those_of_two_normal_distributions() -> None:
    # Of equal deviation σ the logarithm of the odds is linear: slope (m1 − m2) / σ².
    generator = np.random.default_rng(0)
    slope, intercept = odds(generator.normal(-0.2, 0.1, 20_000), generator.normal(0.05, 0.1, 5_000))
    assert slope == pytest.approx(-25, rel=0.1)
    assert slope * -0.075 + intercept == pytest.approx(0, abs=0.1)


def test_odds_stay_finite_where_nothing_overlaps_and_flat_where_nothing_differs() -> None:
    slope, intercept = odds(np.full(40, -0.3), np.full(40, 0.1))
    assert slope < 0
    assert math.isfinite(slope)
    assert math.isfinite(intercept)
    assert odds(np.zeros(5), np.zeros(5))[0] == 0
    assert odds(np.array([0.2, 0.3]), np.array([-0.2, -0.3]))[0] == 0
