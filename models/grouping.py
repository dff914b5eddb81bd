"""Which faces of one video are of one person.

Constrained agglomerative clustering in two steps. Faces that follow each other from sample to sample at the same place
and look alike become tracklets; tracklets then join, the nearest first, until no two are near enough. Two faces of one
sample are never one person, and neither are the groups that hold them.

The distance of two groups is the root mean square of the distances between a face of the one and a face of the other,
each face with its weight (average linkage). The distance of the groups' means, which suggests itself, shrinks as groups
grow, so that groups of several people swallow each other: 332 people of Labelled Faces in the Wild at a limit of 0.5
became 202 groups with it (1 % of the pairs in a group of one person), 355 groups with average linkage (89 %).

Photographs with labels, each a sample of its own, joined in the mirrored space at several limits, in %: pairwise
precision (share of the pairs in a group that are of one person), pairwise recall (share of one person's pairs that are
in a group) and V-measure, whose source `evaluation.clustering` names (`python -m bench.grouping`):

| | 0.44 | 0.46 | 0.48 (default) | 0.50 | 0.52 | 0.56 |
|---|---|---|---|---|---|---|
| 8 actors, 40 faces | 100, 58, 88 | 100, 73, 92 | 100, 85, 96 | 100, 90, 97 | 100, 90, 97 | 100, 95, 99 |
| 2 women who look alike, 80 | 100, 71, 67 | 97, 79, 69 | 97, 88, 77 | 97, 90, 80 | 95, 95, 83 | 49, 100, 0 |
| 20 people in a laboratory, 196 | 100, 93, 98 | 100, 96, 99 | 100, 96, 99 | 100, 97, 99 | 100, 99, 100 | 90, 99, 99 |
| 30 people of LFW, 116 (20 draws) | 100, 61, 93 | 100, 72, 95 | 100, 82, 97 | 100, 90, 98 | 100, 95, 99 | 99, 98, 99 |
| 507 people of LFW, 990 (5 draws) | 100, 63, 98 | 98, 75, 98 | 97, 83, 99 | 96, 91, 99 | 93, 95, 99 | 82, 98, 98 |
| 2,322 people of LFW, 4,444 | 99, 61, 98 | 97, 72, 98 | 92, 82, 99 | 88, 89, 99 | 79, 92, 98 | 51, 96, 97 |

Where most people have one or two faces, almost any division has a high V-measure: there the pairs tell more.

33 real clips of one person each, 19 people, strung together (`python -m bench.clips`): at 0.48, 115 faces became 20
groups, a woman of two faces being divided; where the frames were scaled in another way, one man who acts eight emotions
was divided too (recall 96, V-measure 98). No two people joined up to 0.52. A divided person is named twice over; two
people in one group are named wrongly. So the default is low.

Tracks as units and co-occurrence as a "cannot link" are from Cinbis, Verbeek and Schmid, "Unsupervised metric learning
for face identification in TV video" (ICCV 2011) and Wu et al., "Constrained clustering and its application to face
clustering in videos" (CVPR 2013); average linkage from Sokal and Michener (1958), its agglomeration under constraints
from Davidson and Ravi (PKDD 2005), and joining all pairs at once that are each other's nearest from Murtagh, "A survey
of recent advances in hierarchical clustering algorithms" (1983).
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from models.faces import Embeddings
from models.neighbours import FlatIndex
from models.templates import LEAST_WEIGHT

LEAST_OVERLAP = 0.3
"""Intersection over union above which two boxes of consecutive samples may be one face that moved."""

_POOR_DISTANCE = 0.6
"""To a face that is not recognisable, at which it may still be the one that was there before: of 190 spoiled ones 84 %
are so near to the same photograph as it was, 2 % to somebody else's (`python -m bench.quality`)."""

# Of a poor face in its tracklet's mean: nothing, but a tracklet of such faces has a mean, too.
_NO_WEIGHT = 1e-9

# Nearest neighbours among which a group's partner is sought; more where all of these are excluded.
_NEIGHBOURS = 16


