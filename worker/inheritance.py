"""What was known of the clusters of a video goes to those that take their place when it is grouped anew."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from db.casts import Cast, ClusterRecord
from db.finishing import VideoFaces
from models.decision import Decision
from models.faces import Embeddings
from models.neighbours import pairwise
from models.templates import template

_SAME = 0.2
"""A template that is nearer to an earlier one of its video is of the same faces, or of a part of them. Grouped as
before it is the same but for rounding; two clusters of one video are mostly farther apart than twice this."""


@dataclass(frozen=True, slots=True, eq=False)
class Before:
    """The b clusters of a video as they are in the ledger, and what they are in the space of the video's faces now.

    `templates`: (b, d), NaN for a cluster of which nothing is left.
    """

    clusters: Sequence[ClusterRecord]
    templates: Embeddings

    @classmethod
    def of(cls, clusters: Sequence[ClusterRecord]) -> "Before":
        """Of clusters whose faces are in the space that they were found in."""
        return cls(clusters, np.array([one.template for one in clusters], np.float32))

    def moved(self, faces: VideoFaces, now: VideoFaces) -> "Before":
        """In another space: each of the video's faces is of the cluster that it was nearest to.

        Args:
            faces: in the space of the clusters.
            now: the same faces in the other space.
        """
        templates = np.full((len(self.clusters), now.embeddings.shape[1]), np.nan, np.float32)
        if len(self.clusters) and len(faces.ids):
            nearest = pairwise(faces.embeddings, self.templates).argmin(axis=1)
            for cluster in np.unique(nearest).tolist():
                members = nearest == cluster
                templates[cluster] = template(now.embeddings[members], now.weights[members])
        return Before(self.clusters, templates)

    def predecessors(self, templates: Embeddings) -> list[ClusterRecord | None]:
        """The cluster that each of (n, d) templates takes the place of; None for those of other faces."""
        if not self.clusters or not len(templates):
            return [None] * len(templates)
        distances = np.nan_to_num(pairwise(templates, self.templates), nan=np.inf)
        nearest = distances.argmin(axis=1).tolist()
        return [self.clusters[at] if distances[row, at] < _SAME else None for row, at in enumerate(nearest)]


def inherited(cast: Cast, before: Before) -> Cast:
    """The cast, its clusters linked to the unknown people that their predecessors were, as far as they are unknown."""
    templates = np.array([cluster.template for cluster in cast.clusters], np.float32)
    clusters = [
        replace(cluster, unknown_id=one.unknown_id)
        if one is not None and cluster.decision == Decision.UNKNOWN
        else cluster
        for cluster, one in zip(cast.clusters, before.predecessors(templates), strict=True)
    ]
    return replace(cast, clusters=clusters, before=before.clusters)
