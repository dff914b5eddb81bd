"""The arithmetic of the benchmark; how long anything takes is not a test's business."""

import pytest

from bench.cases import CASES
from bench.measure import Case, Spread, measure


def test_every_contender_has_one_turn_a_round_after_one_uncounted() -> None:
    calls: list[str] = []
    case = Case("x", "thing", 1, {"first": lambda: calls.append("first"), "second": lambda: calls.append("second")})
    results = measure(case, rounds=3)
    assert calls == ["first", "second"] * 4
    assert [result.contender for result in results] == ["first", "second"]


def test_the_first_contender_is_what_ratios_refer_to(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 8.0, 8.0, 10.0, 10.0, 22.0, 22.0, 24.0])
    monkeypatch.setattr("bench.measure.time.process_time", lambda: next(clock))
    slow, fast = measure(Case("x", "thing", 2, {"slow": lambda: None, "fast": lambda: None}), rounds=2)
    assert slow.seconds == Spread(4.0, 5.0, 6.0)
    assert fast.seconds == Spread(1.0, 1.0, 1.0)
    assert slow.ratio == Spread(1.0, 1.0, 1.0)
    assert fast.ratio == Spread(4.0, 5.0, 6.0)


def test_cases_are_named_as_they_are_asked_for() -> None:
    assert CASES["embedding"]().name == "embedding"
