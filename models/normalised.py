"""Which enrolled identities come first by normalised distance, exactly."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.cohort import UNLABELLED, Cohort, ProbeTerm
from models.decision import Candidate
from models.faces import Embedding, Embeddings
from models.neighbours import FlatIndex

LEAST_COHORT = 100
"""Members, the gallery's own people among them, below which normalised scores hardly help (docs/decisions, 14)."""

LARGEST_COHORT = 5000
"""Members of a cohort: more cost time and gain next to nothing (docs/decisions, 14)."""

# Nearer to somebody enrolled, or to another unknown one, an unknown person may be the same.
_SAME = 0.45
_SEED = 0

# Scores are held for so many pairs of a probe and a template at once.
_SCORES_AT_ONCE = 1 << 22

# More than single precision can be off: whoever is so near to the last one that is wanted is scored exactly.
_ROUNDING = 2e-3


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

    Args:
        identity_ids: (N,) ascending.
        templates: (N, 128) one of each.
        unknown: (u, 128) one template of each of other people, see `strangers`.
    """
    if len(identity_ids) + len(unknown) < LEAST_COHORT:
        return None
    cohort, owners = members(identity_ids, templates, unknown)
    return People(identity_ids, templates, Cohort(cohort, owners).terms(templates, identity_ids), cohort, owners)


def members(
    identity_ids: NDArray[np.int64], templates: Embeddings, unknown: Embeddings
) -> tuple[Embeddings, NDArray[np.int64]]:
    """A cohort of unknown people and of a gallery, see `people`: (c, 128) templates and (c,) whose each is.

    All of the gallery joins while there is room beside the unknown people; of a larger one, a part that does not change
    when somebody else is enrolled or removed.
    """
    room = max(0, LARGEST_COHORT - len(unknown))
    joining = np.sort(np.argsort(_scattered(identity_ids), kind="stable")[:room])
    owners = np.concatenate([np.full(len(unknown), UNLABELLED, np.int64), identity_ids[joining]])
    return np.concatenate([unknown, templates[joining].reshape(-1, unknown.shape[1])]), owners


def strangers(templates: Embeddings, enrolled: Embeddings, most: int) -> list[int]:
    """Positions of unknown people who can join a cohort, drawn at random, ascending.

    Whoever looks like somebody who is enrolled, or like another one of them, may be the same person and is left out.

    Args:
        templates: (n, 128) of unknown people.
        enrolled: (N, 128).
        most: no more than so many.
    """
    if not len(templates):
        return []
    near, _ = FlatIndex(enrolled).nearest(templates, 1)
    kept: list[int] = []
    for row in np.random.default_rng(_SEED).permutation(len(templates)).tolist():
        if len(kept) == most:
            break
        if near.shape[1] and near[row, 0] < _SAME:
            continue
        difference = templates[kept] - templates[row]
        if not kept or float(np.einsum("ij,ij->i", difference, difference).min()) >= _SAME**2:
            kept.append(row)
    return sorted(kept)


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
        self._templates = templates
        # Of one probe, what its squared distances are made of; float64 until they are summed.
        self._squares = np.einsum("ij,ij->i", templates, templates, dtype=np.float64).astype(np.float32)

    def __len__(self) -> int:
        return len(self._templates)

    def term_of(self, identity_id: int) -> float:
        """The term of an enrolled identity's template; 0 of somebody who is enrolled no more."""
        row = self._row_of(identity_id)
        return 0.0 if row is None else float(self._terms[row])

    def distances(self, probes: Embeddings, identity_ids: NDArray[np.int64]) -> list[float]:
        """Of each of (n, 128) probes to the template of one identity; infinite to one that is enrolled no more."""
        found = []
        for probe, identity in zip(probes, identity_ids.tolist(), strict=True):
            row = self._row_of(identity)
            found.append(np.inf if row is None else float(np.linalg.norm(self._templates[row] - probe)))
        return found

    def _row_of(self, identity_id: int) -> int | None:
        row = int(np.searchsorted(self._identity_ids, identity_id))
        return row if row < len(self) and self._identity_ids[row] == identity_id else None

    def terms(self, templates: Embeddings) -> NDArray[np.float64]:
        """(n,) the terms of (n, 128) templates of people who are not enrolled."""
        return self._cohort.terms(templates, np.full(len(templates), UNLABELLED))

    def candidates_of_each(
        self, probes: Embeddings, count: int, added: NDArray[np.float64] | None = None
    ) -> list[list[Candidate]]:
        """For each of (n, 128) probes the `count` identities of the smallest scores, fewer where there are fewer.

        Every template is scored in single precision, which reads each once, and those that may be among the first are
        scored again exactly. A search for the nearest templates reads as much, and the nearest need not be the first.

        Args:
            probes: (n, 128).
            count: how many.
            added: (n,) to the squared distances of each, before they are scored; nothing where None.

        Returns:
            Each in order of ascending score, then of id.

        Raises:
            ValueError: the cohort is too small, see `Cohort.terms`.
        """
        wanted = min(count, len(self))
        if wanted < 1:
            return [[] for _ in probes]
        added = np.zeros(len(probes)) if added is None else added
        at_once = max(1, _SCORES_AT_ONCE // len(self))
        answers = []
        for start in range(0, len(probes), at_once):
            some, more = probes[start : start + at_once], added[start : start + at_once]
            terms = self._cohort.probe_terms(some, added=more)
            for probe, distances, term, one in zip(some, self._distances(some, more), terms, more, strict=True):
                answers.append(self._first(probe, distances, term, wanted, float(one)))
        return answers

    def _distances(self, probes: Embeddings, added: NDArray[np.float64]) -> Embeddings:
        """(n, N) of all templates, in single precision."""
        distances = probes @ self._templates.T
        distances *= -2
        distances += self._squares
        distances += (np.einsum("ij,ij->i", probes, probes) + added.astype(np.float32))[:, np.newaxis]
        np.maximum(distances, 0, out=distances)
        return np.asarray(np.sqrt(distances, out=distances))

    def _first(
        self, probe: Embedding, distances: Embedding, term: ProbeTerm, wanted: int, added: float
    ) -> list[Candidate]:
        """The first candidates of a probe by its distances to all templates."""
        taken = {}
        for person, value in term.without.items():
            row = self._row_of(person)
            # Whoever was in the cohort may have been removed since.
            if row is not None:
                taken[row] = value
        scores = distances - self._terms.astype(np.float32)
        for row, value in taken.items():
            scores[row] -= value - term.common
        rows = np.flatnonzero(scores <= np.partition(scores, wanted - 1)[wanted - 1] + _ROUNDING)
        exact = np.linalg.norm(self._templates[rows].astype(np.float64) - probe, axis=1)
        found = (
            np.sqrt(exact**2 + added)
            - self._terms[rows]
            - np.array([taken.get(row, term.common) for row in rows.tolist()])
        )
        order = np.lexsort((self._identity_ids[rows], found))[:wanted].tolist()
        return [
            Candidate(int(self._identity_ids[rows[at]]), float(exact[at]), float(found[at])) for at in order
        ]  # fmt: skip
