"""Searches of a gallery for its own people, each left out in turn: what strangers and enrolled people score there.

Every enrolled person without whom the gallery is searched is a stranger to it, of the same kind of photograph and of
the same kind of people as the enrolled. Every photograph of a person who has several is a probe of that person, whose
template is made of the others. Nothing but the gallery and its cohort is needed, and no labels but its names.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.cohort import Cohort, ProbeTerm
from models.faces import Embedding, Embeddings
from models.neighbours import pairwise
from models.templates import template, templates_by_identity

Scores = NDArray[np.float64]
Numbers = NDArray[np.int64]

# A probe is compared with every identity: that many distances are held at once.
_DISTANCES_AT_ONCE = 1 << 23


@dataclass(frozen=True, slots=True, eq=False)
class Enrolled:
    """The enrolled faces of one space."""

    identity_ids: Numbers
    """(n,)."""
    embeddings: Embeddings
    """(n, 128)."""
    weights: Scores
    """(n,) 0 or more: how much each face counts in its identity's template."""


@dataclass(frozen=True, slots=True, eq=False)
class LeftOut:
    """Scores of the first candidate of each search. Each person counts as much as another, however many photographs."""

    strangers: Scores
    """(s,) of people who were left out of the gallery."""
    stranger_people: Numbers
    """(s,) their identities."""
    stranger_firsts: Numbers
    """(s,) the first candidates. Two people who are alike are each other's, so that their searches are hardly two."""
    mated: Scores
    """(m,) of people who were enrolled with their other photographs."""
    right: NDArray[np.bool_]
    """(m,) whether the first candidate was the right one."""
    mated_people: Numbers
    """(m,) their identities."""


def search_left_out(
    enrolled: Enrolled, cohort: Cohort, *, most_people: int, most_photographs: int, seed: int
) -> LeftOut:
    """Search a gallery for its own people.

    A mated search is compared with the other candidates as a stranger's is: without the own person in the cohort, which
    makes the others a little nearer than they will be.

    Args:
        enrolled: of at least two people.
        cohort: of these templates and others; see `Cohort`.
        most_people: how many people are searched for; drawn at random where there are more.
        most_photographs: how many photographs of each; drawn at random.
        seed: of the draws.

    Raises:
        ValueError: the cohort is too small without the person who is left out.
    """
    generator = np.random.default_rng(seed)
    gallery = _Gallery(enrolled, cohort)
    order = np.argsort(enrolled.identity_ids, kind="stable")
    faces_of = np.split(order, np.flatnonzero(np.diff(enrolled.identity_ids[order])) + 1)
    chosen = generator.permutation(len(faces_of))[:most_people].tolist()
    probes = [
        (person, face)
        for person in sorted(chosen)
        for face in generator.permutation(faces_of[person])[:most_photographs].tolist()
    ]
    strangers, firsts, mated, right, mated_people = [], [], [], [], []
    for (person, face), (first, nearest, taken) in zip(probes, gallery.strangers(probes), strict=True):
        strangers.append(nearest)
        firsts.append(first)
        rest = faces_of[person][faces_of[person] != face]
        if len(rest):
            others = template(enrolled.embeddings[rest], enrolled.weights[rest])
            own = gallery.own(person, enrolled.embeddings[face], others) - taken
            mated.append(min(own, nearest))
            right.append(own < nearest)
            mated_people.append(gallery.identity_ids[person])
    return LeftOut(
        strangers=np.array(strangers),
        stranger_people=gallery.identity_ids[[person for person, _ in probes]],
        stranger_firsts=gallery.identity_ids[firsts],
        mated=np.array(mated, np.float64),
        right=np.array(right, np.bool_),
        mated_people=np.array(mated_people, np.int64),
    )


class _Gallery:
    """Templates and their terms, with what the terms become without one person."""

    def __init__(self, enrolled: Enrolled, cohort: Cohort) -> None:
        self.identity_ids, self._templates = templates_by_identity(
            enrolled.identity_ids, enrolled.embeddings, enrolled.weights
        )
        self._embeddings = enrolled.embeddings
        self._cohort = cohort
        terms = cohort.terms_without(self._templates, self.identity_ids)
        self._terms = terms.common
        # Row of each template and its term without one enrolled person, in the order of these people.
        by_owner = np.argsort(terms.owners, axis=None, kind="stable")
        self._owners = terms.owners.ravel()[by_owner]
        self._rows, self._without = by_owner // cohort.nearest, terms.without.ravel()[by_owner]

    def strangers(self, probes: list[tuple[int, int]]) -> Iterator[tuple[int, float, float]]:
        """For probes, person's row and face: row and score of the first other candidate, and the probe's own term."""
        at_once = max(1, _DISTANCES_AT_ONCE // len(self._templates))
        for start in range(0, len(probes), at_once):
            some = probes[start : start + at_once]
            faces = self._embeddings[[face for _, face in some]]
            terms = self._cohort.probe_terms(faces, self.identity_ids[[person for person, _ in some]])
            scores = pairwise(faces, self._templates) - self._terms
            for row, (person, _) in enumerate(some):
                yield self._stranger(scores[row], person, terms[row])

    def _stranger(self, scores: Scores, person: int, term: ProbeTerm) -> tuple[int, float, float]:
        first, end = np.searchsorted(self._owners, [self.identity_ids[person], self.identity_ids[person] + 1])
        affected = self._rows[first:end]
        scores[affected] += self._terms[affected] - self._without[first:end]
        for owner, value in term.without.items():
            row = int(np.searchsorted(self.identity_ids, owner))
            if row < len(scores) and self.identity_ids[row] == owner:
                scores[row] -= value - term.common
        scores[person] = np.inf
        nearest = int(scores.argmin())
        return nearest, float(scores[nearest]) - term.common, term.common

    def own(self, person: int, probe: Embedding, rest: Embedding) -> float:
        """The distance to a person's other photographs, less their term: the probe's is still to be taken away."""
        term = self._cohort.terms(rest[np.newaxis], self.identity_ids[[person]])[0]
        return float(np.linalg.norm(probe.astype(np.float64) - rest) - term)
