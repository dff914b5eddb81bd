"""Which enrolled identities come first by normalised distance, exactly, though only near ones are looked at."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.cohort import Cohort, ProbeTerm
from models.faces import Embedding, Embeddings
from models.neighbours import FlatIndex

# Mostly enough (docs/decisions, 14), and hardly slower than a search for a single template.
_SEARCHED_AT_FIRST = 64
_SEARCHED_NEXT = 8

# Enrolled faces with the largest terms, which may come first from afar: they are always looked at.
_OUTLYING = 256


@dataclass(frozen=True, slots=True)
class NormalisedCandidate:
    """An enrolled identity that a probe may show: its smallest score, and the distance of the face that has it."""

    identity_id: int
    score: float
    distance: float


class NormalisedIndex:
    """Enrolled templates that can be searched by `models.cohort`'s score.

    Args:
        identity_ids: (n,) the identity of each template; n may be 0.
        templates: (n, 128) float32, row after row, not copied.
        terms: (n,) of the templates, see `Cohort.terms`: they change with the cohort only.
        cohort: the cohort that gave the terms.

    Raises:
        ValueError: the arrays do not fit each other.
    """

    def __init__(
        self, identity_ids: NDArray[np.int64], templates: Embeddings, terms: NDArray[np.float64], cohort: Cohort
    ) -> None:
        if templates.ndim != 2 or not identity_ids.shape == terms.shape == templates.shape[:1]:
            raise ValueError(f"{identity_ids.shape} identities and {terms.shape} terms of {templates.shape} templates")
        self._identity_ids = identity_ids
        self._identity_count = len(np.unique(identity_ids))
        self._terms = terms
        self._cohort = cohort
        self._index = FlatIndex(templates)
        by_term = np.argsort(-terms, kind="stable")
        self._outlying = by_term[:_OUTLYING]
        self._largest_term = float(terms[by_term[_OUTLYING]]) if len(terms) > _OUTLYING else 0.0

    def candidates(self, probe: Embedding, count: int) -> list[NormalisedCandidate]:
        """The identities of the smallest scores, each by its template of the smallest.

        The nearest templates are searched, ever more of them, until none that was not looked at can come before the
        last one that is wanted: it is at least as far as the farthest that was, and its term is not among the largest.

        Args:
            probe: (128,) of the gallery's space.
            count: how many identities, at least 0.

        Returns:
            In order of ascending score, then of id; fewer when the gallery holds fewer.

        Raises:
            ValueError: the cohort is too small, see `Cohort.terms`.
        """
        wanted = min(count, self._identity_count)
        if wanted < 1:
            return []
        term = self._cohort.probe_terms(probe[np.newaxis])[0]
        most_taken = max(term.without.values(), default=term.common)
        outlying = self._index.distances(probe[np.newaxis], self._outlying[np.newaxis])[0]
        searched = _SEARCHED_AT_FIRST
        while True:
            distances, positions = self._index.nearest(probe[np.newaxis], searched)
            found = self._first(
                np.concatenate([distances[0], outlying]), np.concatenate([positions[0], self._outlying]), term, wanted
            )
            unseen = distances[0, -1] - self._largest_term - most_taken
            if searched >= len(self._index) or (len(found) == wanted and found[-1].score < unseen):
                return found
            searched *= _SEARCHED_NEXT

    def _first(
        self, distances: NDArray[np.float64], positions: NDArray[np.int64], term: ProbeTerm, wanted: int
    ) -> list[NormalisedCandidate]:
        """The first identities among templates; one of them may be named twice."""
        identity_ids = self._identity_ids[positions]
        taken = np.full(len(positions), term.common)
        for identity_id, value in term.without.items():
            taken[identity_ids == identity_id] = value
        scores = distances - self._terms[positions] - taken
        order = np.lexsort((identity_ids, scores))
        _, firsts = np.unique(identity_ids[order], return_index=True)
        rows = order[np.sort(firsts)[:wanted]].tolist()
        return [NormalisedCandidate(int(identity_ids[row]), float(scores[row]), float(distances[row])) for row in rows]
