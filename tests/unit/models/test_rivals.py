"""Unknown people who contest names."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.decision import CalibratedRule, Candidate, Decision, NearestRule, Verdict
from models.faces import Embeddings
from models.gallery import Calibrated, Gallery, UnknownPeople
from models.normalised import NormalisedIndex, people
from models.rivals import Rivals


def line(*at: float) -> Embeddings:
    made = np.zeros((len(at), 128), np.float32)
    made[:, 0] = at
    return made


def named(distance: float) -> Verdict:
    return Verdict(Decision.NAMED, Candidate(5, distance, distance - 0.6), confidence=0.9)


def rivals(at: Embeddings, margin: float = 0.0, term: float = 0.0) -> Rivals:
    return Rivals(np.arange(70, 70 + len(at)), at, np.full(len(at), term), margin)


def test_whoever_is_nearer_to_an_unknown_person_gets_no_name() -> None:
    verdicts = [named(0.3), named(0.1)]
    near, clear = rivals(line(5, 0.2)).contest(line(0, 0), verdicts, lambda _identity: 0.0)
    assert (near.decision, near.identity_id, near.rival, near.likely) == (Decision.REVIEW, None, 71, 5)
    assert clear == verdicts[1]


@pytest.mark.parametrize(("margin", "decision"), [(0.05, Decision.NAMED), (0.15, Decision.REVIEW)])
def test_the_margin_is_added_to_the_name_s_side(margin: float, decision: Decision) -> None:
    (verdict,) = rivals(line(0.4), margin).contest(line(0), [named(0.3)], lambda _identity: 0.0)
    assert verdict.decision == decision


def test_terms_are_taken_off_both_sides() -> None:
    contest = rivals(line(0.4), term=0.25).contest
    assert contest(line(0), [named(0.3)], lambda _identity: 0.2)[0].decision == Decision.NAMED
    assert contest(line(0), [named(0.3)], lambda _identity: 0.1)[0].decision == Decision.REVIEW


def test_only_names_are_contested() -> None:
    others = [Verdict(Decision.UNKNOWN, Candidate(5, 0.3, 0.3)), Verdict(Decision.REVIEW, Candidate(5, 0.3, 0.3))]
    assert rivals(line(0)).contest(line(0, 0), others, lambda _identity: 0.0) == others
    assert rivals(line()).contest(line(0), [named(0.3)], lambda _identity: 0.0) == [named(0.3)]


def test_arrays_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="terms of"):
        Rivals(np.arange(2), line(0), np.zeros(2), 0.0)


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_a_gallery_with_rivals_takes_names_away_and_changes_nothing_else(seed: int, calibrate: bool) -> None:
    generator = np.random.default_rng(seed)
    ids = np.arange(1, 121)
    enrolled = generator.normal(0, 0.05, (120, 128)).astype(np.float32)
    probes = (enrolled[:30] + generator.normal(0, 0.025, (30, 128))).astype(np.float32)
    unknown = UnknownPeople(
        np.arange(900, 910), (probes[:10] + generator.normal(0, 0.02, (10, 128))).astype(np.float32)
    )
    known = people(ids, enrolled, np.empty((0, 128), np.float32))
    assert known is not None
    calibrated = Calibrated(NormalisedIndex(known), CalibratedRule(1, 0.0, 0.1, -10, 0)) if calibrate else None
    rule = NearestRule(0.6, 0.0)
    alone = Gallery(1, "x", ids, enrolled, calibrated).verdicts(probes, rule)
    contested = Gallery(1, "x", ids, enrolled, calibrated, unknown).verdicts(probes, rule)
    assert any(one.rival is not None for one in contested[:10])
    for before, after in zip(alone, contested, strict=True):
        assert (before.first, before.second, before.confidence) == (after.first, after.second, after.confidence)
        if after.rival is None:
            assert before == after
        else:
            assert (before.decision, after.decision) == (Decision.NAMED, Decision.REVIEW)
            assert after.rival in unknown.ids
