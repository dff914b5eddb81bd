import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.decision import CalibratedRule, Candidate, Decision, NearestRule


def near(identity_id: int, distance: float) -> Candidate:
    return Candidate(identity_id, distance, distance)


RULE = NearestRule(largest_distance=0.5, least_margin=0.03)
distances = st.floats(min_value=0, max_value=2, allow_nan=False)


def test_the_name_carries_the_limits() -> None:
    assert RULE.name == "nearest/0.500/0.030"


def test_a_near_identity_far_ahead_of_the_next_is_named() -> None:
    verdict = RULE.decide([near(7, 0.4), near(9, 0.6), near(1, 0.7)])
    assert verdict.identity_id == 7
    assert (verdict.first, verdict.second) == (near(7, 0.4), near(9, 0.6))
    assert verdict.margin == pytest.approx(0.2)


@pytest.mark.parametrize(
    "candidates",
    [
        pytest.param([near(7, 0.501), near(9, 0.9)], id="too far"),
        pytest.param([near(7, 0.501)], id="alone, but too far"),
    ],
)
def test_otherwise_the_probe_is_unknown_and_its_candidates_are_kept(candidates: list[Candidate]) -> None:
    verdict = RULE.decide(candidates)
    assert (verdict.decision, verdict.identity_id, verdict.likely) == (Decision.UNKNOWN, None, None)
    assert verdict.first == candidates[0]
    assert verdict.second == (candidates[1] if len(candidates) > 1 else None)


@pytest.mark.parametrize("second", [0.4, 0.429])
def test_two_that_are_hard_to_tell_apart_are_for_a_reviewer(second: float) -> None:
    verdict = RULE.decide([near(7, 0.4), near(9, second)])
    assert (verdict.decision, verdict.identity_id, verdict.likely) == (Decision.REVIEW, None, 7)


def test_the_limits_themselves_are_allowed() -> None:
    rule = NearestRule(largest_distance=0.5, least_margin=0.25)
    assert rule.decide([near(7, 0.5), near(9, 0.75)]).identity_id == 7


def test_a_single_identity_needs_no_margin() -> None:
    verdict = RULE.decide([near(7, 0.2)])
    assert (verdict.identity_id, verdict.second, verdict.margin) == (7, None, None)


def test_an_empty_gallery_names_nobody() -> None:
    verdict = RULE.decide([])
    assert (verdict.identity_id, verdict.first, verdict.second, verdict.margin) == (None, None, None, None)


@given(st.lists(distances, max_size=5).map(sorted), distances, distances)
def test_a_name_is_always_the_nearest_within_both_limits(ordered: list[float], largest: float, least: float) -> None:
    candidates = [near(number, distance) for number, distance in enumerate(ordered)]
    verdict = NearestRule(largest, least).decide(candidates)
    if verdict.identity_id is not None:
        assert verdict.identity_id == 0
        assert ordered[0] <= largest
        assert verdict.margin is None or verdict.margin >= least


CALIBRATED = CalibratedRule(3, limit=-0.1, review_limit=-0.05, slope=-50.0, intercept=-4.0)


def scored(*scores: float) -> list[Candidate]:
    return [Candidate(number, 0.4, score) for number, score in enumerate(scores, start=7)]


def test_a_calibrated_rule_is_named_after_its_number_and_limits() -> None:
    assert CALIBRATED.name == "normalised/3/-0.1000/-0.0500"


@pytest.mark.parametrize(
    ("scores", "decision"),
    [
        pytest.param([-0.2, -0.02], Decision.NAMED, id="sure"),
        pytest.param([-0.2], Decision.NAMED, id="alone"),
        pytest.param([-0.1001, -0.1], Decision.NAMED, id="just below the limit"),
        pytest.param([-0.1, 0.3], Decision.REVIEW, id="at the limit"),
        pytest.param([-0.2, -0.15], Decision.REVIEW, id="two that would be named"),
        pytest.param([-0.0501], Decision.REVIEW, id="just below the reviewers' limit"),
        pytest.param([-0.05], Decision.UNKNOWN, id="at the reviewers' limit"),
        pytest.param([], Decision.UNKNOWN, id="nobody enrolled"),
    ],
)
def test_three_bands_of_scores(scores: list[float], decision: Decision) -> None:
    verdict = CALIBRATED.decide(scored(*scores))
    assert verdict.decision == decision
    assert verdict.identity_id == (7 if decision == Decision.NAMED else None)
    assert verdict.likely == (None if decision == Decision.UNKNOWN else 7)
    assert (verdict.confidence is None) == (not scores)


def test_confidence_grows_with_likeness_and_is_even_where_the_odds_are() -> None:
    assert CALIBRATED.confidence(-0.08) == pytest.approx(0.5)
    assert CALIBRATED.confidence(-0.2) == pytest.approx(1 / (1 + math.exp(-6)))
    assert 0 <= CALIBRATED.confidence(1e6) < CALIBRATED.confidence(0.1) < CALIBRATED.confidence(-0.3) <= 1


def test_whoever_is_doubted_keeps_the_evidence() -> None:
    verdict = CALIBRATED.decide(scored(-0.2, 0.1))
    doubted = verdict.doubted()
    assert (doubted.decision, doubted.identity_id, doubted.likely) == (Decision.REVIEW, None, 7)
    assert (doubted.first, doubted.second, doubted.confidence) == (verdict.first, verdict.second, verdict.confidence)
