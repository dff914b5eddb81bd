import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.cohort import UNLABELLED, Cohort
from models.normalised import NormalisedIndex


def faces(seed: int, count: int) -> NDArray[np.float32]:
    """In clusters of several densities, so that terms differ."""
    generator = np.random.default_rng(seed)
    scales = generator.choice([0.02, 0.05, 0.1], size=(count, 1))
    return (scales * generator.normal(size=(count, 128))).astype(np.float32)


@given(seed=st.integers(0, 10_000), people=st.integers(2, 60), count=st.integers(0, 5))
@settings(max_examples=40)
def test_it_finds_what_scoring_everybody_finds(seed: int, people: int, count: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("models.normalised._SEARCHED_AT_FIRST", 3)
        patch.setattr("models.normalised._SEARCHED_NEXT", 2)
        patch.setattr("models.normalised._OUTLYING", 4)
        generator = np.random.default_rng(seed)
        identity_ids = generator.integers(1, people, size=80)
        templates, unknown, probes = faces(seed, 80), faces(seed + 1, 30), faces(seed + 2, 6)
        members = np.concatenate([unknown, templates[:40]])
        cohort = Cohort(members, np.concatenate([np.full(30, UNLABELLED), identity_ids[:40]]), 5)
        terms = cohort.terms(templates, identity_ids)
        index = NormalisedIndex(identity_ids, templates, terms, cohort)
        for probe in probes:
            found = index.candidates(probe, count)
            expected = everybody(probe, templates, identity_ids, terms, cohort)[:count]
            assert [one.identity_id for one in found] == [identity for _, identity in expected]
            assert [one.score for one in found] == pytest.approx([score for score, _ in expected], abs=1e-6)


def everybody(
    probe: NDArray[np.float32],
    templates: NDArray[np.float32],
    identity_ids: NDArray[np.int64],
    terms: NDArray[np.float64],
    cohort: Cohort,
) -> list[tuple[float, int]]:
    distances = np.linalg.norm(templates.astype(np.float64) - probe, axis=1)
    taken = cohort.probe_terms(probe[np.newaxis])[0]
    best: dict[int, float] = {}
    for distance, term, identity in zip(distances, terms, identity_ids.tolist(), strict=True):
        score = float(distance - term - taken.beside(identity))
        best[identity] = min(score, best.get(identity, np.inf))
    return sorted((score, identity) for identity, score in best.items())


def test_a_loner_comes_first_from_afar() -> None:
    near = faces(1, 2000) * np.float32(0.1)
    loner = np.full((1, 128), 0.5, np.float32)
    templates = np.concatenate([near, loner])
    # Its term says that everybody is far from it: then this distance is a small one.
    terms = np.append(np.zeros(2000), 20.0)
    cohort = Cohort(faces(2, 20), np.full(20, UNLABELLED), 5)
    found = NormalisedIndex(np.arange(2001), templates, terms, cohort).candidates(near[0], 1)
    assert found[0].identity_id == 2000


def test_an_empty_gallery_has_no_candidates() -> None:
    cohort = Cohort(faces(2, 20), np.full(20, UNLABELLED), 5)
    nobody = NormalisedIndex(np.empty(0, np.int64), np.empty((0, 128), np.float32), np.empty(0), cohort)
    assert nobody.candidates(faces(1, 1)[0], 3) == []


def test_arrays_that_do_not_fit_are_refused() -> None:
    cohort = Cohort(faces(2, 20), np.full(20, UNLABELLED), 5)
    with pytest.raises(ValueError, match="terms of"):
        NormalisedIndex(np.arange(3), faces(1, 3), np.zeros(2), cohort)
