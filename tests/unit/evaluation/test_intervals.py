import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.intervals import Interval, clopper_pearson, rate_by_units, share_by_units


@pytest.mark.parametrize(
    ("failed", "trials", "low", "high"),
    [
        # Published tables and closed forms.
        (5, 10, 0.187086, 0.812914),
        (1, 20, 0.001265, 0.248733),
        (10, 100, 0.049005, 0.176223),
        (0, 10, 0, 1 - 0.025**0.1),
        (10, 10, 0.025**0.1, 1),
        (0, 2036, 0, 1 - 0.025 ** (1 / 2036)),
    ],
)
def test_known_intervals(failed: int, trials: int, low: float, high: float) -> None:
    found = clopper_pearson(failed, trials)
    assert (found.low, found.high) == pytest.approx((low, high), abs=2e-6)


@given(st.data(), st.integers(1, 400), st.floats(0.5, 0.999))
def test_its_ends_leave_the_tails_of_the_binomial(data: st.DataObject, trials: int, confidence: float) -> None:
    failed = data.draw(st.integers(0, trials))
    found = clopper_pearson(failed, trials, confidence)
    assert 0 <= found.low <= failed / trials <= found.high <= 1
    tail = (1 - confidence) / 2
    if failed:
        assert at_least(failed, trials, found.low) == pytest.approx(tail, rel=1e-6)
    if failed < trials:
        assert at_least(trials - failed, trials, 1 - found.high) == pytest.approx(tail, rel=1e-6)


def at_least(count: int, trials: int, share: float) -> float:
    return math.fsum(math.comb(trials, k) * share**k * (1 - share) ** (trials - k) for k in range(count, trials + 1))


def test_no_trial_says_nothing() -> None:
    assert clopper_pearson(0, 0) == Interval(0, 1)


def test_a_bootstrap_over_equal_units_is_about_that_of_independent_trials() -> None:
    parts = np.repeat([0.0, 1.0], 50)
    interval = share_by_units(parts, np.ones(100))
    assert interval is not None
    assert interval.low == pytest.approx(0.4, abs=0.03)
    assert interval.high == pytest.approx(0.6, abs=0.03)


def test_units_that_fail_together_widen_the_interval() -> None:
    apart = share_by_units(np.tile([0.0, 1.0], 100), np.ones(200))
    together = share_by_units(np.repeat([0.0, 20.0], 5), np.full(10, 20.0))
    assert apart is not None
    assert together is not None
    assert together.high - together.low > 2 * (apart.high - apart.low)


def test_where_all_units_agree_the_exact_interval_stands_in() -> None:
    wholes = np.array([5.0, 0.0, 3.0])
    assert share_by_units(wholes, wholes) == clopper_pearson(2, 2)
    assert share_by_units(np.zeros(3), wholes) == clopper_pearson(0, 2)


def test_few_units_have_no_bootstrap() -> None:
    assert share_by_units(np.arange(9.0), np.full(9, 10.0)) is None
    assert share_by_units(np.arange(10.0), np.full(10, 10.0)) is not None


def test_a_rate_of_no_events_is_at_most_what_a_poisson_process_hides() -> None:
    interval = rate_by_units(np.zeros(10), np.full(10, 0.5))
    # At this rate, no event in 5 hours has a probability of 2.5 %.
    assert math.exp(-5 * interval.high) == pytest.approx(0.025)
    assert interval.low == 0


def test_a_rate_lies_within_its_interval() -> None:
    counts = np.array([0.0, 1, 0, 2, 5, 0, 1, 0, 0, 3])
    interval = rate_by_units(counts, np.full(10, 2.0))
    assert interval.low < 0.6 < interval.high
