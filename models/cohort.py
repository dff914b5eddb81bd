"""Distances normalised by a cohort: how near two faces are, less how near each of them is to other people anyway.

A face in the crowded part of the space has many strangers near it, one at its edge has none: the same distance says
little of the one and much of the other. So of each face its *term* is taken away, half the mean of its smallest
distances to a cohort of other people:

    score(probe, candidate) = d(probe, candidate) − term(probe) − term(candidate)

Smaller is more alike, as with distances; the score of a face with itself is negative, that of two strangers about 0.

Source: the two terms, one of the probe and one of the enrolled face, are those of symmetric score normalisation (Kenny,
"Bayesian speaker verification with heavy-tailed priors", Odyssey 2010), taken from each one's nearest members of the
cohort as in its adaptive form (Cumani et al., "Comparison of speaker recognition approaches for real applications",
Interspeech 2011). Without the division by a standard deviation, which did not pay here (docs/decisions, 14), it is the
local scaling of Conneau et al., "Word translation without parallel data" (ICLR 2018), with distances for similarities.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.faces import Embeddings
from models.neighbours import FlatIndex

NEAREST = 10
"""How many members of the cohort a term is taken from (docs/decisions, 14)."""

UNLABELLED = -1
"""The person of a member of the cohort whom nobody has named."""

_TEMPLATES_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class ProbeTerm:
    """What is taken away from a probe's distances.

    A candidate's own members of the cohort are left out where the probe is compared with that candidate: if the probe
    shows it, they are the probe's own.

    Args:
        common: for every candidate that has no member among the probe's nearest.
        without: for each of the others, by identity; larger than `common`.
    """

    common: float
    without: Mapping[int, float]

    def beside(self, identity: int) -> float:
        """The term where the probe is compared with an identity."""
        return self.without.get(identity, self.common)


class Cohort:
    """Templates of other people, one of each at best, of the embedding space that they shall normalise.

    Enrolled people may be among them: the terms leave out whoever a template is compared with.

    Args:
        templates: (c, 128) float32, row after row; not copied. Nobody may change them.
        people: (c,) identity of each, or `UNLABELLED`. Several members may be one person's.
        nearest: how many members a term is taken from, at least 1.

    Raises:
        ValueError: the arrays do not fit each other.
    """

    def __init__(self, templates: Embeddings, people: NDArray[np.int64], nearest: int = NEAREST) -> None:
        if templates.ndim != 2 or people.shape != templates.shape[:1] or nearest < 1:
            raise ValueError(f"{people.shape} people of {templates.shape} templates, {nearest} nearest")
        self.nearest = nearest
        self._people = np.asarray(people, np.int64)
        self._index = FlatIndex(templates)
        # As many may have to be left out beside any template.
        _, counts = np.unique(self._people[self._people != UNLABELLED], return_counts=True)
        self._most = int(counts.max(initial=0))

    def __len__(self) -> int:
        return len(self._index)

    def terms(self, templates: Embeddings, people: NDArray[np.int64]) -> NDArray[np.float64]:
        """Half the mean of each template's smallest distances to members that are somebody else.

        Args:
            templates: (n, 128).
            people: (n,) whose members are left out for each; `UNLABELLED` leaves nobody out.

        Returns:
            (n,), each 0 or more.

        Raises:
            ValueError: the cohort holds fewer other people's members than a term is taken from.
        """
        found = np.empty(len(templates))
        for start in range(0, len(templates), _TEMPLATES_AT_ONCE):
            part = slice(start, start + _TEMPLATES_AT_ONCE)
            found[part] = self._terms(templates[part], people[part])
        return found

    def probe_terms(self, probes: Embeddings) -> list[ProbeTerm]:
        """The terms of probes, of whom nobody knows yet who they are.

        Args:
            probes: (n, 128). Members that may be their own are to be left out of the cohort itself, as far as known.

        Raises:
            ValueError: see `terms`.
        """
        distances, positions, others = self._others(probes, np.full(len(probes), UNLABELLED, np.int64))
        near = self._people[positions]
        found = []
        for row in range(len(probes)):
            first = near[row, : self.nearest]
            without = {
                int(person): self._half_mean(distances[row], others[row] & (near[row] != person))
                for person in np.unique(first[first != UNLABELLED])
            }
            found.append(ProbeTerm(self._half_mean(distances[row], others[row]), without))
        return found

    def _terms(self, templates: Embeddings, people: NDArray[np.int64]) -> NDArray[np.float64]:
        distances, _, others = self._others(templates, people)
        counted = others & (np.cumsum(others, axis=1) <= self.nearest)
        sums: NDArray[np.float64] = np.where(counted, distances, 0).sum(axis=1)
        return sums / (2 * self.nearest)

    def _others(
        self, templates: Embeddings, people: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]:
        """Distances and positions of near members, and which of them are somebody else: enough of them."""
        distances, positions = self._index.nearest(templates, self.nearest + self._most)
        others = (self._people[positions] != people[:, np.newaxis]) | (people == UNLABELLED)[:, np.newaxis]
        if (others.sum(axis=1) < self.nearest).any():
            raise ValueError(f"fewer than {self.nearest} of the cohort's {len(self)} members are of other people")
        return distances, positions, others

    def _half_mean(self, distances: NDArray[np.float64], counted: NDArray[np.bool_]) -> float:
        kept = distances[counted][: self.nearest]
        if len(kept) < self.nearest:
            raise ValueError(f"fewer than {self.nearest} of the cohort's {len(self)} members are of other people")
        return float(kept.mean() / 2)
