import json
from pathlib import Path

import numpy as np
import pytest

from evaluation.labelled import LabelledFaces
from evaluation.pairs import Pair
from evaluation.verification import FMRS, SCHEMA, as_json, verify


def pairs_of(crowded: LabelledFaces, people: range, folds: int) -> list[Pair]:
    """Of each person, a genuine pair, and an impostor pair with the next person."""
    pairs = []
    for number in people:
        first, same, other = (Path(crowded.photographs[3 * number + step]) for step in (0, 1, 3))
        pairs += [Pair(number % folds, first, same, True), Pair(number % folds, first, other, False)]
    return pairs


def test_people_far_apart_are_all_told_apart(crowded: LabelledFaces) -> None:
    verified = verify(crowded, pairs_of(crowded, range(200, 299), 3))
    assert verified.accuracy == 1
    assert verified.standard_error == 0
    assert verified.faceless == 0
    assert (len(verified.comparisons.genuine), len(verified.comparisons.impostor)) == (99, 99)


def test_accuracy_is_the_mean_over_folds_with_its_standard_error(crowded: LabelledFaces) -> None:
    verified = verify(crowded, pairs_of(crowded, range(1, 299), 4))
    accuracies = [fold.accuracy for fold in verified.folds]
    assert 0.5 < verified.accuracy < 1
    assert verified.accuracy == pytest.approx(np.mean(accuracies))
    assert verified.standard_error == pytest.approx(np.std(accuracies, ddof=1) / 2)


def test_a_pair_without_a_face_counts_as_of_two_people(crowded: LabelledFaces) -> None:
    pairs = pairs_of(crowded, range(200, 299), 3)
    unseen = Path("/photographs/unseen.jpg")
    lost = [Pair(0, unseen, pairs[0].second, True), Pair(1, unseen, pairs[0].second, False)]
    verified = verify(crowded, [*pairs, *lost])
    assert verified.faceless == 2
    assert [fold.accuracy for fold in verified.folds] == [pytest.approx(66 / 67), 1, 1]


def test_the_document(crowded: LabelledFaces) -> None:
    verified = verify(crowded, pairs_of(crowded, range(1, 299), 4))
    document = json.loads(json.dumps(as_json(crowded, verified), allow_nan=False))
    assert document["schema"] == SCHEMA == "rollcall.evaluate.pairs/1"
    assert document["pairs"] == {"genuine": 298, "impostor": 298, "without_a_face": 0}
    assert document["accuracy"]["mean"] == verified.accuracy
    for fmr, one in zip(FMRS, document["fnmr_at_fmr"], strict=True):
        assert one["fmr"] == fmr
        assert one["fmr_measured"] <= fmr
        assert one["fnmr"]["low"] <= one["fnmr"]["value"] <= one["fnmr"]["high"]
        assert one["fnmr"]["value"] == verified.comparisons.fnmr(one["limit"])
