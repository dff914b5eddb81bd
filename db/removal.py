"""Taking videos, or parts of what is kept of them, out of the ledger for good.

Call `db.erasure.settle` after the commit: until then files hold what was deleted.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, delete, exists, or_, select
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

AT_ONCE = 10_000
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


def with_crops(session: Session, before: datetime) -> Sequence[int]:
    """Videos that were finished before a moment and may have pictures of faces in the ledger, by their ids."""
    if not session.scalar(select(exists(select(FaceCrop.face_id)))):
        return ()
    return session.scalars(select(Video.id).where(*finished_before(before)).order_by(Video.id)).all()


def spare_crops(session: Session, video_ids: Sequence[int]) -> Sequence[int]:
    """Faces of some videos of which the ledger has pictures that are neither a group's nor an appearance's best.

    Those in packs: `db.repacking`.
    """
    chosen = select(FaceCrop.face_id).join(FaceRow, FaceRow.id == FaceCrop.face_id)
    return session.scalars(chosen.where(FaceRow.video_id.in_(video_ids), ~is_best())).all()


def drop_crops(session: Session, face_ids: Sequence[int]) -> int:
    """Delete pictures of faces, but for those that are somebody's best by now; how many."""
    count = 0
    for some in parts(face_ids):
        spare = select(FaceRow.id).where(FaceRow.id.in_(some), ~is_best())
        dropped = delete(FaceCrop).where(FaceCrop.face_id.in_(spare)).returning(FaceCrop.face_id)
        count += len(session.scalars(dropped.execution_options(synchronize_session=False)).all())
    return count


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
    found = session.scalars(chosen.limit(AT_ONCE)).all()
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
