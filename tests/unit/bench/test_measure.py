"""The arithmetic of the benchmark; how long anything takes is not a test's business."""

from collections.abc import Mapping

import pytest

from bench.measure import Agreement, Case, Contender, Elsewhere, Spread, measure


def _case(
    contenders: Mapping[str, Contender[int]], units: float = 1, others: Mapping[str, str] | None = None
) -> Case[int]:
    def compare(first: int, own: int) -> Agreement:
        return {"difference": own - first}

    return Case("x", "things", "thing", units, contenders, compare, others or {})


def test_every_contender_has_one_turn_a_round_after_one_uncounted() -> None:
    calls: list[str] = []

    def turn(name: str) -> int:
        calls.append(name)
        return 0

    results = measure(_case({"first": lambda: turn("first"), "second": lambda: turn("second")}), rounds=3)
    assert calls == ["first", "second"] * 4
    assert [result.contender for result in results] == ["first", "second"]


def test_the_first_contender_is_what_ratios_refer_to(monkeypatch: pytest.MonkeyPatch) -> None:
    uncounted = [0.0, 100.0, 100.0, 300.0]
    clock = iter([*uncounted, 300.0, 308.0, 308.0, 310.0, 310.0, 322.0, 322.0, 324.0])
    monkeypatch.setattr("bench.measure.time.process_time", lambda: next(clock))
    slow, fast = measure(_case({"slow": lambda: 1, "fast": lambda: 1}, units=2), rounds=2)
    assert slow.seconds == Spread(4.0, 5.0, 6.0)
    assert fast.seconds == Spread(1.0, 1.0, 1.0)
    assert slow.ratio == Spread(1.0, 1.0, 1.0)
    assert fast.ratio == Spread(4.0, 5.0, 6.0)


def test_seconds_of_another_process_count_instead_of_ours() -> None:
    taken = iter([99.0, 6.0, 10.0])
    here, there = measure(
        _case({"here": lambda: Elsewhere(1, 8.0), "there": lambda: Elsewhere(3, next(taken))}, units=2), rounds=2
    )
    assert here.seconds == Spread(4.0, 4.0, 4.0)
    assert there.seconds == Spread(3.0, 4.0, 5.0)
    assert there.ratio.largest == pytest.approx(8 / 6)
    assert there.agreement == {"difference": 2}


def test_results_are_compared_with_the_first_contenders_but_for_those_who_do_something_else() -> None:
    results = measure(_case({"a": lambda: 5, "b": lambda: 7, "c": lambda: 0}, others={"c": "counts sheep"}), rounds=1)
    assert [result.agreement for result in results] == [{"difference": 0}, {"difference": 2}, None]


def test_a_spread_is_of_any_number_of_rounds() -> None:
    assert Spread.of([3.0]) == Spread(3.0, 3.0, 3.0)
    assert Spread.of([4.0, 1.0, 2.0, 9.0]) == Spread(1.0, 3.0, 9.0)
