"""Finishing a video: faces become groups, groups become names and appearances. Knows neither ledger nor messages."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from db.finishing import AppearanceRecord, GroupRecord, VideoFaces
from db.schema import SampleOutcome
from db.segments import RunRecord
from models.appearances import Sighting, appearances
from models.decision import Verdict
from models.faces import Embedding
from models.grouping import group_faces, template

Identify = Callable[[Embedding], Verdict]


Segmented = Mapping[int, Sequence[RunRecord]]


def finish(
    faces: VideoFaces,
    runs: Segmented,
    identify: Identify,
    *,
    time_base: Fraction,
    largest_distance: float,
    largest_gap: Fraction,
) -> list[GroupRecord]:
    """The groups of a video in order of first appearance.

    Args:
        faces: of the whole video.
        runs: the account of its samples by segment id, ascending.
        identify: asks the gallery, once per group.
        time_base: seconds per tick.
        largest_distance: of two sets of faces that may join.
        largest_gap: seconds without a sighting that do not end an appearance.
    """
    if not len(faces.ids):
        return []
    labels = group_faces(faces.samples, faces.boxes, faces.embeddings, faces.weights, largest_distance)
    carried = _carried(runs)
    groups = []
    for label in range(int(labels.max()) + 1):
        members = np.flatnonzero(labels == label)
        verdict = identify(template(faces.embeddings[members], faces.weights[members]))
        sightings = _sightings(faces, members, carried, time_base)
        groups.append(_group(faces, members, verdict, sightings, time_base, largest_gap))
    return groups


def _group(
    faces: VideoFaces,
    members: NDArray[np.int64],
    verdict: Verdict,
    sightings: list[Sighting],
    time_base: Fraction,
    largest_gap: Fraction,
) -> GroupRecord:
    stretches = [
        AppearanceRecord(
            start_pts=int(stretch.start / time_base),
            end_pts=int(stretch.end / time_base),
            face_count=len(set(stretch.faces)),
            best_face_id=int(faces.ids[stretch.best]),
        )
        for stretch in appearances(sightings, largest_gap)
    ]
    best = members[int(np.argmax(faces.weights[members]))]
    return GroupRecord(tuple(faces.ids[members].tolist()), int(faces.ids[best]), verdict, tuple(stretches))


def _carried(runs: Segmented) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """For each (segment, analysed sample): the first and last ticks of the runs that its faces were carried through."""
    found: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for segment_id, segment_runs in runs.items():
        analysed = None
        for run in segment_runs:
            if run.outcome == SampleOutcome.ANALYSED:
                analysed = run.end_sample - 1
            elif run.outcome == SampleOutcome.CARRIED and analysed is not None:
                found[segment_id, analysed].append((_known(run.first_pts), _known(run.last_pts)))
    return found


def _known(pts: int | None) -> int:
    if pts is None:
        raise ValueError("a carried run without a presentation time")
    return pts


def _sightings(
    faces: VideoFaces,
    members: NDArray[np.int64],
    carried: Mapping[tuple[int, int], list[tuple[int, int]]],
    time_base: Fraction,
) -> list[Sighting]:
    found = []
    for index in members.tolist():
        sample, pts = int(faces.samples[index]), int(faces.pts[index])
        times = [(pts, pts), *carried.get((int(faces.segment_ids[index]), sample), ())]
        quality = float(faces.weights[index])
        found += [Sighting(index, sample, first * time_base, last * time_base, quality) for first, last in times]
    return found
