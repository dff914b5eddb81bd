import numpy as np
import pytest

from evaluation.labelled import LabelledFaces
from evaluation.open_set import draw
from evaluation.rules import NearestRule, NormalisedRule, search
from models.cohort import UNLABELLED, Cohort
from models.neighbours import pairwise


def test_distances_are_euclidean(crowded: LabelledFaces) -> None:
    first, second = crowded.embeddings[:7], crowded.embeddings[400:405]
    direct = np.linalg.norm(first[:, np.newaxis].astype(np.float64) - second, axis=2)
    assert pairwise(first, second) == pytest.approx(direct, abs=1e-9)


def test_the_nearest_rule_takes_the_nearest_face_of_each_identity(crowded: LabelledFaces) -> None:
    split = draw(crowded.people, 20, 2, seed=1)
    scores = NearestRule().prepare(crowded, split)(crowded.embeddings[split.mated])
    every = pairwise(crowded.embeddings[split.mated], crowded.embeddings[split.enrolled.ravel()])
    for row in range(20):
        assert np.array_equal(scores[:, row], every[:, 2 * row : 2 * row + 2].min(axis=1))


def test_the_normalised_rule_takes_both_terms_away_and_leaves_out_whom_it_compares(crowded: LabelledFaces) -> None:
    split = draw(crowded.people, 20, 1, seed=1, cohort=100)
    probes = crowded.embeddings[[*split.strangers[:9], *split.mated[:9]]]
    templates = crowded.embeddings[split.enrolled[:, 0]]
    members = crowded.embeddings[split.cohort[:40]]
    scores = NormalisedRule(40, 7).prepare(crowded, split)(probes)
    for column in range(20):
        others = np.concatenate([members, np.delete(templates, column, axis=0)])
        cohort = Cohort(others, np.full(59, UNLABELLED), 7)
        ours, theirs = (
            cohort.terms(of, np.full(len(of), UNLABELLED)) for of in (probes, templates[column : column + 1])
        )
        expected = pairwise(probes, templates[column : column + 1])[:, 0] - ours - theirs
        assert scores[:, column] == pytest.approx(expected, abs=1e-6)


def test_a_crowd_beside_loners_is_told_apart_by_its_neighbourhood_only(crowded: LabelledFaces) -> None:
    split = draw(crowded.people, 100, 1, seed=2, cohort=100)
    nearest, normalised = search(NearestRule(), crowded, split), search(NormalisedRule(), crowded, split)
    assert len(nearest.mated) == len(normalised.mated) == 200
    assert len(nearest.strangers) == 300
    assert nearest.rank_1 == normalised.rank_1 == 1
    missed = [searches.fnir(searches.limit(0.01)) for searches in (nearest, normalised)]
    assert missed[0] > 0.3
    assert missed[1] < 0.02


def test_a_first_candidate_is_right_only_if_it_is_the_probes_own(crowded: LabelledFaces) -> None:
    split = draw(crowded.people, 50, 1, seed=3)
    swapped = crowded.embeddings.copy()
    first, second = split.enrolled[0, 0], split.enrolled[1, 0]
    swapped[[first, second]] = swapped[[second, first]]
    mixed = LabelledFaces(
        crowded.names, crowded.people, crowded.photographs, swapped, crowded.qualities, "made up", "none", 0
    )
    found = search(NearestRule(), mixed, split)
    wrong = set(found.mated_people[~found.right].tolist())
    assert wrong == set(split.identities[:2].tolist())