def group_faces(
    samples: NDArray[np.int64],
    boxes: NDArray[np.int64],
    embeddings: Embeddings,
    weights: NDArray[np.float64],
    largest_distance: float,
    recognisable: NDArray[np.bool_] | None = None,
) -> NDArray[np.int64]:
    """Number the persons of one video. The result does not depend on the order of the faces.

    Faces that are not recognisable join by place and time only, as parts of a tracklet, and weigh nothing.

    Args:
        samples: (n,) number of the sample in which each face was found; n may be 0.
        boxes: (n, 4) left, top, right, bottom in pixels of the upright frame.
        embeddings: (n, 128) of one space.
        weights: (n,) 0 or more: how much each face counts in its group's mean.
        largest_distance: groups farther apart than this never join.
        recognisable: (n,) which faces can tell who they are; all where None.

    Returns:
        (n,) from 0, in order of first appearance: by sample, then by left edge, then by top.
    """
    if not len(samples):
        return np.empty(0, np.int64)
    known = np.ones(len(samples), bool) if recognisable is None else recognisable
    order = np.lexsort((*embeddings.T, weights, *boxes.T[[3, 2, 1, 0]], samples))
    groups = _Groups(embeddings[order], weights[order], samples[order], known[order])
    for first, second in _followers(samples[order], boxes[order], groups, largest_distance):
        groups.join(first, second)
    _agglomerate(groups, largest_distance)
    labels = np.empty(len(samples), np.int64)
    # A group's root is its first face, so numbers in order of roots are numbers in order of appearance.
    labels[order] = np.unique(groups.roots(), return_inverse=True)[1]
    return labels


class _Groups:
    """Faces in disjoint sets; each set is named by its first face, its root. At first every face is alone."""

    def __init__(
        self,
        embeddings: Embeddings,
        weights: NDArray[np.float64],
        samples: NDArray[np.int64],
        recognisable: NDArray[np.bool_],
    ) -> None:
        self._parents = list(range(len(samples)))
        self._means = embeddings.astype(np.float64)
        self._variances = [0.0] * len(samples)
        self._recognisable: list[bool] = recognisable.tolist()
        counted = np.maximum(weights.astype(np.float64), LEAST_WEIGHT)
        self._weights: list[float] = np.where(recognisable, counted, _NO_WEIGHT).tolist()
        self._shared = _shared_samples(samples)

    def root(self, face: int) -> int:
        """First face of the set that holds a face."""
        parents = self._parents
        while parents[face] != face:
            parents[face] = parents[parents[face]]
            face = parents[face]
        return face

    def roots(self) -> NDArray[np.int64]:
        """(n,) the root of every face."""
        return np.array([self.root(face) for face in range(len(self._parents))], np.int64)

    def is_recognisable(self, root: int) -> bool:
        """Whether a set holds a face that can tell who it is."""
        return self._recognisable[root]

    def points(self, roots: NDArray[np.int64]) -> tuple[Embeddings, NDArray[np.float64]]:
        """Points of n sets, (n, 129), and the variances of their faces, (n,).

        The last coordinate is the standard deviation: the squared distance of two sets is that of the point of the one
        and the mean of the other (its point with 0 at the end), plus the variance of the other.
        """
        variances = np.array([self._variances[root] for root in roots.tolist()])
        points = np.column_stack((self._means[roots], np.sqrt(variances)))
        return points.astype(np.float32), variances

    def distance(self, root: int, other: int) -> float:
        """Root mean square distance between a face of one set and a face of another."""
        difference = self._means[root] - self._means[other]
        return math.sqrt(float(difference @ difference) + self._variances[root] + self._variances[other])

    def may_join(self, root: int, other: int) -> bool:
        """Whether no sample shows faces of both sets."""
        return not self._shared[root] & self._shared[other]

    def join(self, root: int, other: int) -> None:
        """Make one set of two."""
        root, other = sorted((root, other))
        weight, total = self._weights[other], self._weights[root] + self._weights[other]
        share = weight / total
        difference = self._means[other] - self._means[root]
        between = share * (1 - share) * float(difference @ difference)
        self._variances[root] += (self._variances[other] - self._variances[root]) * share + between
        self._means[root] += difference * share
        self._weights[root] = total
        self._recognisable[root] |= self._recognisable[other]
        self._shared[root] |= self._shared[other]
        self._parents[other] = root


