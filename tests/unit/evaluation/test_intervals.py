import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.intervals import Interval, clopper_pearson


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
