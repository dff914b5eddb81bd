"""Moving what was embedded for a space into it: the enrolled faces, and videos one by one.

The vectors that a video's faces had stay beside the new ones, so that it can be moved back without its crops.
"""

from dataclasses import dataclass

from sqlalchemy import delete, func, insert, literal, select, update
from sqlalchemy.orm import Session, aliased

from db import casts, leases, reembedding, spaces
from db.casts import Cast
from db.schema import EnrolledCrop, EnrolledEmbedding, EnrolledFace, FaceEmbedding, FaceRow, Reembedding, Video
from db.states import WITH_NAMES
from db.upserts import insert_into
from models.faces import PARTS


@dataclass(frozen=True, slots=True)
class Standing:
    """A video as it was read: its space, and what tells that it has not changed since."""

    video_id: int
    space_id: int
    finish_number: int
    matched_version: int | None

    @classmethod
    def of(cls, video: Video) -> "Standing":
        """Of an ended video with faces.

        Raises:
            ValueError: it has none.
        """
        if video.space_id is None:
            raise ValueError(f"video {video.id} has no faces")
        return cls(video.id, video.space_id, video.finish_number or 0, video.matched_version)


def enrol_embedded(session: Session, space_id: int) -> int:
    """Enrol in a space what was embedded for it; how many faces. They stay enrolled in their own spaces, too."""
    columns = [
        getattr(EnrolledFace, name)
        for name in (
            "identity_id", "photograph", "photograph_hash", "left", "top", "right", "bottom",
            "score", *PARTS,
        )
    ]  # fmt: skip
    names = [*(column.key for column in columns), "space_id", "embedding", "enrolled_at"]
    chosen = (
        reembedding.of_enrolled(
            select(*columns, literal(space_id), EnrolledEmbedding.embedding, literal(leases.utc_now())), space_id
        )
        .join(EnrolledEmbedding, EnrolledEmbedding.face_id == EnrolledFace.id)
        .where(EnrolledEmbedding.space_id == space_id, EnrolledEmbedding.embedding.is_not(None))
        .order_by(EnrolledFace.id)
    )
    new = session.scalars(insert(EnrolledFace).from_select(names, chosen).returning(EnrolledFace.id)).all()
    _copy_crops(session, space_id)
    session.execute(delete(EnrolledEmbedding).where(EnrolledEmbedding.space_id == space_id))
    spaces.bump_gallery_version(session, space_id, len(new))
    return len(new)


def _copy_crops(session: Session, space_id: int) -> None:
    """Give each enrolled face of a space the crop that the same photograph has elsewhere."""
    other, known = aliased(EnrolledFace), select(EnrolledCrop.face_id)
    source = (
        select(EnrolledFace.id.label("face_id"), func.min(other.id).label("source_id"))
        .join(other, other.photograph_hash == EnrolledFace.photograph_hash)
        .where(EnrolledFace.space_id == space_id, EnrolledFace.id.not_in(known), other.id.in_(known))
        .group_by(EnrolledFace.id)
        .subquery()
    )
    chosen = select(source.c.face_id, EnrolledCrop.jpeg, EnrolledCrop.landmarks).join(
        EnrolledCrop, EnrolledCrop.face_id == source.c.source_id
    )
    session.execute(insert(EnrolledCrop).from_select(["face_id", "jpeg", "landmarks"], chosen))


def move(session: Session, before: Standing, space_id: int, cast: Cast, *, rule: str, gallery_version: int) -> bool:
    """Move a video that is whole in a space into it, with who is in it by that; False if it has changed meanwhile.

    Args:
        session: for writing.
        before: the video as it was read.
        space_id: of the space.
        cast: by the space's gallery.
        rule: that decided.
        gallery_version: of the gallery.
    """
    version = before.matched_version
    same = Video.matched_version.is_(None) if version is None else Video.matched_version == version
    moved = session.execute(
        update(Video)
        .where(Video.id == before.video_id, Video.state.in_(WITH_NAMES), Video.space_id == before.space_id, same)
        .where(func.coalesce(Video.finish_number, 0) == before.finish_number)
        .values(
            space_id=space_id,
            rule=rule,
            matched_rule=rule,
            gallery_version=gallery_version,
            matched_version=gallery_version,
        )
        .returning(Video.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if moved is None:
        return False
    _swap_vectors(session, before.video_id, space_id)
    _note_whole(session, before)
    # Clusters hold templates of the space before: none of them may be asked about in this one.
    casts.replace(session, before.video_id, cast)
    return True


def _swap_vectors(session: Session, video_id: int, space_id: int) -> None:
    of_video = select(FaceRow.id).where(FaceRow.video_id == video_id)
    chosen = select(FaceRow.id, FaceRow.space_id, FaceRow.embedding).where(
        FaceRow.video_id == video_id, FaceRow.space_id != space_id
    )
    kept = insert_into(session, FaceEmbedding).from_select(["face_id", "space_id", "embedding"], chosen)
    session.execute(kept.on_conflict_do_nothing())
    mine = FaceEmbedding.face_id == FaceRow.id, FaceEmbedding.space_id == space_id
    new = select(FaceEmbedding.embedding).where(*mine).correlate(FaceRow).scalar_subquery()
    session.execute(
        update(FaceRow)
        .where(FaceRow.video_id == video_id, FaceRow.space_id != space_id)
        .values(embedding=new, space_id=space_id)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        delete(FaceEmbedding)
        .where(FaceEmbedding.face_id.in_(of_video), FaceEmbedding.space_id == space_id)
        .execution_options(synchronize_session=False)
    )


def _note_whole(session: Session, before: Standing) -> None:
    """The space that a video comes from has all its faces still."""
    row = {"space_id": before.space_id, "video_id": before.video_id, "finish_number": before.finish_number}
    session.execute(
        insert_into(session, Reembedding)
        .values(**row)
        .on_conflict_do_update(index_elements=["space_id", "video_id"], set_={"finish_number": before.finish_number})
    )