def _shared_samples(samples: NDArray[np.int64]) -> list[int]:
    """For each face, the sample it is in as one bit of an integer; 0 where it is alone there and excludes nothing."""
    _, position, count = np.unique(samples, return_inverse=True, return_counts=True)
    rank = np.cumsum(count > 1) - 1
    return [1 << int(rank[at]) if count[at] > 1 else 0 for at in position]


def _followers(
    samples: NDArray[np.int64], boxes: NDArray[np.int64], groups: _Groups, largest_distance: float
) -> Iterator[tuple[int, int]]:
    """Pairs of a tracklet's root and the face that continues it; the caller joins each pair before it asks on."""
    starts = np.flatnonzero(np.diff(samples, prepend=samples[0] - 1))
    ends = np.append(starts[1:], len(samples))
    for start, middle, end in zip(starts[:-1], starts[1:], ends[1:], strict=True):
        if samples[middle] != samples[start] + 1:
            continue
        before, after = np.nonzero(_overlaps(boxes[start:middle], boxes[middle:end]) >= LEAST_OVERLAP)
        pairs = ((groups.root(int(start + i)), int(middle + j)) for i, j in zip(before, after, strict=True))
        taken: set[int] = set()
        for distance, root, face in sorted((groups.distance(*pair), *pair) for pair in pairs):
            both = groups.is_recognisable(root) and groups.is_recognisable(face)
            limit = largest_distance if both else max(largest_distance, _POOR_DISTANCE)
            if distance <= limit and root not in taken and face not in taken:
                taken.update((root, face))
                yield root, face


def _overlaps(boxes: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n, m) intersection over union of each of n boxes with each of m."""
    corner = np.maximum(boxes[:, np.newaxis, :2], others[np.newaxis, :, :2])
    opposite = np.minimum(boxes[:, np.newaxis, 2:], others[np.newaxis, :, 2:])
    common = np.prod(np.maximum(opposite - corner, 0), axis=2)
    areas, other_areas = (np.prod(part[:, 2:] - part[:, :2], axis=1) for part in (boxes, others))
    return np.asarray(common / (areas[:, np.newaxis] + other_areas - common))


def _agglomerate(groups: _Groups, largest_distance: float) -> None:
    """Join the nearest two groups that may join, again and again, until they are too far apart.

    Joining all pairs at once that are each other's nearest comes to the same: under average linkage a grown group is
    never nearer to a third one than the nearer of its parts was. So a group without a partner never gets one.
    """
    active = np.array([root for root in np.unique(groups.roots()).tolist() if groups.is_recognisable(root)], np.int64)
    while len(active):
        partners = _partners(groups, active, largest_distance)
        mutual = [
            root for root, (_, other) in partners.items() if root < other and partners.get(other, (0, -1))[1] == root
        ]
        # Nobody may be each other's nearest only where distances are equal but for rounding.
        for root in mutual or sorted(partners, key=lambda root: partners[root])[:1]:
            groups.join(root, partners[root][1])
        active = np.unique([groups.root(root) for root in partners]).astype(np.int64)


def _partners(groups: _Groups, roots: NDArray[np.int64], largest_distance: float) -> dict[int, tuple[float, int]]:
    """Distance and root of the nearest set that each set may join, the first of equals; none beyond a distance."""
    points, variances = groups.points(roots)
    index = FlatIndex(points)
    means = points.copy()
    means[:, -1] = 0
    partners: dict[int, tuple[float, int]] = {}
    pending, count = np.arange(len(roots)), _NEIGHBOURS
    while len(pending):
        distances, neighbours = index.nearest(means[pending], count)
        distances = np.sqrt(distances**2 + variances[pending, np.newaxis])
        excluded: list[int] = []
        for own, row, columns in zip(pending.tolist(), distances.tolist(), roots[neighbours].tolist(), strict=True):
            root = int(roots[own])
            near = [
                (distance, other) for distance, other in zip(row, columns, strict=True) if distance <= largest_distance
            ]
            partner = next((pair for pair in near if pair[1] != root and groups.may_join(root, pair[1])), None)
            if partner:
                partners[root] = partner
            elif len(near) == count:
                excluded.append(own)
        pending, count = np.array(excluded, np.int64), 4 * count
    return partners
