"""The enrolled people of one embedding space, which of them come first for a probe, and what is decided from that."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.decision import CalibratedRule, Candidate, Decision, NearestRule, Rule, Verdict
from models.faces import Embedding, Embeddings
from models.neighbours import FlatIndex
from models.normalised import NormalisedIndex
from models.rivals import MARGIN, MARGIN_BY_DISTANCE, Rivals

# The rules look at the first two.
_DECIDED_BY = 2

VARIANCE_SHARE = 0.5
"""Of the variance of a group's faces, what is added to the squared distances of their template.

The mean of several faces lies nearer to everybody than each of them does, by as much as they lie apart, and limits are
found on single photographs. Without making up for it more strangers get a name the more faces show them. Strangers of
Labelled Faces in the Wild who get a name at the limit for 1 % of single photographs, by the number of photographs in
their template, and enrolled people who do not, in % (eight draws):

| added | strangers: 1, 2, 3, 5 | enrolled: 1, 3 |
|---|---|---|
| 400 people, 1 photograph: nothing | 1.0, 2.7, 3.0, 2.6 | 17.9, 2.8 |
| **half the variance** | 1.0, 1.0, 1.2, 0.8 | 17.9, 6.1 |
| the variance | 1.0, 0.6, 0.6, 0.0 | 17.9, 9.3 |
| 150 people, 3 photographs: nothing | 1.0, 2.8, 4.2, 6.4 | 3.0, 0.1 |
| **half the variance** | 1.0, 1.0, 1.4, 1.1 | 3.0, 0.1 |
| the variance | 1.0, 0.5, 0.3, 0.0 | 3.0, 0.5 |

