import math
from itertools import combinations
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.clustering import Agreement, agreement, contingency

labels = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=25)


def of(classes: list[int], clusters: list[int]) -> Agreement:
    found = agreement([contingency(classes, clusters)])
    assert found is not None
    return found


def test_the_example_that_was_computed_by_hand() -> None:
    # Two classes of three; clusters {a, a}, {a, b}, {b, b}. H(C) = ln 2; H(C|K) = 1/3 · ln 2, of the mixed cluster.
    # H(K) = ln 3; H(K|C) is in each class that of shares 2/3 and 1/3.
    found = of([0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 2, 2])
    assert found.homogeneity == pytest.approx(2 / 3)
    within = math.log(3) - 2 / 3 * math.log(2)
    completeness = 1 - within / math.log(3)
    assert found.completeness == pytest.approx(completeness)
    assert found.v_measure == pytest.approx(2 * (2 / 3) * completeness / (2 / 3 + completeness))
    # Of the 3 pairs in a cluster 2 are of one class; of the 6 pairs of one class 2 are in a cluster.
    assert (found.precision, found.recall) == (2 / 3, 1 / 3)
    assert (found.elements, found.classes, found.clusters) == (6, 2, 3)


@pytest.mark.parametrize(
    ("classes", "clusters", "homogeneity", "completeness"),
    [
        # The examples of scikit-learn's documentation; 0.8, 0.66, 0, 0, 0.66 and 0 are its V-measures.
        ([0, 0, 1, 1], [0, 0, 1, 2], 1.0, 2 / 3),
        ([0, 0, 1, 1], [0, 1, 2, 3], 1.0, 0.5),
        ([0, 0, 1, 1], [0, 1, 0, 1], 0.0, 0.0),
        ([0, 0, 1, 1], [0, 0, 0, 0], 0.0, 1.0),
        ([0, 1, 2, 3], [0, 0, 1, 1], 0.5, 1.0),
        ([0, 0, 0, 0], [0, 1, 2, 3], 1.0, 0.0),
    ],
)
def test_published_examples(classes: list[int], clusters: list[int], homogeneity: float, completeness: float) -> None:
    found = of(classes, clusters)
    assert found.homogeneity == pytest.approx(homogeneity)
    assert found.completeness == pytest.approx(completeness)


@given(labels)
def test_pairs_are_counted_as_by_looking_at_each(drawn: list[tuple[int, int]]) -> None:
    found = of([one for one, _ in drawn], [other for _, other in drawn])
    pairs = list(combinations(drawn, 2))
    together = [one[0] == other[0] for one, other in pairs if one[1] == other[1]]
    alike = [one[1] == other[1] for one, other in pairs if one[0] == other[0]]
    assert found.precision == (np.mean(together) if together else None)
    assert found.recall == (np.mean(alike) if alike else None)


@given(labels, st.permutations(range(5)), st.permutations(range(5)), st.randoms())
def test_neither_names_nor_order_matter(
    drawn: list[tuple[int, int]], one: list[int], other: list[int], random: Random
) -> None:
    before = of([a for a, _ in drawn], [b for _, b in drawn])
    shuffled = random.sample(drawn, len(drawn))
    after = of([one[a] for a, _ in shuffled], [other[b] for _, b in shuffled])
    assert (after.precision, after.recall) == (before.precision, before.recall)
    assert after.homogeneity == pytest.approx(before.homogeneity)
    assert after.completeness == pytest.approx(before.completeness)


@given(labels)
def test_classes_as_clusters_are_perfect_and_the_measures_stay_within_their_bounds(
    drawn: list[tuple[int, int]],
) -> None:
    classes, clusters = [one for one, _ in drawn], [other for _, other in drawn]
    perfect = of(classes, [one + 10 for one in classes])
    assert (perfect.homogeneity, perfect.completeness, perfect.v_measure) == (1, 1, 1)
    assert {perfect.precision, perfect.recall} <= {1.0, None}
    found, swapped = of(classes, clusters), of(clusters, classes)
    # A mean lies between what it is the mean of, but for rounding.
    rounding = 1e-12
    assert 0 <= min(found.homogeneity, found.completeness) <= found.v_measure + rounding
    assert found.v_measure - rounding <= max(found.homogeneity, found.completeness) <= 1
    assert (found.homogeneity, found.precision) == pytest.approx((swapped.completeness, swapped.recall))


@given(labels, labels)
def test_telling_parts_apart_earns_nothing(first: list[tuple[int, int]], second: list[tuple[int, int]]) -> None:
    tables = [contingency([a for a, _ in part], [b for _, b in part]) for part in (first, second)]
    found = agreement(tables)
    assert found is not None
    assert found.elements == len(first) + len(second)
    parts = [agreement([table]) for table in tables]
    known = [one.homogeneity for one in parts if one is not None]
    # Each part's homogeneity counts by the entropy of its classes, so the whole's lies between; a part without any
    # entropy counts nothing.
    assert min(known) - 1e-9 <= found.homogeneity <= max(known) + 1e-9


def test_without_elements_there_is_no_measure() -> None:
    assert agreement([]) is None
    assert agreement([contingency([], [])]) is None
