"""Which enrolled identities come first by normalised distance, exactly, though only near ones are looked at."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.cohort import UNLABELLED, Cohort, ProbeTerm
from models.decision import Candidate
from models.faces import Embeddings
from models.neighbours import FlatIndex

LEAST_COHORT = 100
"""Members, the gallery's own people among them, below which normalised scores hardly help (docs/decisions, 14)."""

LARGEST_COHORT = 5000
"""Members of a cohort: more cost time and gain next to nothing (docs/decisions, 14)."""

# Mostly enough (docs/decisions, 14), and hardly slower than a search for a single template.
_SEARCHED_AT_FIRST = 256
_SEARCHED_NEXT = 4

# Templates with the largest terms, which may come first from afar: they are always looked at.
_OUTLYING = 256


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """N enrolled people and c members of a cohort, as arrays that may lie in a file mapped into memory."""

    identity_ids: NDArray[np.int64]
    """(N,) ascending."""
    templates: Embeddings
    """(N, 128) one of each."""
    terms: NDArray[np.float64]
    """(N,) of the templates, see `Cohort.terms`: they change with the cohort only."""
    cohort: Embeddings
    """(c, 128)."""
    cohort_people: NDArray[np.int64]
    """(c,) identity of each, or `UNLABELLED`."""


def people(identity_ids: NDArray[np.int64], templates: Embeddings, unknown: Embeddings) -> People | None:
    """Enrolled people, normalised by unknown ones and by each other; None where all are too few for a cohort.

    All of the gallery joins the cohort while there is room beside the unknown people; of a larger one, a part that
    does not change when somebody else is enrolled or removed.

    Args:
        identity_ids: (N,) ascending.
        templates: (N, 128) one of each.
        unknown: (u, 128) one template of each of other people, no two nearer than `models.cohort.OWN`.
    """
    if len(identity_ids) + len(unknown) < LEAST_COHORT:
        return None
    room = max(0, LARGEST_COHORT - len(unknown))
    joining = np.sort(np.argsort(_scattered(identity_ids), kind="stable")[:room])
    members = np.concatenate([unknown, templates[joining]])
    owners = np.concatenate([np.full(len(unknown), UNLABELLED, np.int64), identity_ids[joining]])
    terms = Cohort(members, owners).terms(templates, identity_ids)
    return People(identity_ids, templates, terms, members, owners)


def _scattered(identity_ids: NDArray[np.int64]) -> NDArray[np.uint64]:
    """A number for each identity that looks drawn and is always the same (Fibonacci hashing, Knuth)."""
    return identity_ids.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)


class NormalisedIndex:
    """Enrolled templates that can be searched by `models.cohort`'s score.

    Args:
        people: the templates; nothing is copied.

    Raises:
        ValueError: the arrays do not fit each other.
    """

    def __init__(self, people: People) -> None:
        self._identity_ids, self._terms = people.identity_ids, people.terms
        templates = people.templates
        if templates.ndim != 2 or not self._identity_ids.shape == self._terms.shape == templates.shape[:1]:
            raise ValueError(
                f"{self._identity_ids.shape} identities and {self._terms.shape} terms of {templates.shape} templates"
            )
        self._cohort = Cohort(people.cohort, people.cohort_people)
        self._index = FlatIndex(templates)
        by_term = np.argsort(-self._terms, kind="stable")
        self._outlying = by_term[:_OUTLYING]
        self._largest_term = float(self._terms[by_term[_OUTLYING]]) if len(by_term) > _OUTLYING else 0.0

    def __len__(self) -> int:
        return len(self._index)

    def candidates_of_each(self, probes: Embeddings, count: int) -> list[list[Candidate]]:
        """For each of (n, 128) probes the `count` identities of the smallest scores, fewer where there are fewer.

        The nearest templates are searched, ever more of them, until none that was not looked at can come before the
        last one that is wanted: it is at least as far as the farthest that was, and its term is not among the largest.

        Returns:
            Each in order of ascending score, then of id.

        Raises:
            ValueError: the cohort is too small, see `Cohort.terms`.
        """
        wanted = min(count, len(self))
        if wanted < 1 or not len(probes):
            return [[] for _ in probes]
        terms = self._cohort.probe_terms(probes)
        outlying = self._index.distances(probes, np.tile(self._outlying, (len(probes), 1)))
        answers: list[list[Candidate]] = [[] for _ in probes]
        left, searched = np.arange(len(probes)), _SEARCHED_AT_FIRST
        while len(left):
            distances, positions = self._index.nearest(probes[left], searched)
            again = []
            for number, near, rows in zip(left.tolist(), distances, positions, strict=True):
                found = self._first(
                    np.concatenate([near, outlying[number]]),
                    np.concatenate([rows, self._outlying]),
                    terms[number],
                    wanted,
                )
                unseen = near[-1] - self._largest_term - max(terms[number].without.values(), default=0.0)
                unseen = min(unseen, near[-1] - self._largest_term - terms[number].common)
                if searched >= len(self) or (len(found) == wanted and found[-1].score < unseen):
                    answers[number] = found
                else:
                    again.append(number)
            left, searched = np.array(again, np.int64), searched * _SEARCHED_NEXT
        return answers

    def _first(
        self, distances: NDArray[np.float64], positions: NDArray[np.int64], term: ProbeTerm, wanted: int
    ) -> list[Candidate]:
        """The first identities among templates; one of them may be named twice."""
        positions, firsts = np.unique(positions, return_index=True)
        identity_ids, distances = self._identity_ids[positions], distances[firsts]
        taken = np.full(len(positions), term.common)
        for identity_id, value in term.without.items():
            taken[identity_ids == identity_id] = value
        scores = distances - self._terms[positions] - taken
        rows = np.lexsort((identity_ids, scores))[:wanted].tolist()
        return [Candidate(int(identity_ids[row]), float(distances[row]), float(scores[row])) for row in rows]
