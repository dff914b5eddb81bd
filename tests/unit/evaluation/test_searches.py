import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from evaluation.intervals import clopper_pearson
from evaluation.searches import Searches

scores = st.lists(st.floats(-1, 1, width=16), min_size=1, max_size=60)


def searches(mated: list[float], strangers: list[float], right: list[bool] | None = None) -> Searches:
    return Searches(
        np.array(mated),
        np.array([True] * len(mated) if right is None else right),
        np.arange(len(mated)),
        np.array(strangers),
        np.arange(len(strangers)),
    )


def exponential(count: int, seed: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).exponential(size=count)


def test_rates_by_hand() -> None:
    found = searches([0.1, 0.2, 0.3, 0.4], [0.35, 0.25, 0.5, 0.6, 0.7], right=[True, False, True, True])
    assert found.rank_1 == 0.75
    assert found.limit(0) == 0.25
    assert found.limit(0.2) == found.limit(0.39) == 0.35
    assert found.limit(1) == float("inf")
    assert found.fnir(0.35) == 0.5  # the second is another's name, the fourth is not below
    assert found.fpir(0.35) == 0.2
    assert found.wrongly_named(0.35) == 0.25
    assert found.curve([0, 0.4]) == [(0, 0.75, 0.25), (0.4, 0.25, 0.5)]


def test_a_limit_of_exponential_scores_is_where_their_distribution_says() -> None:
    found = searches(exponential(20_000, 1).tolist(), exponential(200_000, 2).tolist())
    for fpir in (0.001, 0.01, 0.1):
        limit = found.limit(fpir)
        assert limit == pytest.approx(-np.log1p(-fpir), rel=0.15)
        assert found.fpir(limit) == pytest.approx(fpir, abs=1e-5)
        # The mated scores are of the same distribution: what is not below the limit is missed.
        assert found.fnir(limit) == pytest.approx(1 - fpir, abs=0.01)


@given(scores, scores, st.lists(st.floats(0, 1), min_size=2, max_size=9))
def test_never_more_strangers_than_asked_for_and_both_rates_are_monotone(
    mated: list[float], strangers: list[float], asked: list[float]
) -> None:
    found = searches(mated, strangers)
    fpirs = sorted(asked)
    limits = [found.limit(fpir) for fpir in fpirs]
    assert all(found.fpir(limit) <= fpir + 1e-9 for fpir, limit in zip(fpirs, limits, strict=True))
    assert limits == sorted(limits)
    fnirs = [found.fnir(limit) for limit in limits]
    assert fnirs == sorted(fnirs, reverse=True)
    # The limit is the largest: anything above it names one stranger too many.
    for fpir, limit in zip(fpirs, limits, strict=True):
        if np.isfinite(limit):
            assert found.fpir(float(np.nextafter(limit, 2))) > fpir - 1e-9


def test_the_interval_counts_people_not_photographs() -> None:
    generator = np.random.default_rng(4)
    missed = generator.random(40) < 0.3
    mated = np.where(missed, 2.0, 0.0)
    strangers = generator.normal(1, 0.1, size=400)
    one_each = Searches(mated, mated < 3, np.arange(40), strangers, np.arange(400))
    repeated = np.repeat(mated, 25)
    many_each = Searches(repeated, repeated < 3, np.repeat(np.arange(40), 25), strangers, np.arange(400))
    narrow, wide = one_each.fnir_intervals([0.01], seed=1)[0], many_each.fnir_intervals([0.01], seed=1)[0]
    assert (narrow.low, narrow.high) == pytest.approx((wide.low, wide.high), abs=0.02)
    expected = clopper_pearson(int(missed.sum()), 40)
    assert (wide.low, wide.high) == pytest.approx((expected.low, expected.high), abs=0.05)


def test_the_interval_counts_that_the_limit_is_an_estimate() -> None:
    mated = np.linspace(0, 1, 2000)
    few = np.random.default_rng(1).uniform(0.3, 1.3, size=30)
    many = np.random.default_rng(1).uniform(0.3, 1.3, size=3000)
    width = []
    for strangers in (few, many):
        found = Searches(mated, mated < 2, np.arange(2000), strangers, np.arange(len(strangers)))
        interval = found.fnir_intervals([0.1], seed=2)[0]
        assert interval.low <= found.fnir(found.limit(0.1)) <= interval.high
        width.append(interval.high - interval.low)
    assert width[0] > 3 * width[1]


def test_where_nobody_is_missed_the_interval_is_that_of_the_people() -> None:
    found = searches([0.0] * 50, [1.0] * 50)
    interval = found.fnir_intervals([0.1], seed=1)[0]
    assert (interval.low, interval.high) == (0, clopper_pearson(0, 50).high)
    rank_1 = found.rank_1_interval(seed=1)
    assert (rank_1.low, rank_1.high) == (clopper_pearson(50, 50).low, 1)


def test_the_interval_of_rank_1_holds_it() -> None:
    right = [number % 4 > 0 for number in range(80)]
    interval = searches([0.1] * 80, [1.0], right=right).rank_1_interval(seed=3)
    assert interval.low < 0.75 < interval.high
