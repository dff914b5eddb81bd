"""From faces to groups with names and appearances, on hand-made embeddings whose truth is plain."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray
from support.records import direction

from db.casts import Cast
from db.finishing import VideoFaces
from db.schema import SampleOutcome
from db.segments import RunRecord
from models.decision import Candidate, Decision, Verdict
from models.faces import Embeddings
from worker.finish import finish

SECOND = 1000
TIME_BASE = Fraction(1, SECOND)
INTERVAL = 3
LEAST_QUALITY = 0.5


def video(*seen: tuple[int, int]) -> VideoFaces:
    """Faces given as (sample, person), all in segment 1; a person keeps a place in the picture."""
    count = len(seen)
    noise = np.random.default_rng(7).normal(0, 0.005, (count, 128)).astype(np.float32)
    people = [person for _, person in seen]
    return VideoFaces(
        ids=np.arange(100, 100 + count),
        segment_ids=np.ones(count, np.int64),
        samples=np.array([sample for sample, _ in seen], np.int64),
        pts=np.array([sample * INTERVAL * SECOND for sample, _ in seen], np.int64),
        boxes=np.array([[200 * person, 0, 200 * person + 100, 100] for person in people], np.int64).reshape(-1, 4),
        weights=np.linspace(0.5, 0.9, count),
        embeddings=np.array([direction(person) for person in people], np.float32).reshape(-1, 128) + noise,
    )


def run(first: int, end: int, outcome: SampleOutcome = SampleOutcome.ANALYSED) -> RunRecord:
    return RunRecord(first, end, outcome, first * INTERVAL * SECOND, (end - 1) * INTERVAL * SECOND)


def stretches(faces: VideoFaces, runs: Sequence[RunRecord]) -> list[list[tuple[int, int, int]]]:
    groups = finish(
        faces,
        {1: runs},
        lambda probes, _: [Verdict(Decision.UNKNOWN, candidate(int(np.argmax(probe)), 0.9)) for probe in probes],
        time_base=TIME_BASE,
        largest_distance=0.5,
        largest_gap=2.2,
        least_quality=LEAST_QUALITY,
    ).groups
    return [
        [(part.start_pts // SECOND, part.end_pts // SECOND, part.face_count) for part in group.appearances]
        for group in groups
    ]


def candidate(identity_id: int, distance: float) -> Candidate:
    return Candidate(identity_id, distance, distance)


def test_no_faces_no_groups() -> None:
    assert stretches(video(), [run(0, 10)]) == []


def test_one_missed_sample_is_bridged_two_are_not() -> None:
    faces = video((0, 0), (1, 0), (3, 0), (6, 0))
    assert stretches(faces, [run(0, 7)]) == [[(0, 9, 3), (18, 18, 1)]]


def test_two_people_are_two_groups_in_order_of_appearance() -> None:
    faces = video((0, 3), (1, 3), (1, 5), (2, 5))
    assert stretches(faces, [run(0, 3)]) == [[(0, 3, 2)], [(3, 6, 2)]]


def test_faces_are_carried_through_an_unchanged_stretch() -> None:
    faces = video((0, 0), (9, 0))
    runs = [run(0, 1), run(1, 9, SampleOutcome.CARRIED), run(9, 10)]
    assert stretches(faces, runs) == [[(0, 27, 2)]]


def test_black_in_between_does_not_keep_a_person_on_camera() -> None:
    faces = video((0, 0), (9, 0))
    runs = [run(0, 1), run(1, 9, SampleOutcome.FLAT), run(9, 10)]
    assert stretches(faces, runs) == [[(0, 0, 1), (27, 27, 1)]]


def test_the_same_picture_after_black_shows_the_same_faces_again() -> None:
    faces = video((0, 0))
    runs = [run(0, 1), run(1, 5, SampleOutcome.FLAT), run(5, 7, SampleOutcome.CARRIED)]
    assert stretches(faces, runs) == [[(0, 0, 1), (15, 18, 1)]]


def test_an_unchanged_stretch_after_a_frame_without_faces_shows_nobody() -> None:
    faces = video((0, 0))
    runs = [run(0, 2), run(2, 9, SampleOutcome.CARRIED)]
    assert stretches(faces, runs) == [[(0, 0, 1)]]


def test_the_gallery_is_asked_once_about_all_groups_with_all_their_faces() -> None:
    asked: list[Embeddings] = []

    def identify(probes: Embeddings, variances: NDArray[np.float64]) -> list[Verdict]:
        asked.append(probes)
        assert variances.shape == (len(probes),)
        return [Verdict(Decision.NAMED, candidate(42, 0.2), candidate(43, 0.7)) for _ in probes]

    groups = finish(
        video((0, 0), (1, 0), (2, 0), (2, 1)),
        {1: [run(0, 3)]},
        identify,
        time_base=TIME_BASE,
        largest_distance=0.5,
        largest_gap=2.2,
        least_quality=LEAST_QUALITY,
    ).groups
    assert [len(probes) for probes in asked] == [len(groups)] == [2]
    assert np.argmax(asked[0][0]) == 0
    first = groups[0]
    assert (first.face_ids, first.verdict.identity_id) == ((100, 101, 102), 42)
    assert first.best_face_id == 102, "the best face is the one of the highest quality"
    assert first.appearances[0].best_face_id == 102


def named(*distances: float) -> list[Verdict]:
    return [Verdict(Decision.NAMED, candidate(42, distance), candidate(43, 0.7)) for distance in distances]


def finished(faces: VideoFaces, verdicts: list[Verdict]) -> list[tuple[tuple[int, ...], Decision, float]]:
    """Faces, decision and distance of each group, where the gallery gives these verdicts."""
    groups = finish(
        faces,
        {1: [run(0, 20)]},
        lambda _probes, _variances: verdicts,
        time_base=TIME_BASE,
        largest_distance=0.5,
        largest_gap=2.2,
        least_quality=LEAST_QUALITY,
    ).groups
    return [
        (group.face_ids, group.verdict.decision, group.verdict.first.distance)
        for group in groups
        if group.verdict.first
    ]


def test_two_groups_of_one_name_are_one_person() -> None:
    faces = video((0, 0), (1, 0), (5, 1), (6, 1))
    assert finished(faces, named(0.4, 0.3)) == [((100, 101, 102, 103), Decision.NAMED, 0.3)]


def test_two_faces_of_one_frame_never_have_one_name() -> None:
    faces = video((0, 0), (1, 0), (1, 1), (2, 1))
    assert finished(faces, named(0.4, 0.3)) == [
        ((100, 101), Decision.REVIEW, 0.4),
        ((102, 103), Decision.NAMED, 0.3),
    ]


def test_a_carried_run_without_a_time_is_a_fault() -> None:
    runs = [run(0, 1), RunRecord(1, 2, SampleOutcome.CARRIED, None, None)]
    with pytest.raises(ValueError, match="presentation time"):
        stretches(video((0, 0)), runs)


def with_quality(faces: VideoFaces, *qualities: float) -> VideoFaces:
    return replace(faces, weights=np.array(qualities))


def decided(faces: VideoFaces, probes: list[Embeddings]) -> Cast:
    """The cast where everybody is named by the direction they lie in; what the gallery was asked is kept."""

    def identify(asked: Embeddings, _variances: NDArray[np.float64]) -> list[Verdict]:
        probes.append(asked)
        return [Verdict(Decision.NAMED, candidate(int(np.argmax(probe)), 0.2)) for probe in asked]

    return finish(
        faces,
        {1: [run(0, 20)]},
        identify,
        time_base=TIME_BASE,
        largest_distance=0.5,
        largest_gap=2.2,
        least_quality=LEAST_QUALITY,
    )


def test_the_gallery_is_not_asked_about_a_group_without_a_recognisable_face() -> None:
    probes: list[Embeddings] = []
    cast = decided(with_quality(video((0, 3), (1, 3), (1, 5), (2, 5)), 0.3, 0.49, 0.5, 0.2), probes)
    assert [(group.face_ids, group.verdict.decision) for group in cast.groups] == [
        ((100, 101), Decision.UNRECOGNISABLE),
        ((102, 103), Decision.NAMED),
    ]
    assert [len(asked) for asked in probes] == [1]
    assert [cluster.identity_id for cluster in cast.clusters] == [5], "nothing else is kept to be asked again"
    assert cast.groups[0].verdict.first is None
    assert cast.groups[0].best_face_id == 101


def test_a_video_of_poor_faces_asks_nothing() -> None:
    probes: list[Embeddings] = []
    cast = decided(with_quality(video((0, 3), (4, 3)), 0.1, 0.2), probes)
    assert [group.verdict.decision for group in cast.groups] == [Decision.UNRECOGNISABLE] * 2
    assert (probes, list(cast.clusters)) == ([], [])


def test_a_poor_face_stays_with_its_neighbours_and_does_not_weigh_in_their_template() -> None:
    faces = video((0, 0), (1, 0), (2, 0))
    # Another's look, but still within reach of the one who was there before.
    faces.embeddings[1] = 0.9 * direction(0) + 0.3 * direction(9)
    probes: list[Embeddings] = []
    cast = decided(with_quality(faces, 0.8, 0.1, 0.8), probes)
    (group,) = cast.groups
    assert group.face_ids == (100, 101, 102)
    assert [(part.start_pts, part.end_pts, part.face_count) for part in group.appearances] == [(0, 6000, 3)]
    np.testing.assert_allclose(probes[0][0], (faces.embeddings[0] + faces.embeddings[2]) / 2, atol=1e-6)
