from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import BadPairs
from evaluation.pairs import Comparisons, accuracy_by_fold, best_limit, read_pairs

PAIRS = """2\t1
Ann_Lee\t1\t2
Ann_Lee\t1\tBob\t10
Cy\t3\t4
Cy\t3\tDi\t1
"""


def test_the_format_of_labelled_faces_in_the_wild(tmp_path: Path) -> None:
    file = tmp_path / "pairs.txt"
    file.write_text(PAIRS)
    pairs = read_pairs(file, Path("lfw"))
    assert [(pair.fold, pair.genuine) for pair in pairs] == [(0, True), (0, False), (1, True), (1, False)]
    assert pairs[0].second == Path("lfw/Ann_Lee/Ann_Lee_0002.jpg")
    assert pairs[1].second == Path("lfw/Bob/Bob_0010.jpg")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "does not begin"),
        ("pairs\n", "does not begin"),
        ("500\nAnn_Lee\t1\t2\n", "does not begin"),
        (PAIRS.replace("2\t1\nAnn", "2\t2\nAnn"), "announces 2 folds of twice 2 pairs and holds 4"),
        ("1\t1\nAnn\t1\t2\nAnn\t1\tBob\t1\n", "announces 1 folds"),
        (PAIRS.replace("1\tBob", "Bob"), "pair 2 is not two people's"),
        (PAIRS.replace("Cy\t3\t4", "Cy\t3\tDi\t4"), "pair 3 is not one person's"),
        (PAIRS.replace("Cy\t3\t4", "Cy\tthree\t4"), "pair 3 is not one person's"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "pairs.txt").write_text(text)
    with pytest.raises(BadPairs, match=told):
        read_pairs(tmp_path / "pairs.txt", tmp_path)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadPairs, match="cannot be read"):
        read_pairs(tmp_path / "pairs.txt", tmp_path)


scores = st.lists(
    st.tuples(st.one_of(st.floats(0, 2, width=16), st.just(float("inf"))), st.booleans()), min_size=1, max_size=40
)


@given(scores)
def test_no_limit_is_better_than_the_best(pairs: list[tuple[float, bool]]) -> None:
    distances, genuine = np.array([score for score, _ in pairs]), np.array([same for _, same in pairs])

    def right(limit: float) -> int:
        return int(((distances < limit) == genuine).sum())

    found = right(best_limit(distances, genuine))
    assert all(right(limit) <= found for limit in [0.0, *distances.tolist(), 3.0])


def test_a_fold_does_not_see_its_own_labels() -> None:
    # Alone, each fold is told rightly at a limit of its own; by the others' limit, the last one is told wrongly.
    scores = np.array([0.1, 0.3, 0.1, 0.3, 0.6, 0.8])
    genuine = np.array([True, False] * 3)
    folds = np.array([0, 0, 1, 1, 2, 2])
    found = accuracy_by_fold(scores, genuine, folds)
    assert [fold.accuracy for fold in found] == [1, 1, 0.5]
    assert found[2].limit == pytest.approx(0.2)


def test_error_rates_of_uniform_scores_are_their_shares() -> None:
    compared = Comparisons(np.linspace(0, 1, 1001), np.linspace(0.5, 1.5, 1001))
    for fmr in (0.001, 0.01, 0.25):
        limit = compared.limit(fmr)
        assert limit == pytest.approx(0.5 + fmr, abs=0.001)
        assert compared.fmr(limit) <= fmr
        assert compared.fnmr(limit) == pytest.approx(0.5 - fmr, abs=0.002)
    assert compared.limit(1) == float("inf")
    assert compared.curve([0.25])[0][1] == compared.fnmr(compared.limit(0.25))
