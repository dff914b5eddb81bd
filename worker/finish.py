"""Finishing a video: faces become groups, groups become names and appearances. Knows neither ledger nor messages."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from db.casts import AppearanceRecord, Cast, ClusterRecord, EdgeSample, GroupRecord
from db.finishing import VideoFaces
from db.schema import SampleOutcome
from db.segments import RunRecord
from models.appearances import Sighting, Stretch, appearances
from models.decision import Decision, Verdict
from models.faces import Embedding, Embeddings
from models.grouping import group_faces
from models.templates import template, variance

Identify = Callable[[Embeddings, NDArray[np.float64]], list[Verdict]]


Members = NDArray[np.int64]
"""Indices of a group's faces, ascending."""

Segmented = Mapping[int, Sequence[RunRecord]]

_WITNESSES = 8
"""Faces of an appearance by which the person is known again at its edges."""


def finish(
    faces: VideoFaces,
    runs: Segmented,
    identify: Identify,
    *,
    time_base: Fraction,
    largest_distance: float,
    largest_gap: float,
    least_quality: float,
) -> Cast:
    """The groups of a video in order of first appearance, and the clusters that they are made of.

    Args:
        faces: of the whole video.
        runs: the account of its samples by segment id, ascending.
        identify: asks the gallery, once about all (n, 128) templates, whose faces have (n,) variances.
        time_base: seconds per tick.
        largest_distance: of two sets of faces that may join.
        largest_gap: from one sighting to the next that does not end an appearance, in samples.
        least_quality: of a face that can tell who it is. The gallery is not asked about the others.
    """
    if not len(faces.ids):
        return Cast((), (), ())
    recognisable = faces.weights >= least_quality
    labels = group_faces(faces.samples, faces.boxes, faces.embeddings, faces.weights, largest_distance, recognisable)
    found, nameless = _divided(labels, recognisable)
    asked = [_evidence(faces, members[recognisable[members]]) for members in found]
    templates, variances = [one for one, _ in asked], [other for _, other in asked]
    verdicts = identify(np.stack(templates), np.array(variances)) if found else []
    carried = _carried(runs)
    poor = [Verdict(Decision.UNRECOGNISABLE) for _ in nameless]
    persons = _persons(faces, [*found, *nameless], [*verdicts, *poor])
    groups = [
        _group(faces, members, verdict, _sightings(faces, members, carried, time_base), time_base, largest_gap)
        for members, verdict in persons
    ]
    clusters = [ClusterRecord.of(*one) for one in zip(templates, variances, verdicts, strict=True)]
    place = np.empty(len(faces.ids), np.int64)
    for number, (members, _) in enumerate(persons):
        place[members] = number
    return Cast(groups, clusters, [int(place[members[0]]) for members in found])


def _divided(labels: NDArray[np.int64], recognisable: NDArray[np.bool_]) -> tuple[list[Members], list[Members]]:
    """Groups that hold a recognisable face, and those that hold none; each in order of first appearance."""
    groups = [np.flatnonzero(labels == label) for label in range(int(labels.max()) + 1)]
    return (
        [members for members in groups if recognisable[members].any()],
        [members for members in groups if not recognisable[members].any()],
    )


def _evidence(faces: VideoFaces, members: Members) -> tuple[Embedding, float]:
    """The template of some faces, and their variance."""
    embeddings, weights = faces.embeddings[members], faces.weights[members]
    mean = template(embeddings, weights)
    return mean, variance(embeddings, weights, mean)


def _persons(
    faces: VideoFaces, groups: Sequence[Members], verdicts: Sequence[Verdict]
) -> list[tuple[Members, Verdict]]:
    """One group per identity, in order of first appearance.

    Groups that were given one name are one person, unless a frame shows both: then the more alike keeps the name and
    the other is a question to a reviewer, for two faces of one frame are never one person. What somebody has said comes
    before what is alike.
    """
    persons: list[tuple[Members, Verdict]] = []
    named: dict[int, int] = {}
    surest_first = sorted(range(len(groups)), key=lambda group: (_score(verdicts[group]), group))
    for members, verdict in ((groups[group], verdicts[group]) for group in surest_first):
        identity = verdict.identity_id
        known = None if identity is None else named.get(identity)
        if known is None:
            if identity is not None:
                named[identity] = len(persons)
            persons.append((members, verdict))
        elif np.intersect1d(faces.samples[persons[known][0]], faces.samples[members]).size:
            persons.append((members, verdict.doubted()))
        else:
            persons[known] = (np.union1d(persons[known][0], members), persons[known][1])
    return sorted(persons, key=lambda person: int(person[0][0]))


def _score(verdict: Verdict) -> float:
    if verdict.told is not None:
        return -math.inf
    return math.inf if verdict.first is None else verdict.first.score


def _group(
    faces: VideoFaces,
    members: Members,
    verdict: Verdict,
    sightings: list[Sighting],
    time_base: Fraction,
    largest_gap: float,
) -> GroupRecord:
    stretches = [_appearance(faces, stretch, time_base) for stretch in appearances(sightings, largest_gap)]
    best = members[int(np.argmax(faces.weights[members]))]
    return GroupRecord(tuple(faces.ids[members].tolist()), int(faces.ids[best]), verdict, tuple(stretches))


def _appearance(faces: VideoFaces, stretch: Stretch, time_base: Fraction) -> AppearanceRecord:
    ids = [int(faces.ids[face]) for face in dict.fromkeys(stretch.faces)]
    return AppearanceRecord(
        start_pts=int(stretch.start / time_base),
        end_pts=int(stretch.end / time_base),
        face_count=len(ids),
        best_face_id=int(faces.ids[stretch.best]),
        first=EdgeSample(stretch.first_sample, tuple(ids[:_WITNESSES])),
        last=EdgeSample(stretch.last_sample, tuple(ids[: -_WITNESSES - 1 : -1])),
    )


def _carried(runs: Segmented) -> dict[tuple[int, int], list[RunRecord]]:
    """For each (segment, analysed sample): the runs that its faces were carried through."""
    found: dict[tuple[int, int], list[RunRecord]] = defaultdict(list)
    for segment_id, segment_runs in runs.items():
        analysed = None
        for run in segment_runs:
            if run.outcome == SampleOutcome.ANALYSED:
                analysed = run.last_sample
            elif run.outcome == SampleOutcome.CARRIED and analysed is not None:
                found[segment_id, analysed].append(run)
    return found


def _known(pts: int | None) -> int:
    if pts is None:
        raise ValueError("a carried run without a presentation time")
    return pts


def _sightings(
    faces: VideoFaces,
    members: Members,
    carried: Mapping[tuple[int, int], list[RunRecord]],
    time_base: Fraction,
) -> list[Sighting]:
    found = []
    for index in members.tolist():
        sample, time = int(faces.samples[index]), int(faces.pts[index]) * time_base
        quality = float(faces.weights[index])
        found.append(Sighting(index, quality, sample, sample, time, time))
        for run in carried.get((int(faces.segment_ids[index]), sample), ()):
            times = _known(run.first_pts) * time_base, _known(run.last_pts) * time_base
            found.append(Sighting(index, quality, run.first_sample, run.last_sample, *times))
    return found
