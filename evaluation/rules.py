"""The rules that are compared: how a probe is scored against every enrolled identity, smaller for more alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from evaluation.labelled import LabelledFaces
from evaluation.open_set import Split
from evaluation.searches import Searches
from models.cohort import NEAREST, UNLABELLED, Cohort
from models.faces import Embeddings
from models.neighbours import pairwise
from models.templates import template

Scores = NDArray[np.float64]

_PROBES_AT_ONCE = 256


class Rule(Protocol):
    """Scores probes on the gallery of a split."""

    @property
    def name(self) -> str:
        """For tables and JSON, e.g. `normalised`."""
        ...

    def prepare(self, faces: LabelledFaces, split: Split) -> "Scorer":
        """Do once what is the same for all probes."""
        ...


class Scorer(Protocol):
    """What a rule has made of a gallery."""

    def __call__(self, probes: Embeddings) -> Scores:
        """(n, N) scores of n probes with the N identities of the split, in its order."""
        ...


@dataclass(frozen=True, slots=True)
class NearestRule:
    """The distance to the nearest enrolled face of an identity: what `face_recognition` and most tutorials do."""

    name: str = "nearest"

    def prepare(self, faces: LabelledFaces, split: Split) -> Scorer:
        """See `Rule`."""
        count, photographs = split.enrolled.shape
        enrolled = faces.embeddings[split.enrolled.ravel()]
        return lambda probes: pairwise(probes, enrolled).reshape(len(probes), count, photographs).min(axis=2)


@dataclass(frozen=True, slots=True)
class NormalisedRule:
    """The distance to an identity's template, the mean of its faces weighted by quality, normalised by a cohort.

    The templates of the gallery join the cohort, each left out where it is compared itself.

    Args:
        cohort: how many people of the split's cohort; all where None.
        nearest: see `Cohort`.
        name: for tables and JSON.
    """

    cohort: int | None = None
    nearest: int = NEAREST
    name: str = "normalised"

    def prepare(self, faces: LabelledFaces, split: Split) -> Scorer:
        """See `Rule`.

        Raises:
            ValueError: cohort and gallery together are hardly larger than `nearest`.
        """
        templates = templates_of(faces, split.enrolled)
        members = split.cohort[: self.cohort]
        # The split keeps people of the cohort apart from all probes, so they need no labels.
        people = np.concatenate([np.full(len(members), UNLABELLED, np.int64), split.identities])
        cohort = Cohort(np.concatenate([faces.embeddings[members], templates]), people, self.nearest)
        terms = cohort.terms(templates, split.identities)
        column_of = {person: column for column, person in enumerate(split.identities.tolist())}

        def score(probes: Embeddings) -> Scores:
            scores = pairwise(probes, templates) - terms
            for row, term in enumerate(cohort.probe_terms(probes)):
                scores[row] -= term.common
                for person, value in term.without.items():
                    scores[row, column_of[person]] -= value - term.common
            return scores

        return score


def templates_of(faces: LabelledFaces, enrolled: NDArray[np.int64]) -> Embeddings:
    """(N, 128) one template of each row of faces (N, e)."""
    return np.stack([template(faces.embeddings[row], faces.qualities[row]) for row in enrolled])


def search(rule: Rule, faces: LabelledFaces, split: Split) -> Searches:
    """All searches of a split by a rule."""
    score = rule.prepare(faces, split)
    row_of = {person: row for row, person in enumerate(split.identities.tolist())}
    wanted = np.array([row_of[person] for person in faces.people[split.mated].tolist()])
    first, mated = _first(score, faces.embeddings, split.mated)
    _, strangers = _first(score, faces.embeddings, split.strangers)
    return Searches(mated, first == wanted, faces.people[split.mated], strangers, faces.people[split.strangers])


def _first(
    score: Scorer, embeddings: Embeddings, probes: Sequence[int] | NDArray[np.int64]
) -> tuple[NDArray[np.int64], Scores]:
    """The first candidate of each probe and its score."""
    rows, scores = [], []
    for start in range(0, len(probes), _PROBES_AT_ONCE):
        block = score(embeddings[probes[start : start + _PROBES_AT_ONCE]])
        rows.append(block.argmin(axis=1))
        scores.append(block.min(axis=1))
    return np.concatenate(rows), np.concatenate(scores)
