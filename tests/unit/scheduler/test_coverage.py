"""How good forecasts were, and by how much their intervals are corrected."""

import math
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
from support.nights import EVENING

from db.schema import ForecastRow
from scheduler.coverage import judge

UTC = ZoneInfo("UTC")
WORK = 20_000.0


def row(night: int, *, told: float, real: float, stretch: float = 1.0, minutes: int = 0) -> ForecastRow:
    """A forecast of a night: logarithm by which the result was off the median, told and real spread of it."""
    made = EVENING + timedelta(days=night, minutes=minutes)

    def at(off: float) -> object:
        return made + timedelta(seconds=WORK * math.exp(off))

    return ForecastRow(
        made_at=made, median_at=at(0), low_80_at=at(-1.2816 * told), high_80_at=at(1.2816 * told),
        low_95_at=at(-1.96 * told), high_95_at=at(1.96 * told), emptied_at=at(real), stretch=stretch,
    )  # fmt: skip


def test_intervals_that_held_are_counted_by_night() -> None:
    rows = [row(0, told=0.1, real=0.05), row(0, told=0.1, real=5, minutes=30), row(1, told=0.1, real=0.15),
            row(2, told=0.1, real=-0.5)]  # fmt: skip
    found = judge(rows, UTC)
    assert (found.nights, found.held_80, found.held_95) == (3, 1, 2)
    assert math.isclose(found.off, math.exp(0.15) - 1, rel_tol=1e-6)
    assert found.stretch == 1.0


def test_a_night_is_from_noon_to_noon() -> None:
    assert judge([row(0, told=0.1, real=0), row(0, told=0.1, real=0, minutes=300)], UTC).nights == 1
    assert judge([row(0, told=0.1, real=0), row(0, told=0.1, real=0, minutes=900)], UTC).nights == 2


def test_without_results_nothing_is_corrected() -> None:
    assert judge([], UTC).stretch == 1.0
    assert judge([row(night, told=0.1, real=1) for night in range(9)], UTC).stretch == 1.0


def test_intervals_that_were_too_narrow_hold_as_often_as_they_say_when_corrected() -> None:
    generator = np.random.default_rng(0)
    for told in (0.05, 0.1, 0.25):
        held = 0
        for _ in range(400):
            past = [row(night, told=told, real=float(generator.normal(0, 0.1))) for night in range(20)]
            stretch = judge(past, UTC).stretch
            held += abs(generator.normal(0, 0.1)) <= 1.2816 * told * stretch
        # 0.80 to 0.85 by theory; four standard deviations of 400 draws around.
        assert 0.72 < held / 400 < 0.92


def test_what_was_corrected_before_is_not_corrected_twice() -> None:
    generator = np.random.default_rng(1)
    off = [float(generator.normal(0, 0.1)) for _ in range(20)]
    plain = [row(night, told=0.05, real=real) for night, real in enumerate(off)]
    corrected = [row(night, told=0.1, real=real, stretch=2.0) for night, real in enumerate(off)]
    assert math.isclose(judge(plain, UTC).stretch, judge(corrected, UTC).stretch, rel_tol=1e-3)


def test_the_correction_has_its_limits() -> None:
    assert judge([row(night, told=0.1, real=9) for night in range(12)], UTC).stretch == 4.0
    assert judge([row(night, told=0.1, real=0) for night in range(12)], UTC).stretch == 0.5
