"""Which faces of one video are of one person.

Constrained agglomerative clustering in two steps. Faces that follow each other from sample to sample at the same place
and look alike become tracklets; tracklets then join, the nearest first, by the distance of their mean embeddings. Two
faces of one sample are never one person, and neither are the groups that hold them.

Tracks as units and co-occurrence as a "cannot link" are from Cinbis, Verbeek and Schmid, "Unsupervised metric learning
for face identification in TV video" (ICCV 2011) and Wu et al., "Constrained clustering and its application to face
clustering in videos" (CVPR 2013); joining in ascending order of distance under such constraints is the constrained
agglomeration of Davidson and Ravi (PKDD 2005), with centroid linkage.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from models.faces import Embedding, Embeddings
from models.neighbours import FlatIndex

LEAST_OVERLAP = 0.3
"""Intersection over union above which two boxes of consecutive samples may be one face that moved."""

# A face of quality 0 still counts a little: a group of such faces has a mean, too.
_LEAST_WEIGHT = 1e-3

# Pairs that one round of joining looks at: memory stays modest where one person fills a day of video, and up to a
# thousand groups are compared completely.
_PAIRS_PER_ROUND = 1 << 20


def template(embeddings: Embeddings, weights: NDArray[np.float64]) -> Embedding:
    """One embedding for all faces of a group: their weighted mean, not scaled to unit length.

    Args:
        embeddings: (n, 128), n at least 1.
        weights: (n,) 0 or more, e.g. the faces' overall quality.
    """
    mean = np.average(embeddings.astype(np.float64), axis=0, weights=np.maximum(weights, _LEAST_WEIGHT))
    return np.asarray(mean, np.float32)


def group_faces(
    samples: NDArray[np.int64],
    boxes: NDArray[np.int64],
    embeddings: Embeddings,
    weights: NDArray[np.float64],
    largest_distance: float,
) -> NDArray[np.int64]:
    """Number the persons of one video. The result does not depend on the order of the faces.

    Args:
        samples: (n,) number of the sample in which each face was found; n may be 0.
        boxes: (n, 4) left, top, right, bottom in pixels of the upright frame.
        embeddings: (n, 128) of one space.
        weights: (n,) 0 or more: how much each face counts in its group's mean.
        largest_distance: groups whose means are farther apart never join.

    Returns:
        (n,) from 0, in order of first appearance: by sample, then by left edge, then by top.
    """
    if not len(samples):
        return np.empty(0, np.int64)
    order = np.lexsort((*embeddings.T, weights, *boxes.T[[3, 2, 1, 0]], samples))
    groups = _Groups(embeddings[order], weights[order], samples[order])
    for first, second in _followers(samples[order], boxes[order], groups, largest_distance):
        groups.join(first, second)
    while _join_nearest(groups, largest_distance):
        pass
    labels = np.empty(len(samples), np.int64)
    # A group's root is its first face, so numbers in order of roots are numbers in order of appearance.
    labels[order] = np.unique(groups.roots(), return_inverse=True)[1]
    return labels


class _Groups:
    """Faces in disjoint sets; each set is named by its first face, its root. At first every face is alone."""

    def __init__(self, embeddings: Embeddings, weights: NDArray[np.float64], samples: NDArray[np.int64]) -> None:
        self._parents = list(range(len(samples)))
        self._means = embeddings.astype(np.float64)
        self._weights = np.maximum(weights.astype(np.float64), _LEAST_WEIGHT)
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

    def means(self, roots: NDArray[np.int64]) -> Embeddings:
        """Mean embeddings of some sets."""
        return self._means[roots].astype(np.float32)

    def distance(self, root: int, other: int) -> float:
        """Distance of the means of two sets."""
        difference = self._means[root] - self._means[other]
        return float(np.sqrt(difference @ difference))

    def may_join(self, root: int, other: int) -> bool:
        """Whether no sample shows faces of both sets."""
        return not self._shared[root] & self._shared[other]

    def join(self, root: int, other: int) -> None:
        """Make one set of two."""
        root, other = sorted((root, other))
        total = self._weights[root] + self._weights[other]
        self._means[root] += (self._means[other] - self._means[root]) * (self._weights[other] / total)
        self._weights[root] = total
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
            if distance <= largest_distance and root not in taken and face not in taken:
                taken.update((root, face))
                yield root, face


def _overlaps(boxes: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n, m) intersection over union of each of n boxes with each of m."""
    corner = np.maximum(boxes[:, np.newaxis, :2], others[np.newaxis, :, :2])
    opposite = np.minimum(boxes[:, np.newaxis, 2:], others[np.newaxis, :, 2:])
    common = np.prod(np.maximum(opposite - corner, 0), axis=2)
    areas, other_areas = (np.prod(part[:, 2:] - part[:, :2], axis=1) for part in (boxes, others))
    return np.asarray(common / (areas[:, np.newaxis] + other_areas - common))


def _join_nearest(groups: _Groups, largest_distance: float) -> bool:
    """One round over all near pairs of groups, nearest first; tells whether any joined.

    What a group is when its pair's turn comes decides: with its current mean, and all its faces.
    """
    roots = np.unique(groups.roots())
    joined = False
    for first, second in _near_pairs(groups.means(roots), largest_distance):
        root, other = groups.root(int(roots[first])), groups.root(int(roots[second]))
        if root == other or not groups.may_join(root, other):
            continue
        if groups.distance(root, other) <= largest_distance:
            groups.join(root, other)
            joined = True
    return joined


def _near_pairs(means: Embeddings, largest_distance: float) -> list[tuple[int, int]]:
    """Pairs within a distance, nearest first, as far as one is among the other's nearest neighbours."""
    count = max(_PAIRS_PER_ROUND // len(means), 2)
    distances, neighbours = FlatIndex(means).nearest(means, count)
    own, column = np.nonzero(distances <= largest_distance)
    other = neighbours[own, column]
    first, second = np.minimum(own, other), np.maximum(own, other)
    distance = distances[own, column]
    order = np.lexsort((second, first, distance))
    pairs = np.stack((first, second), axis=1)[order]
    return [(int(i), int(j)) for i, j in dict.fromkeys(map(tuple, pairs.tolist())) if i != j]
