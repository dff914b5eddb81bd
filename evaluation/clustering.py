"""How well clusters of elements agree with their true classes, from a contingency table.

A table counts the elements of each class (row) in each cluster (column).

- Pairwise precision: the share of the pairs in one cluster that are of one class. Pairwise recall: the share of the
  pairs of one class that are in one cluster.
- Homogeneity `1 − H(C|K) / H(C)`: 1 where every cluster holds one class only. Completeness `1 − H(K|C) / H(K)`: 1 where
  every class is in one cluster. Where an entropy below the line is 0, there is nothing to tell apart, and it is 1.
  V-measure: their harmonic mean.

Source: Rosenberg and Hirschberg, "V-measure: a conditional entropy-based external cluster evaluation measure" (EMNLP
2007), with β = 1.

Several tables are parts that were clustered apart: no pair spans two of them, and the entropies are those given the
part, so that telling the parts apart, which nobody had to do, earns nothing. Of one table these are the usual ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.int64]
"""(classes, clusters)."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Measures from 0 to 1, and what they rest on; precision and recall are None where there is no pair."""

    precision: float | None
    recall: float | None
    homogeneity: float
    completeness: float
    elements: int
    classes: int
    clusters: int

    @property
    def v_measure(self) -> float:
        """The harmonic mean of homogeneity and completeness."""
        total = self.homogeneity + self.completeness
        return 2 * self.homogeneity * self.completeness / total if total else 0.0


def contingency(classes: Sequence[Any] | NDArray[Any], clusters: Sequence[Any] | NDArray[Any]) -> Table:
    """The table of n elements.

    Args:
        classes: n labels of any one kind that can be sorted.
        clusters: n labels, likewise.
    """
    rows, row = np.unique(np.asarray(classes), return_inverse=True)
    columns, column = np.unique(np.asarray(clusters), return_inverse=True)
    table = np.zeros((len(rows), len(columns)), np.int64)
    np.add.at(table, (row, column), 1)
    return table


def agreement(tables: Sequence[Table]) -> Agreement | None:
    """The measures of all parts together; None where there is no element."""
    full = [table for table in tables if table.sum()]
    if not full:
        return None
    both = sum(_pairs(table) for table in full)
    in_cluster = sum(_pairs(table.sum(axis=0)) for table in full)
    of_class = sum(_pairs(table.sum(axis=1)) for table in full)
    of_classes = sum(_entropy(table.sum(axis=1)) for table in full)
    of_clusters = sum(_entropy(table.sum(axis=0)) for table in full)
    of_both = sum(_entropy(table.ravel()) for table in full)
    return Agreement(
        precision=both / in_cluster if in_cluster else None,
        recall=both / of_class if of_class else None,
        homogeneity=_explained(of_both - of_clusters, of_classes),
        completeness=_explained(of_both - of_classes, of_clusters),
        elements=int(sum(table.sum() for table in full)),
        classes=int(sum(table.any(axis=1).sum() for table in full)),
        clusters=int(sum(table.any(axis=0).sum() for table in full)),
    )


def _pairs(counts: NDArray[np.int64]) -> int:
    """Pairs of elements of the same cell."""
    return int((counts * (counts - 1) // 2).sum())


def _entropy(counts: NDArray[np.int64]) -> float:
    """Entropy in nats times the number of elements: parts add up."""
    filled = counts[counts > 0].astype(np.float64)
    return float((filled * np.log(filled.sum() / filled)).sum())


def _explained(left: float, whole: float) -> float:
    """The share of an entropy that is not left; rounding may take neither beyond its bounds."""
    return 1.0 if whole <= 0 else float(np.clip(1 - left / whole, 0, 1))
