"""Taking videos, or parts of what is kept of them, out of the ledger for good.

Call `db.erasure.settle` after the commit: until then files hold what was deleted.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, delete, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from db import counters, links
from db.parts import parts
from db.schema import (
    Appearance,
    Cluster,
    FaceCrop,
    FaceGroup,
    FaceRow,
    FrameRow,
    Rival,
    Segment,
    TaskRun,
    Video,
)
from db.states import ENDED, WITH_NAMES

_AT_ONCE = 10_000
"""Rows that one transaction deletes: others wait for it no longer than some seconds."""


def remove(session: Session, video_ids: Collection[int]) -> None:
    """Delete videos with everything that was seen in them.

    Whoever is enrolled stays, also from a face that a removed video showed: somebody has said so. Unknown people whom
    nothing shows any more go with their videos. What is kept of them to contest names is found anew by whoever next
    renews the archive.
    """
    for some in parts(sorted(video_ids)):
        shown = select(Cluster.unknown_id).where(Cluster.video_id.in_(some), Cluster.unknown_id.is_not(None))
        session.execute(delete(Rival).where(Rival.unknown_id.in_(shown)).execution_options(synchronize_session=False))
        session.execute(delete(Video).where(Video.id.in_(some)).execution_options(synchronize_session=False))
    counters.draw(session, counters.LINKS)
    links.forget_unseen(session)


def ended_before(session: Session, moment: datetime, most: int) -> Sequence[int]:
    """Videos that were finished before a moment, the oldest first.

    Those that failed, are in quarantine or were rejected are none of them: they hold nobody's face, and tell whoever
    uploads the same content again that it was tried.
    """
    chosen = select(Video.id).where(*finished_before(moment))
    return session.scalars(chosen.order_by(Video.ended_at).limit(most)).all()


def expire_crops(session: Session, before: datetime) -> int:
    """Delete pictures of faces in the ledger, of videos that were finished before, but for each group's and
    appearance's best; how many, 0 when none are left. Those in packs: `db.repacking`.
    """  # noqa: D205  the lines are one sentence
    old = (
        select(FaceCrop.face_id)
        .join(FaceRow, FaceRow.id == FaceCrop.face_id)
        .join(Video, Video.id == FaceRow.video_id)
        .where(*finished_before(before), ~is_best())
    )
    return _delete(session, FaceCrop.face_id, old)


def expire_frames(session: Session, before: datetime) -> int:
    """Delete hashes and pictures of frames of videos that were finished before, so that nothing is recognised as a
    repeat of them; how many, 0 when none are left.
    """  # noqa: D205  as above
    old = (
        select(FrameRow.id)
        .join(Segment, Segment.id == FrameRow.segment_id)
        .join(Video, Video.id == Segment.video_id)
        .where(*finished_before(before))
    )
    return _delete(session, FrameRow.id, old)


def expire_tries(session: Session, before: datetime) -> int:
    """Delete the accounts of tries at videos that ended before; how many, 0 when none are left."""
    old = select(TaskRun.id).join(Video, Video.id == TaskRun.video_id)
    return _delete(session, TaskRun.id, old.where(Video.state.in_(ENDED), TaskRun.started_at < before))


def _delete(session: Session, key: InstrumentedAttribute[int], chosen: Select[int]) -> int:
    """Delete some of the rows that are chosen by their key, with what hangs on them; how many."""
    found = session.scalars(chosen.limit(_AT_ONCE)).all()
    for some in parts(found):
        session.execute(delete(key.class_).where(key.in_(some)))
    return len(found)


def finished_before(moment: datetime) -> tuple[ColumnElement[bool], ...]:
    """Of videos: they have names, and were finished before."""
    return Video.state.in_(WITH_NAMES), Video.ended_at < moment


def is_best() -> ColumnElement[bool]:
    """Of faces: nothing shows a group, or an appearance, better."""
    of_group = select(FaceGroup.best_face_id).where(FaceGroup.best_face_id == FaceRow.id)
    of_appearance = select(Appearance.best_face_id).where(Appearance.best_face_id == FaceRow.id)
    return or_(of_group.exists(), of_appearance.exists())
