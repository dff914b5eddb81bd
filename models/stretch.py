"""By what factor the distances of one embedding space mean what those of another one mean."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.faces import Embeddings
from models.neighbours import pairwise

LEAST_PEOPLE: Final = 30
_MOST_FACES: Final = 2000
_SHARE: Final = 0.01
"""Of pairs of different people who are nearer than the distance that is compared: limits of names and groups let about
as few of them pass."""


def stretch_between(people: NDArray[np.int64], reference: Embeddings, other: Embeddings) -> float | None:
    """The factor for the other space's embeddings; None where too few people tell it.

    It is the quotient of the two distances below which the same small share of pairs of different people lies. Within
    one person distances need no factor of their own: how they compare is what a space is better or worse at.

    Args:
        people: (n,) whose face each is.
        reference: (n, d) the faces in the space that limits were set for.
        other: (n, e) the same faces in the other one. The two are never compared with each other.
    """
    if len(np.unique(people)) < LEAST_PEOPLE:
        return None
    drawn = np.random.default_rng(0).permutation(len(people))[:_MOST_FACES]
    different = people[drawn, np.newaxis] != people[np.newaxis, drawn]
    one, another = (_distance(faces[drawn], different) for faces in (reference, other))
    return one / another if one > 0 and another > 0 else None


def _distance(faces: Embeddings, different: NDArray[np.bool_]) -> float:
    return float(np.quantile(pairwise(faces, faces)[different], _SHARE))
