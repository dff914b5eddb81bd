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
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.faces import Embeddings
from models.neighbours import FlatIndex

NEAREST = 10
"""How many members of the cohort a term is taken from (docs/decisions, 14)."""

OWN = 0.4
"""A member without a name that is nearer than this is taken for the same person, and left out (docs/decisions, 15)."""

UNLABELLED = -1
"""The person of a member of the cohort whom nobody has named."""

_TEMPLATES_AT_ONCE = 4096

# Unnamed members that are mostly enough to leave out.
_OWN_AT_FIRST = 2


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


class TermsWithout(NamedTuple):
    """Terms of n templates, and of each what it would be without one of the k members that it is taken from."""

    common: NDArray[np.float64]
    """(n,)."""
    owners: NDArray[np.int64]
    """(n, k) who the members are, or `UNLABELLED`."""
    without: NDArray[np.float64]
    """(n, k) the term without this member; where it is nobody's, perhaps infinite."""


class Cohort:
    """Templates of other people, one of each, of the embedding space that they shall normalise.

    Whoever a template is compared with is left out: members that bear the identity, and members without a name that
    are so near that they may show the same person.

    Args:
        templates: (c, 128) float32, row after row; not copied. Nobody may change them.
        people: (c,) identity of each, or `UNLABELLED`.
        nearest: how many members a term is taken from, at least 1.
        own: unlabelled members nearer than this are left out.

    Raises:
        ValueError: the arrays do not fit each other, or two members are of one identity.
    """

    def __init__(
        self, templates: Embeddings, people: NDArray[np.int64], nearest: int = NEAREST, own: float = OWN
    ) -> None:
        if templates.ndim != 2 or people.shape != templates.shape[:1] or nearest < 1:
            raise ValueError(f"{people.shape} people of {templates.shape} templates, {nearest} nearest")
        self.nearest = nearest
        self.people = np.asarray(people, np.int64)
        self._own = own
        self._index = FlatIndex(templates)
        named = self.people[self.people != UNLABELLED]
        if len(np.unique(named)) < len(named):
            raise ValueError("two members of the cohort are of one identity")

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
            found[part] = self.others(templates[part], people[part], self.nearest)[0].mean(axis=1) / 2
        return found

    def terms_without(
        self, templates: Embeddings, people: NDArray[np.int64], added: NDArray[np.float64] | None = None
    ) -> TermsWithout:
        """As `terms`, and what each becomes beside those whom it was taken from, the next member taking their place.

        Args:
            templates: (n, 128).
            people: (n,) see `terms`.
            added: (n,) to the squared distances of each; nothing where None.

        Raises:
            ValueError: as `terms`, also if there is no next member to take somebody's place.
        """
        nearest = self.nearest
        distances, positions = self.others(templates, people, nearest + 1)
        if added is not None:
            distances = np.sqrt(distances**2 + added[:, np.newaxis])
        common = distances[:, :nearest].mean(axis=1) / 2
        following = distances[:, nearest:] if distances.shape[1] > nearest else np.full((len(templates), 1), np.inf)
        without = common[:, np.newaxis] + (following - distances[:, :nearest]) / (2 * nearest)
        owners = self.people[positions[:, :nearest]]
        self._check(np.where(owners == UNLABELLED, 0, without).T)
        return TermsWithout(common, owners, without)

    def probe_terms(
        self,
        probes: Embeddings,
        people: NDArray[np.int64] | None = None,
        added: NDArray[np.float64] | None = None,
    ) -> list[ProbeTerm]:
        """The terms of probes.

        Args:
            probes: (n, 128).
            people: (n,) who they are, see `terms`; None where nobody knows yet.
            added: (n,) see `terms_without`.

        Raises:
            ValueError: see `terms_without`.
        """
        terms = self.terms_without(probes, np.full(len(probes), UNLABELLED) if people is None else people, added)
        named = terms.owners != UNLABELLED
        return [
            ProbeTerm(common, dict(zip(owners[kept].tolist(), without[kept].tolist(), strict=True)))
            for common, owners, without, kept in zip(
                terms.common.tolist(), terms.owners, terms.without, named, strict=True
            )
        ]

    def others(
        self, templates: Embeddings, people: NDArray[np.int64], count: int
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """The members nearest to templates that are somebody else.

        Args:
            templates: (n, 128).
            people: (n,) see `terms`.
            count: how many, at least `nearest`.

        Returns:
            Distances, ascending, and positions in the cohort: (n, count), or as many as there are members. Distances
            are infinite where others are fewer.

        Raises:
            ValueError: there are fewer than `nearest` others.
        """
        searched = count + 1 + _OWN_AT_FIRST
        while True:
            distances, positions = self._index.nearest(templates, searched)
            owners = self.people[positions]
            same = (owners == people[:, np.newaxis]) & (owners != UNLABELLED)
            same |= (owners == UNLABELLED) & (distances < self._own)
            if searched >= len(self) or ((~same).sum(axis=1) >= count).all():
                break
            searched *= 4
        distances = np.where(same, np.inf, distances)
        order = np.argsort(distances, axis=1, kind="stable")[:, :count]
        distances = np.take_along_axis(distances, order, axis=1)
        self._check(distances[:, : self.nearest].T)
        return distances, np.take_along_axis(positions, order, axis=1)

    def _check(self, distances: NDArray[np.float64]) -> None:
        """Raise unless there are as many as a term is taken from, first axis, and all of them finite."""
        if len(distances) < self.nearest or not np.isfinite(distances).all():
            raise ValueError(f"fewer than {self.nearest} of the cohort's {len(self)} members are of other people")
