"""What another embedding space would change: every video that was embedded for it is grouped and named in memory.

Nothing is written. The candidate's gallery is calibrated as the one in force is, and asked by the same rules; what is
compared with the ledger is decisions, never vectors of two spaces.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction

import numpy as np

from config.errors import NotFound
from db import calibrations, reembedded, reembedding, spaces, videos
from db.calibrations import MOST_UNKNOWN, Seen
from db.casts import AppearanceRecord, Cast, GroupRecord
from db.gallery import Vectors
from db.reembedded import Named
from db.reembedding import Progress
from db.schema import CalibrationRow, EmbeddingSpaceRow
from db.session import Session
from models import normalised
from models.decision import Decision, Rule
from models.gallery import Calibrated, Gallery
from models.leave_one_out import Enrolled
from models.normalised import NormalisedIndex, People
from models.reembedding import build_reembedder
from models.stretch import stretch_between
from models.templates import templates_by_identity
from worker import casting
from worker.calibrating import LOOKED_AT_FIRST, SEED, Calibration, Targets, measure
from worker.process import WorkerProcess

_NOBODY = Named(Decision.UNKNOWN, None)


class Kind(StrEnum):
    """What becomes of an appearance."""

    OTHERWISE = "named otherwise"
    NEWLY = "newly named"
    NO_LONGER = "no longer named"


@dataclass(frozen=True, slots=True)
class Change:
    """A stretch of a video in which the candidate names another person, or somebody where nobody was, or nobody.

    `start` and `end`: seconds from the video's beginning. `before` and `after`: identities, None for nobody.
    `review`: whether a reviewer would be asked where nobody is named any more. `face_id`: the best face.
    """

    video_id: int
    kind: Kind
    start: Fraction
    end: Fraction
    before: int | None
    after: int | None
    review: bool
    faces: int
    face_id: int


@dataclass(frozen=True, slots=True)
class Counts:
    """Faces in groups by what was decided on these."""

    named: int = 0
    review: int = 0
    unknown: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        """Both together."""
        return Counts(self.named + other.named, self.review + other.review, self.unknown + other.unknown)


@dataclass(frozen=True, slots=True)
class InForce:
    """A space and the rule of its gallery; the share of enrolled people who are missed by that, where it is known."""

    space: str
    rule: str
    missed: float | None


@dataclass(frozen=True, slots=True)
class Compared:
    """What the candidate would change.

    Args:
        space: the candidate's.
        progress: how much was embedded for it.
        videos: that were compared.
        before: decisions of the ledger on the faces of those, and `after` the candidate's.
        changes: by video, then by time.
        calibration: of the candidate's gallery; None where that is too small.
        in_force: what decides in the space that the settings name now.
        rule: by which the candidate was asked.
        stretch: the factor that would make its distances mean what those in force mean; None where too few people are
            enrolled in both.
    """

    space: str
    progress: Progress
    videos: int
    before: Counts
    after: Counts
    changes: Sequence[Change]
    calibration: Calibration | None
    in_force: InForce
    rule: Rule
    stretch: float | None


def shadow(process: WorkerProcess, on_video: Callable[[int, int], None] = lambda _done, _all: None) -> Compared:
    """Compare the candidate with the ledger.

    Raises:
        NotFound: nothing was embedded for it yet.
    """
    name = build_reembedder(process.settings.tried_faces).space.name
    with process.database.reading() as session:
        space = spaces.find(session, name)
        if space is None:
            raise NotFound(name, "nothing was embedded for it yet", "`rollcall reembed` does that")
        held = reembedded.enrolled(session, space)
        gallery, calibration = candidate_gallery(process, session, space, held)
        ids = reembedded.whole_videos(session, space.id)
        progress = reembedding.progress(session, space.id)
        in_force = _in_force(process, session)
        stretch = _stretch(process, session, held)
    changes: list[Change] = []
    before = after = Counts()
    for done, video_id in enumerate(ids, start=1):
        found, counted_before, counted_after = _compare(process, space, gallery, video_id)
        changes += found
        before, after = before + counted_before, after + counted_after
        on_video(done, len(ids))
    rule = gallery.rule(process.uncalibrated)
    return Compared(name, progress, len(ids), before, after, changes, calibration, in_force, rule, stretch)


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """The calibration of a gallery, its people as they are searched, and the unknown ones among them.

    `groups`: of unknown people, among whom these were chosen.
    """

    calibration: Calibration
    people: People
    unknown: Sequence[Seen]
    groups: int


def measured(process: WorkerProcess, session: Session, space: EmbeddingSpaceRow, held: Vectors) -> Measured | None:
    """Calibrate enrolled faces of a space beside the ledger's unknown people, as that has them; None for too few."""
    templates = templates_by_identity(held.identity_ids, held.embeddings, held.weights)
    groups = reembedded.unknown_groups(session)
    drawn = np.random.default_rng(SEED).permutation(np.array(groups, np.int64))[:LOOKED_AT_FIRST]
    seen = reembedded.seen(session, drawn.tolist(), space)
    vectors = np.array([one.template for one in seen], np.float32).reshape(-1, space.length)
    kept = normalised.strangers(vectors, templates[1], MOST_UNKNOWN)
    enrolled = Enrolled(held.identity_ids, held.embeddings, held.weights)
    found = measure(enrolled, templates, vectors[kept], _targets(process, session))
    return None if found is None else Measured(*found, [seen[row] for row in kept], len(groups))


