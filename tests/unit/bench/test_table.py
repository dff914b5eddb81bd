"""What a run says to people."""

import pytest

from bench.machine import Peak
from bench.measure import Agreement, Case, Result, Spread
from bench.table import hours_per_core_hour, table, times_the_floor

_PEAK = Peak(gflops=100.0, gigabytes=10.0)


def _compare(_first: None, _own: None) -> Agreement:
    return {}


def _result(name: str, seconds: float, ratio: float, agreement: Agreement | None) -> Result:
    return Result(name, Spread(seconds * 0.9, seconds, seconds * 1.1), Spread(ratio, ratio, ratio), agreement)


@pytest.fixture
def detection() -> Case[None]:
    return Case(
        "detection", "2 frames", "frame", 2, {}, _compare,
        others={"HOG": "another detector"}, operations=50e9, missing="the third is not here",
    )  # fmt: skip


def test_a_line_says_time_ratio_agreement_and_distance_to_the_floor(detection: Case[None]) -> None:
    told = table(detection, [_result("CNN", 2.0, 1.0, {"boxes": 3, "score difference": 1.25e-6})], _PEAK)
    line = next(line for line in told.splitlines() if "CNN" in line)
    assert " ".join(line.split()) == (
        "CNN 2.0 s (1.8 to 2.2) 1.00 (1.00 to 1.00) boxes 3, score difference 1.25e-06 4.0"
    )
    assert "the third is not here" in told
    assert "2 frames" in told


def test_a_contender_that_does_something_else_is_said_to(detection: Case[None]) -> None:
    told = table(detection, [_result("CNN", 2.0, 1.0, {}), _result("HOG", 0.125, 16.0, None)], _PEAK)
    line = next(line for line in told.splitlines() if "HOG" in line)
    assert line.split("   ")[-1].strip() == "another detector"
    assert "125.0 ms (112.5 to 137.5)" in line


def test_the_floor_is_operations_at_the_peak(detection: Case[None]) -> None:
    # 50e9 operations at 100e9 a second: half a second.
    assert times_the_floor(detection, _result("CNN", 2.0, 1.0, {}), _PEAK) == pytest.approx(4.0)
    assert times_the_floor(detection, _result("HOG", 2.0, 1.0, None), _PEAK) is None
    uncounted: Case[None] = Case("x", "", "thing", 1, {}, _compare)
    assert times_the_floor(uncounted, _result("CNN", 2.0, 1.0, {}), _PEAK) is None


def test_hours_of_video_per_core_hour() -> None:
    assert hours_per_core_hour(144.0) == 25.0
    films: Case[None] = Case("pipeline", "film", "hour of 1080p30", 1, {}, _compare, hours=True)
    told = table(films, [_result("Rollcall", 144.0, 1.0, {"faces": 9})], _PEAK)
    assert told.splitlines()[-1].split()[-3:] == ["faces", "9", "25"]
    assert "hours of video per core-hour" in told
