"""Asking the gallery again about videos that have ended, from what was kept of them."""

from collections import Counter

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from db import casts
from db.casts import Cast
from db.schema import Appearance, CalibrationRow, EmbeddingSpaceRow, FaceGroup, Video
from db.states import WITH_NAMES


def to_match_again(session: Session, uncalibrated: str) -> list[int]:
    """Ended videos whose names were not compared with the gallery, or the rule, of now.

    Args:
        session: for reading.
        uncalibrated: name of the rule that decides in spaces without a calibration.
    """
    return list(
        session.scalars(
            select(Video.id)
            .join(EmbeddingSpaceRow, EmbeddingSpaceRow.id == Video.space_id)
            .outerjoin(CalibrationRow, CalibrationRow.id == EmbeddingSpaceRow.calibration_id)
            .where(Video.state.in_(WITH_NAMES))
            .where(
                Video.matched_version.is_(None)
                | (Video.matched_version != EmbeddingSpaceRow.gallery_version)
                | Video.matched_rule.is_(None)
                | (Video.matched_rule != func.coalesce(CalibrationRow.rule, uncalibrated))
            )
            .order_by(Video.id)
        )
    )


def named_appearances(session: Session, video_id: int) -> Counter[tuple[int, int, int]]:
    """Identity, first and last tick of each appearance that has a name."""
    rows = session.execute(
        select(FaceGroup.identity_id, Appearance.start_pts, Appearance.end_pts)
        .join(FaceGroup, FaceGroup.id == Appearance.group_id)
        .where(FaceGroup.video_id == video_id, FaceGroup.identity_id.is_not(None))
    )
    return Counter((identity_id or 0, start, end) for identity_id, start, end in rows)


def match_again(
    session: Session, video_id: int, before: int | None, cast: Cast | None, *, rule: str, gallery_version: int
) -> bool:
    """Note that a video was matched with a gallery, and whom that named; False if it has changed meanwhile.

    Args:
        session: for writing.
        video_id: an ended video.
        before: its `matched_version` when it was read.
        cast: what it becomes; None where the names are the same, which then keep gallery and rule that they are from.
        rule: that decided.
        gallery_version: of the gallery.
    """
    values: dict[str, object] = {"matched_version": gallery_version, "matched_rule": rule}
    if cast is not None:
        values |= {"gallery_version": gallery_version, "rule": rule}
    same = Video.matched_version.is_(None) if before is None else Video.matched_version == before
    changed = session.execute(
        update(Video)
        .where(Video.id == video_id, Video.state.in_(WITH_NAMES), same)
        .values(**values)
        .returning(Video.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if changed is None:
        return False
    if cast is not None:
        casts.replace(session, video_id, cast)
    return True