The whole would be what the mean has taken off the squared distances (the mean square of the faces' distances); half is
enough, because a mean's distances also vary less. Frames of one shot lie close together: for them hardly anything is
added, and hardly anything was taken off."""

Variances = NDArray[np.float64]


def _added(variances: Variances | None) -> NDArray[np.float64] | None:
    return None if variances is None else VARIANCE_SHARE * variances


def _of_each(probes: Embeddings, variances: Variances | None) -> list[float]:
    return [0.0] * len(probes) if variances is None else (VARIANCE_SHARE * variances).tolist()


def _farther(candidates: Sequence[Candidate], added: float) -> list[Candidate]:
    """Candidates by distance, something added to the squares that they are scored by."""
    if not added:
        return list(candidates)
    return [replace(one, score=math.sqrt(one.score**2 + added)) for one in candidates]


@dataclass(frozen=True, slots=True, eq=False)
class Calibrated:
    """What a calibration adds to a gallery: people by normalised scores, and the limits of these."""

    index: NormalisedIndex
    rule: CalibratedRule

    def verdicts(self, probes: Embeddings, variances: Variances | None = None) -> list[Verdict]:
        """What is decided on each of (n, 128) probes, of (n,) variances, see `Gallery.verdicts`."""
        found = self.index.candidates_of_each(probes, _DECIDED_BY, _added(variances))
        return [self.rule.decide(candidates) for candidates in found]


class UnknownPeople(NamedTuple):
    """Unknown people, R of them."""

    ids: NDArray[np.int64]
    """(R,)."""
    templates: Embeddings
    """(R, 128)."""


def rivals_of(people: UnknownPeople, calibrated: Calibrated | None) -> Rivals:
    """Unknown people as the rivals of a gallery, with the terms that its scores have."""
    if calibrated is None:
        return Rivals(*people, np.zeros(len(people.ids)), MARGIN_BY_DISTANCE)
    return Rivals(*people, calibrated.index.terms(people.templates), MARGIN)


class Gallery:
    """Enrolled faces that can be searched, exactly: by distance, or by normalised score where that was calibrated.

    Args:
        version: grows with every change of the enrolled faces; kept with what was decided by them.
        space: name of the embedding space of all of them.
        identity_ids: (n,) the identity of each face; n may be 0.
        embeddings: (n, 128) float32, row after row. Neither array is copied: both may be files mapped into memory,
            which the processes of a machine then hold once together. Nobody may change them.
        calibrated: None for a gallery whose candidates are ranked by distance.
        rivals: unknown people who contest names; None where nobody does.

    Raises:
        ValueError: the arrays do not fit each other.
    """

    def __init__(
        self,
        version: int,
        space: str,
        identity_ids: NDArray[np.int64],
        embeddings: Embeddings,
        calibrated: Calibrated | None = None,
        rivals: UnknownPeople | None = None,
    ) -> None:
        if embeddings.ndim != 2 or identity_ids.shape != embeddings.shape[:1]:
            raise ValueError(f"{identity_ids.shape} identities of {embeddings.shape} embeddings")
        self.version = version
        self.space = space
        self.calibrated = calibrated
        self._identity_ids = np.asarray(identity_ids, np.int64)
        self._rivals = None if rivals is None else rivals_of(rivals, calibrated)
        self._identity_count = len(np.unique(self._identity_ids))
        self._embeddings = embeddings
        self._index = FlatIndex(embeddings)

    def __len__(self) -> int:
        """Enrolled faces."""
        return len(self._index)

    @property
    def identity_count(self) -> int:
        """Identities with at least one face."""
        return self._identity_count

    def rule(self, uncalibrated: NearestRule) -> Rule:
        """What decides: the calibrated rule, or else the one that is given."""
        return self.calibrated.rule if self.calibrated else uncalibrated

    def verdicts(
        self, probes: Embeddings, uncalibrated: NearestRule, variances: Variances | None = None
    ) -> list[Verdict]:
        """What is decided on each of (n, 128) probes.

        Args:
            probes: single faces, or templates of several.
            uncalibrated: what decides in a gallery that is not calibrated.
            variances: (n,) of the faces of each template, see `templates.variance`; None for single faces.
        """
        if self.calibrated:
            found = self.calibrated.verdicts(probes, variances)
        else:
            found = [
                uncalibrated.decide(_farther(candidates, more))
                for candidates, more in zip(
                    self.candidates_of_each(probes, _DECIDED_BY), _of_each(probes, variances), strict=True
                )
            ]
        return self.contested(probes, found)

    def contested(self, probes: Embeddings, verdicts: Sequence[Verdict]) -> list[Verdict]:
        """What rivals leave of verdicts on (n, 128) probes that the rule gave alone."""
        if self._rivals is None:
            return list(verdicts)
        return self._rivals.contest(probes, verdicts, self._term_of)

    def contests(self, rivals: Rivals, probes: Embeddings, identity_ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether some rivals would contest the names of (n, 128) probes, which (n,) identities they got."""
        named = [
            Verdict(Decision.NAMED, Candidate(identity, distance, distance))
            for identity, distance in zip(identity_ids.tolist(), self._distances(probes, identity_ids), strict=True)
        ]
        found = rivals.contest(probes, named, self._term_of)
        return np.array([one.rival is not None for one in found], np.bool_)

    def _distances(self, probes: Embeddings, identity_ids: NDArray[np.int64]) -> list[float]:
        """Of each probe to one identity; infinite to one that is enrolled no more."""
        if self.calibrated:
            return self.calibrated.index.distances(probes, identity_ids)
        found = []
        for probe, identity in zip(probes, identity_ids.tolist(), strict=True):
            away = self._embeddings[self._identity_ids == identity] - probe
            found.append(float(np.sqrt(np.einsum("ij,ij->i", away, away).min(initial=np.inf))))
        return found

    def _term_of(self, identity_id: int) -> float:
        return self.calibrated.index.term_of(identity_id) if self.calibrated else 0.0

    def candidates(self, probe: Embedding, count: int) -> list[Candidate]:
        """The identities that come first for a probe, (128,) of the gallery's space, see `candidates_of_each`."""
        return self.candidates_of_each(probe[np.newaxis], count)[0]

    def candidates_of_each(self, probes: Embeddings, count: int) -> list[list[Candidate]]:
        """The identities that come first for each of (n, 128) probes; the gallery is read once for all of them.

        Uncalibrated, an identity's distance is that of its nearest enrolled face, and the score is the distance.
        Calibrated, the distance is that of its template, and the score is normalised.

        Args:
            probes: (n, 128) of the gallery's space.
            count: how many identities, at least 0.

        Returns:
            Each in order of ascending score, then of id; fewer when the gallery holds fewer.
        """
        if self.calibrated:
            return self.calibrated.index.candidates_of_each(probes, count)
        return self._nearest_of_each(probes, count)

    def _nearest_of_each(self, probes: Embeddings, count: int) -> list[list[Candidate]]:
        wanted = min(count, self._identity_count)
        answers: list[list[Candidate]] = [[] for _ in probes]
        left = np.arange(len(probes)) if wanted > 0 else np.empty(0, np.int64)
        searched = 2 * wanted
        while len(left):
            distances, positions = self._index.nearest(probes[left], searched)
            again = []
            for number, near, faces in zip(left.tolist(), distances, positions, strict=True):
                found = _nearest(near, self._identity_ids[faces])
                # Faces just beyond the search may tie with its last one: that one must lie strictly beyond the wanted.
                enough = len(found) >= wanted and found[wanted - 1].distance < near[-1]
                if enough or searched >= len(self):
                    answers[number] = found[:wanted]
                else:
                    again.append(number)
            # One person's many photographs may fill the search.
            left, searched = np.array(again, np.int64), 4 * searched
        return answers


def _nearest(distances: NDArray[np.float64], identity_ids: NDArray[np.int64]) -> list[Candidate]:
    nearest: dict[int, float] = {}
    for distance, identity_id in zip(distances.tolist(), identity_ids.tolist(), strict=True):
        nearest.setdefault(identity_id, distance)
    ranked = sorted((distance, identity_id) for identity_id, distance in nearest.items())
    return [Candidate(identity_id, distance, distance) for distance, identity_id in ranked]
