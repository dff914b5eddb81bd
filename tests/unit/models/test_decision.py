import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.decision import Candidate, DecisionRule

RULE = DecisionRule(largest_distance=0.5, least_margin=0.03)
distances = st.floats(min_value=0, max_value=2, allow_nan=False)


def test_the_name_carries_the_limits() -> None:
    assert RULE.name == "nearest/0.500/0.030"


def test_a_near_identity_far_ahead_of_the_next_is_named() -> None:
    verdict = RULE.decide([Candidate(7, 0.4), Candidate(9, 0.6), Candidate(1, 0.7)])
    assert verdict.identity_id == 7
    assert (verdict.first, verdict.second) == (Candidate(7, 0.4), Candidate(9, 0.6))
    assert verdict.margin == pytest.approx(0.2)


@pytest.mark.parametrize(
    "candidates",
    [
        pytest.param([Candidate(7, 0.501), Candidate(9, 0.9)], id="too far"),
        pytest.param([Candidate(7, 0.400), Candidate(9, 0.429)], id="too close to the next"),
        pytest.param([Candidate(7, 0.4), Candidate(9, 0.4)], id="a tie"),
        pytest.param([Candidate(7, 0.501)], id="alone, but too far"),
    ],
)
def test_otherwise_the_probe_is_unknown_and_its_candidates_are_kept(candidates: list[Candidate]) -> None:
    verdict = RULE.decide(candidates)
    assert verdict.identity_id is None
    assert verdict.first == candidates[0]
    assert verdict.second == (candidates[1] if len(candidates) > 1 else None)


def test_the_limits_themselves_are_allowed() -> None:
    rule = DecisionRule(largest_distance=0.5, least_margin=0.25)
    assert rule.decide([Candidate(7, 0.5), Candidate(9, 0.75)]).identity_id == 7


def test_a_single_identity_needs_no_margin() -> None:
    verdict = RULE.decide([Candidate(7, 0.2)])
    assert (verdict.identity_id, verdict.second, verdict.margin) == (7, None, None)


def test_an_empty_gallery_names_nobody() -> None:
    verdict = RULE.decide([])
    assert (verdict.identity_id, verdict.first, verdict.second, verdict.margin) == (None, None, None, None)


@given(st.lists(distances, max_size=5).map(sorted), distances, distances)
def test_a_name_is_always_the_nearest_within_both_limits(ordered: list[float], largest: float, least: float) -> None:
    candidates = [Candidate(number, distance) for number, distance in enumerate(ordered)]
    verdict = DecisionRule(largest, least).decide(candidates)
    if verdict.identity_id is not None:
        assert verdict.identity_id == 0
        assert ordered[0] <= largest
        assert verdict.margin is None or verdict.margin >= least