def candidate_gallery(
    process: WorkerProcess, session: Session, space: EmbeddingSpaceRow, held: Vectors
) -> tuple[Gallery, Calibration | None]:
    """The gallery of another space, calibrated in memory where it is large enough."""
    found = measured(process, session, space, held)
    calibrated = None if found is None else Calibrated(NormalisedIndex(found.people), found.calibration.rule)
    rivals = reembedded.rivals(session, space)
    gallery = Gallery(held.version, space.name, held.identity_ids, held.embeddings, calibrated, rivals)
    return gallery, None if found is None else found.calibration


def cast_in(
    process: WorkerProcess, session: Session, space: EmbeddingSpaceRow, gallery: Gallery, video_id: int
) -> tuple[Cast, casting.Evidence]:
    """Who is in a video by another space, and the evidence.

    Raises:
        ValueError: a face of it was not embedded for the space, or the gallery is another space's.
    """
    if gallery.space != space.name:
        raise ValueError(f"a gallery of {gallery.space} for faces in {space.name}")
    evidence = casting.gather(process, session, videos.get(session, video_id))
    faces = reembedded.in_space(session, evidence.faces, space)
    before = evidence.before.moved(evidence.faces, faces)
    evidence = replace(evidence, faces=faces, gallery=gallery, before=before)
    return casting.cast(process, evidence), evidence


def _compare(
    process: WorkerProcess, space: EmbeddingSpaceRow, gallery: Gallery, video_id: int
) -> tuple[list[Change], Counts, Counts]:
    with process.database.reading() as session:
        before = reembedded.named(session, video_id)
        cast, evidence = cast_in(process, session, space, gallery, video_id)
    ticks = dict(zip(evidence.faces.ids.tolist(), evidence.faces.pts.tolist(), strict=True))
    weights = dict(zip(evidence.faces.ids.tolist(), evidence.faces.weights.tolist(), strict=True))
    changes = [
        Change(
            video_id=video_id,
            kind=_kind(said.identity_id, group.verdict.identity_id),
            start=start * evidence.time_base,
            end=end * evidence.time_base,
            before=said.identity_id,
            after=group.verdict.identity_id,
            review=group.verdict.decision == Decision.REVIEW,
            faces=len(ids),
            face_id=max(ids, key=lambda face_id: weights[face_id]),
        )
        for group in cast.groups
        for said, members in _by_name(group, before).items()
        if said.identity_id != group.verdict.identity_id
        for start, end, ids in _stretches(group, members, ticks)
    ]
    counted = _counts([named.decision for named in before.values()])
    after = _counts([group.verdict.decision for group in cast.groups for _ in group.face_ids])
    return sorted(changes, key=lambda change: (change.start, change.end)), counted, after


def _kind(before: int | None, after: int | None) -> Kind:
    if before is None:
        return Kind.NEWLY
    return Kind.NO_LONGER if after is None else Kind.OTHERWISE


def _by_name(group: GroupRecord, before: Mapping[int, Named]) -> dict[Named, list[int]]:
    """The faces of a new group by what the ledger says of them; who is nobody is nobody, asked about or not."""
    found: dict[Named, list[int]] = {}
    for face_id in group.face_ids:
        said = before.get(face_id, _NOBODY)
        found.setdefault(said if said.identity_id is not None else _NOBODY, []).append(face_id)
    return found


def _stretches(
    group: GroupRecord, members: Sequence[int], ticks: Mapping[int, int]
) -> list[tuple[int, int, list[int]]]:
    """Where some of a group's faces are on camera: its appearances, or what these faces cover of one."""
    found = []
    chosen = set(members)
    for seen in group.appearances:
        there = [face_id for face_id in group.face_ids if _is_in(ticks[face_id], seen)]
        ids = [face_id for face_id in there if face_id in chosen]
        if len(ids) == len(there):
            found.append((seen.start_pts, seen.end_pts, ids))
        elif ids:
            found.append((min(ticks[each] for each in ids), max(ticks[each] for each in ids), ids))
    return [each for each in found if each[2]]


def _is_in(tick: int, seen: AppearanceRecord) -> bool:
    return seen.start_pts <= tick <= seen.end_pts


def _counts(decisions: Sequence[Decision]) -> Counts:
    return Counts(*(decisions.count(each) for each in (Decision.NAMED, Decision.REVIEW, Decision.UNKNOWN)))


def _in_force(process: WorkerProcess, session: Session) -> InForce:
    row = _calibration_in_force(process, session)
    name = process.engine.space.name
    return InForce(name, process.uncalibrated.name, None) if row is None else InForce(name, row.rule, row.missed)


def _targets(process: WorkerProcess, session: Session) -> Targets:
    """Those by which the gallery in force was calibrated, so that both let as many strangers pass."""
    row = _calibration_in_force(process, session)
    return Targets.of(process.settings.match) if row is None else Targets(row.fpir, row.review_fpir)


def _calibration_in_force(process: WorkerProcess, session: Session) -> CalibrationRow | None:
    space = spaces.find(session, process.engine.space.name)
    return None if space is None else calibrations.current(session, space)


def _stretch(process: WorkerProcess, session: Session, held: Vectors) -> float | None:
    space = spaces.find(session, process.engine.space.name)
    if space is None:
        return None
    now = reembedded.enrolled(session, space)
    both, here, there = np.intersect1d(now.face_ids, held.face_ids, return_indices=True)
    if not len(both):
        return None
    return stretch_between(now.identity_ids[here], now.embeddings[here], held.embeddings[there])
