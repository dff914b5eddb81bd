"""The protocol of open-set identification on labelled faces: who is enrolled, who searches, who is in the cohort.

The people are split in three for each seed. *Enrolled* are people with more photographs than are enrolled of each;
their other photographs are the mated probes. *Strangers* are never enrolled; all their photographs are non-mated
probes. The *cohort* is of neither, one photograph of each person.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.errors import NotEnoughPeople

Numbers = NDArray[np.int64]

_COHORT_SHARE = 0.5
_LARGEST_COHORT = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Positions of faces, and people by their numbers.

    Args:
        identities: (N,) the enrolled people.
        enrolled: (N, e) faces enrolled of each.
        mated: (m,) probes of enrolled people.
        strangers: (s,) probes of people who are not enrolled.
        cohort: (c,) one face of each person of the cohort, in the order in which smaller cohorts take from it.
    """

    identities: Numbers
    enrolled: Numbers
    mated: Numbers
    strangers: Numbers
    cohort: Numbers


def draw(
    people: Numbers,
    gallery: int,
    photographs: int,
    seed: int,
    *,
    strangers: int | None = None,
    cohort: int | None = None,
) -> Split:
    """Split people at random.

    Args:
        people: (n,) who each face shows, numbered from 0.
        gallery: how many people to enrol.
        photographs: how many of each, at least 1.
        seed: of the random numbers; with one seed, the draw of the enrolled does not depend on the other numbers.
        strangers: how many people; all who are left where None.
        cohort: how many people; those who are neither enrolled nor strangers, at most 1,000, where None; half of them,
            if the strangers are not numbered either.

    Raises:
        NotEnoughPeople: too few have as many photographs, or too few are left.
    """
    generator = np.random.default_rng(seed)
    counts = np.bincount(people)
    eligible = generator.permutation(np.flatnonzero(counts > photographs))
    if len(eligible) < gallery:
        raise NotEnoughPeople(
            f"{gallery} enrolled by {photographs}", f"only {len(eligible)} people have more photographs", "enrol fewer"
        )
    identities = eligible[:gallery]
    rest = generator.permutation(np.setdiff1d(np.flatnonzero(counts), identities))
    cohort_size, stranger_count = _shares(len(rest), strangers, cohort)
    mixed = [generator.permutation(np.flatnonzero(people == person)) for person in identities]
    in_cohort = rest[len(rest) - cohort_size :]
    chosen = [generator.choice(np.flatnonzero(people == person)) for person in in_cohort]
    return Split(
        identities=identities,
        enrolled=np.stack([faces[:photographs] for faces in mixed]),
        mated=np.concatenate([faces[photographs:] for faces in mixed]),
        strangers=np.flatnonzero(np.isin(people, rest[:stranger_count])),
        cohort=np.array(chosen, np.int64),
    )


def _shares(rest: int, strangers: int | None, cohort: int | None) -> tuple[int, int]:
    """Of those who are not enrolled, how many are in the cohort and how many are strangers."""
    if cohort is None:
        cohort = min(int(_COHORT_SHARE * rest) if strangers is None else rest - strangers, _LARGEST_COHORT)
    if strangers is None:
        strangers = rest - cohort
    if strangers < 1 or cohort < 0 or strangers + cohort > rest:
        raise NotEnoughPeople(
            f"{strangers} strangers and a cohort of {cohort}", f"only {rest} people are not enrolled", "ask for fewer"
        )
    return cohort, strangers
