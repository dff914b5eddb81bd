"""What was known of the clusters of a video goes to those that take their place when it is grouped anew."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from db.casts import Cast, ClusterRecord
from models.decision import Decision
from models.faces import Embeddings
from models.neighbours import pairwise

_SAME = 0.2
"""A template that is nearer to an earlier one of its video is of the same faces, or of a part of them. Grouped as
before it is the same but for rounding; two clusters of one video are mostly farther apart than twice this."""


def predecessors(templates: Embeddings, before: Sequence[ClusterRecord]) -> list[ClusterRecord | None]:
    """The cluster that each of (n, 128) templates takes the place of; None for those of other faces."""
    if not before or not len(templates):
        return [None] * len(templates)
    distances = pairwise(templates, np.stack([one.template for one in before]))
    nearest = distances.argmin(axis=1).tolist()
    return [before[at] if distances[row, at] < _SAME else None for row, at in enumerate(nearest)]


def inherited(cast: Cast, before: Sequence[ClusterRecord]) -> Cast:
    """The cast, its clusters linked to the unknown people that their predecessors were, as far as they are unknown."""
    if not cast.clusters:
        return replace(cast, before=before)
    earlier = predecessors(np.stack([cluster.template for cluster in cast.clusters]), before)
    clusters = [
        replace(cluster, unknown_id=one.unknown_id)
        if one is not None and cluster.decision == Decision.UNKNOWN
        else cluster
        for cluster, one in zip(cast.clusters, earlier, strict=True)
    ]
    return replace(cast, clusters=clusters, before=before)
