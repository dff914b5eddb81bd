"""Which comparisons of one person's faces fail, and how many of them whoever rejects poor faces is spared.

Error against reject: comparisons in order of quality, the poorest share rejected, the false non-match rate of what is
left at a fixed limit (Grother and Tabassi, "Performance of biometric quality measures", PAMI 2007; ISO/IEC 29794-1).
The quality of a comparison is that of its poorer face.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.probes import PLAIN, PROBE, REFERENCE, Faces
from models.faces import PARTS

FMR = 0.001
"""At which distances the limit is set: on plain faces, for a given share of comparisons of different people."""

_LEAST_PART = 0.02
"""A part below counts as this in a fit: its logarithm has no end."""

_STEPS, _STEP = 4000, 0.5

Weights = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """m comparisons of two faces of one person: (m, 2, 5) parts of their quality, (m,) whether they fail to match."""

    name: str
    parts: NDArray[np.float64]
    failed: NDArray[np.bool_]


def distances(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n, m) distances between each of (n, 128) and each of (m, 128)."""
    a, b = one.astype(np.float64), other.astype(np.float64)
    return np.asarray(np.sqrt(np.maximum(0, (a**2).sum(axis=1)[:, np.newaxis] + (b**2).sum(axis=1) - 2 * a @ b.T)))


@dataclass(frozen=True, slots=True, eq=False)
class Searches:
    """Probes beside the references of everybody: rows of the faces, distances, where each one's own reference is."""

    probes: NDArray[np.int64]
    references: NDArray[np.int64]
    distances: NDArray[np.float64]
    own: NDArray[np.int64]

    @classmethod
    def of(cls, faces: Faces) -> "Searches":
        """The probes of people whose reference shows a face."""
        references = faces.rows(REFERENCE)
        at = {person: row for row, person in enumerate(faces.people[references].tolist())}
        probes = np.array([row for row in faces.rows(PROBE).tolist() if faces.people[row] in at], np.int64)
        found = distances(faces.embeddings[probes], faces.embeddings[references])
        return cls(probes, references, found, np.array([at[person] for person in faces.people[probes].tolist()]))

    @property
    def mated(self) -> NDArray[np.float64]:
        """(n,) distances to the own references."""
        return self.distances[np.arange(len(self.own)), self.own]

    def limit(self, plain: NDArray[np.bool_]) -> float:
        """The distance below which the given share of comparisons of different people lies."""
        others = self.distances.copy()
        others[np.arange(len(self.own)), self.own] = np.inf
        return float(np.quantile(others[plain], FMR * others.shape[1] / (others.shape[1] - 1)))

    def compared(self, faces: Faces, name: str, limit: float, kinds: Sequence[str], half: int) -> Compared:
        """Comparisons of the people of one half, spoiled in some ways, or plain."""
        chosen = np.isin(faces.kinds[self.probes], [PLAIN, *kinds]) & (self.own % 2 == half)
        pairs = np.stack([self.probes[chosen], self.references[self.own[chosen]]], axis=1)
        return Compared(name, faces.parts[pairs], self.mated[chosen] > limit)


def all_pairs(faces: Faces, name: str, limit: float, most: int) -> Compared:
    """Any two photographs of one person of a collection, at most so many drawn at random."""
    rows = faces.rows(name)
    first, second = np.triu_indices(len(rows), 1)
    same = faces.people[rows[first]] == faces.people[rows[second]]
    pairs = np.stack([rows[first[same]], rows[second[same]]], axis=1)
    pairs = np.random.default_rng(0).permutation(pairs)[:most]
    apart = np.linalg.norm(faces.embeddings[pairs[:, 0]] - faces.embeddings[pairs[:, 1]], axis=1)
    return Compared(name, faces.parts[pairs], apart > limit)


def kept(compared: Compared, qualities: NDArray[np.float64], shares: Sequence[float]) -> list[float]:
    """The false non-match rate of what is left when these shares are rejected.

    Args:
        compared: m comparisons.
        qualities: (m, 2) of their faces.
        shares: from 0 to below 1.
    """
    order = np.argsort(qualities.min(axis=1), kind="stable")
    return [float(compared.failed[order[round(share * len(order)) :]].mean()) for share in shares]


def mean(parts: NDArray[np.float64], weights: Weights) -> NDArray[np.float64]:
    """Weighted geometric means of (…, 5) parts. Weights need not sum to 1."""
    return np.asarray(np.prod(parts ** (weights / weights.sum()), axis=-1))


def fit(sets: Sequence[Compared], without: str | None = None) -> tuple[Weights, NDArray[np.float64]]:
    """(5,) weights of the parts, and (s,) the logarithm of the odds to fail at quality 1 in each of s sets.

    A logistic regression of failing on the logarithms of the parts of both faces: weights are not negative, so that a
    better part is never worse, and sets weigh the same, each with a constant of its own: people differ in how alike
    they are. By descending along the gradient, cut off at 0.

    Args:
        sets: comparisons.
        without: a part that gets no weight.
    """
    inputs = np.concatenate([np.log(np.maximum(one.parts, _LEAST_PART)).sum(axis=1) for one in sets])
    failed = np.concatenate([one.failed for one in sets]).astype(np.float64)
    share = np.concatenate([np.full(len(one.failed), 1 / len(one.failed)) for one in sets])
    which = np.repeat(np.arange(len(sets)), [len(one.failed) for one in sets])
    free = np.array([part != without for part in PARTS], np.float64)
    weights, constants = free * 0.3, np.zeros(len(sets))
    for _ in range(_STEPS):
        expected = 1 / (1 + np.exp(inputs @ weights - constants[which]))
        error = share * (expected - failed)
        weights = np.maximum(0.0, weights + _STEP * free * (inputs.T @ error))
        constants -= _STEP * np.bincount(which, error)
    return weights, constants
