"""What a report needs to know about one video, read with a fixed number of queries. No embedding is ever read here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import CompoundSelect, func, select, union
from sqlalchemy.orm import Session

from db import crops, quality, unknown_people
from db.crops import Kept
from db.parts import parts
from db.schema import (
    Appearance,
    EmbeddingSpaceRow,
    EnrolledCrop,
    EnrolledFace,
    FaceGroup,
    FaceRow,
    Identity,
    SampleRun,
    Segment,
    Source,
    Video,
)
from db.states import SEGMENT_ENDED
from models.faces import Box, Quality


@dataclass(frozen=True, slots=True)
class FaceFacts:
    """A face that shows somebody best: tick of its frame, box in it, detector's score, quality."""

    pts: int
    box: Box
    score: float
    quality: Quality


@dataclass(frozen=True, slots=True)
class ReportRows:
    """The rows of one video, each kind in an order that does not depend on how the work was shared."""

    space: EmbeddingSpaceRow | None
    segments: Sequence[Segment]
    """By first sample."""
    runs: Mapping[int, Sequence[SampleRun]]
    """By segment's id, each by first sample."""
    groups: Sequence[FaceGroup]
    """By number."""
    appearances: Mapping[int, Sequence[Appearance]]
    """By group's id, each by start."""
    best_faces: Mapping[int, FaceFacts]
    """By face's id: every best face of a group or an appearance."""
    names: Mapping[int, str]
    """By identity's id: everybody whom a group's decision or candidates name."""
    codes: Mapping[int, str]
    """By group's number: what unknown people are called in all videos."""
    rivals: Mapping[int, str]
    """By group's number: what the unknown person is called who contests the name."""
    sources: Sequence[Source]
    """Places that it was submitted from, in order of time."""


def load(session: Session, video: Video) -> ReportRows:
    """Read all about a video but its pictures."""
    groups = session.scalars(select(FaceGroup).where(FaceGroup.video_id == video.id).order_by(FaceGroup.number)).all()
    return ReportRows(
        space=video.space,
        segments=session.scalars(
            select(Segment).where(Segment.video_id == video.id).order_by(Segment.first_sample, Segment.number)
        ).all(),
        runs=_runs(session, video.id),
        groups=groups,
        appearances=_appearances(session, video.id),
        best_faces=_best_faces(session, video.id),
        names=_names(session, video.id),
        codes=unknown_people.codes(session, video.id),
        rivals=_rivals(session, groups),
        sources=session.scalars(
            select(Source).where(Source.video_id == video.id).order_by(Source.submitted_at, Source.id)
        ).all(),
    )


def _rivals(session: Session, groups: Sequence[FaceGroup]) -> dict[int, str]:
    known = unknown_people.numbers(session, [group.rival_id for group in groups if group.rival_id is not None])
    return {
        group.number: unknown_people.code(known[group.rival_id])
        for group in groups
        if group.rival_id is not None and group.rival_id in known
    }


def pictures(session: Session, video_id: int) -> dict[int, Kept]:
    """The crop of every best face of a video's groups and appearances that has one, by face's id."""
    chosen = crops.joined(select(FaceRow.id, *crops.COLUMNS).select_from(FaceRow))
    return crops.by_face(session.execute(chosen.where(FaceRow.id.in_(_best_face_ids(video_id)))))


def photographs(session: Session, identity_ids: Sequence[int]) -> dict[int, bytes]:
    """JPEG of one enrolled face of each identity that has one, by identity's id."""
    found: dict[int, bytes] = {}
    for part in parts(identity_ids):
        first = (
            select(func.min(EnrolledFace.id))
            .join(EnrolledCrop, EnrolledCrop.face_id == EnrolledFace.id)
            .where(EnrolledFace.identity_id.in_(part))
            .group_by(EnrolledFace.identity_id)
        )
        rows = session.execute(
            select(EnrolledFace.identity_id, EnrolledCrop.jpeg)
            .join(EnrolledCrop, EnrolledCrop.face_id == EnrolledFace.id)
            .where(EnrolledFace.id.in_(first))
        )
        found.update((identity_id, jpeg) for identity_id, jpeg in rows)
    return found


def ended_segments(session: Session, video_id: int) -> tuple[int, int]:
    """How many of a video's segments have ended, and how many it has."""
    ended = Segment.state.in_(SEGMENT_ENDED)
    row = session.execute(
        select(func.count().filter(ended), func.count()).select_from(Segment).where(Segment.video_id == video_id)
    ).one()
    return row[0], row[1]


def _runs(session: Session, video_id: int) -> dict[int, list[SampleRun]]:
    runs: dict[int, list[SampleRun]] = {}
    for run in session.scalars(
        select(SampleRun).join(Segment).where(Segment.video_id == video_id).order_by(SampleRun.first_sample)
    ):
        runs.setdefault(run.segment_id, []).append(run)
    return runs


def _appearances(session: Session, video_id: int) -> dict[int, list[Appearance]]:
    appearances: dict[int, list[Appearance]] = {}
    for row in session.scalars(
        select(Appearance)
        .join(FaceGroup, FaceGroup.id == Appearance.group_id)
        .where(FaceGroup.video_id == video_id)
        .order_by(Appearance.start_pts, Appearance.end_pts, Appearance.face_count)
    ):
        appearances.setdefault(row.group_id, []).append(row)
    return appearances


def _best_face_ids(video_id: int) -> CompoundSelect[tuple[int | None]]:
    of_groups = select(FaceGroup.best_face_id).where(FaceGroup.video_id == video_id)
    of_appearances = (
        select(Appearance.best_face_id)
        .join(FaceGroup, FaceGroup.id == Appearance.group_id)
        .where(FaceGroup.video_id == video_id)
    )
    return union(of_groups, of_appearances)


def _best_faces(session: Session, video_id: int) -> dict[int, FaceFacts]:
    place = (FaceRow.left, FaceRow.top, FaceRow.right, FaceRow.bottom)
    rows = session.execute(
        select(FaceRow.id, FaceRow.pts, *place, FaceRow.score, *quality.columns(FaceRow)).where(
            FaceRow.id.in_(_best_face_ids(video_id))
        )
    )
    return {
        row.id: FaceFacts(
            pts=row.pts,
            box=Box(row.left, row.top, row.right, row.bottom),
            score=row.score,
            quality=quality.quality_of(row),
        )
        for row in rows
    }


def _names(session: Session, video_id: int) -> dict[int, str]:
    mentioned = union(
        *(
            select(column).where(FaceGroup.video_id == video_id)
            for column in (FaceGroup.identity_id, FaceGroup.first_id, FaceGroup.second_id)
        )
    )
    rows = session.execute(select(Identity.id, Identity.name).where(Identity.id.in_(mentioned)))
    return dict(rows.all())
