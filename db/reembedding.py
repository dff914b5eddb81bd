"""Faces embedded again for another space: what is to be done, who does it, and what was given.

A piece of work is one video, or all enrolled photographs. Its lease says who is at it; what is written is fenced by it,
and by the number that the video was finished with: a video that is worked on again, or was meanwhile, gets nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, case, exists, func, literal, or_, select, update
from sqlalchemy.orm import Session, aliased

from config.errors import LeaseLost
from db import leases, spaces
from db.schema import (
    EmbeddingSpaceRow,
    EnrolledCrop,
    EnrolledEmbedding,
    EnrolledFace,
    FaceEmbedding,
    Reembedding,
    Video,
)
from db.states import WITH_NAMES
from db.upserts import insert_into

_Chosen = TypeVar("_Chosen", bound=Select[*tuple[Any, ...]])


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of work that somebody holds. `video_id` None: the enrolled photographs.

    `finish_number`: of the video when the piece was taken; of the photographs the state of the galleries.
    """

    id: int
    space_id: int
    video_id: int | None
    finish_number: int
    owner: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a space is: videos, and enrolled photographs that are not enrolled in the space itself.

    `without_crop`: photographs that nothing was kept of; `unusable`: faces whose crop cannot be used.
    """

    videos: int
    videos_done: int
    photographs: int
    photographs_done: int
    without_crop: int
    unusable: int

    @property
    def complete(self) -> bool:
        """Whether nothing is left that can be done."""
        left = self.photographs - self.photographs_done - self.without_crop
        return self.videos == self.videos_done and not left


def plan(session: Session, space_id: int) -> None:
    """Write the pieces of work of a space that are new; free those of processes of this host that are no more."""
    known = select(Reembedding.video_id).where(Reembedding.space_id == space_id, Reembedding.video_id.is_not(None))
    lacking = of_videos(select(literal(space_id), Video.id), space_id).where(Video.id.not_in(known))
    new = insert_into(session, Reembedding)
    session.execute(new.from_select(["space_id", "video_id"], lacking).on_conflict_do_nothing())
    session.execute(new.values(space_id=space_id).on_conflict_do_nothing())
    held = select(Reembedding.id, Reembedding.lease_owner).where(Reembedding.lease_owner.is_not(None))
    for piece_id, owner in session.execute(held).all():
        if owner is not None and leases.is_gone(owner):
            _free(session, piece_id, owner)


def due(session: Session, space_id: int, now: datetime) -> list[int]:
    """Pieces of work that nobody holds and that are not done; the photographs first."""
    rows = session.scalars(
        select(Reembedding.id)
        .outerjoin(Video, Video.id == Reembedding.video_id)
        .where(Reembedding.space_id == space_id, _is_free(now), _is_due(space_id))
        .order_by(Reembedding.video_id.is_not(None), Reembedding.video_id)
    )
    return list(rows)


def is_waiting(session: Session, space_name: str, now: datetime) -> bool:
    """Whether there is something to be done for a space that nobody is at, planned or not."""
    space = spaces.find(session, space_name)
    if space is None:
        return bool(
            session.scalar(select(exists().where(Video.state.in_(WITH_NAMES)) | exists(select(EnrolledFace.id))))
        )
    planned = select(Reembedding.video_id).where(Reembedding.space_id == space.id, Reembedding.video_id.is_not(None))
    new = of_videos(select(Video.id), space.id).where(Video.id.not_in(planned)).exists()
    return bool(session.scalar(select(new))) or bool(due(session, space.id, now))


def claim(session: Session, piece_id: int, *, owner: str, lease: float, now: datetime) -> Piece | None:
    """Take a piece of work for `lease` seconds; None if somebody else has it."""
    row = session.execute(
        update(Reembedding)
        .where(Reembedding.id == piece_id, _is_free(now))
        .values(lease_owner=owner, lease_until=now + timedelta(seconds=lease))
        .returning(Reembedding.space_id, Reembedding.video_id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if row is None:
        return None
    if row.video_id is None:
        number = session.scalars(select(_galleries())).one()
    else:
        number = session.get_one(Video, row.video_id).finish_number or 0
    return Piece(piece_id, row.space_id, row.video_id, number, owner)


def end(session: Session, piece: Piece) -> None:
    """Let a piece of work be done.

    Raises:
        LeaseLost: as `write` does.
    """
    hold(session, piece, lease_owner=None, lease_until=None, finish_number=piece.finish_number)


def enrolled_pictures_changed(session: Session) -> None:
    """Let the enrolled photographs be looked at again for every space: pictures of some were kept just now."""
    session.execute(update(Reembedding).where(Reembedding.video_id.is_(None)).values(finish_number=None))


def leave(session: Session, piece: Piece) -> None:
    """Let somebody else go on with a piece of work."""
    _free(session, piece.id, piece.owner)


def progress_of(session: Session, space_name: str) -> Progress:
    """How far a space is, also one that the ledger has not met yet."""
    space = spaces.find(session, space_name)
    return progress(session, space.id if space else 0)


def progress(session: Session, space_id: int) -> Progress:
    """How far a space is."""
    whole = func.coalesce(func.sum(case((_is_done(), 1), else_=0)), 0)
    videos = session.execute(
        of_videos(select(func.count(Video.id), whole), space_id).outerjoin(
            Reembedding, and_(Reembedding.video_id == Video.id, Reembedding.space_id == space_id)
        )
    ).one()
    crops, done = EnrolledFace.id.in_(select(EnrolledCrop.face_id)), EnrolledFace.id.in_(embedded(space_id))
    photographs = session.execute(
        of_enrolled(
            select(
                func.count(EnrolledFace.id),
                func.coalesce(func.sum(case((done, 1), else_=0)), 0),
                func.coalesce(func.sum(case((or_(crops, done), 0), else_=1)), 0),
            ),
            space_id,
        )
    ).one()
    unusable = sum(
        session.scalars(
            select(func.count()).select_from(table).where(table.space_id == space_id, table.embedding.is_(None))
        ).one()
        for table in (FaceEmbedding, EnrolledEmbedding)
    )
    return Progress(videos[0], int(videos[1]), photographs[0], int(photographs[1]), int(photographs[2]), unusable)


def of_videos(chosen: _Chosen, space_id: int) -> _Chosen:
    """Narrow a choice of videos: to ended ones with faces of another space."""
    return chosen.where(Video.state.in_(WITH_NAMES), Video.space_id.is_not(None), Video.space_id != space_id)


def of_enrolled(chosen: _Chosen, space_id: int) -> _Chosen:
    """Narrow a choice of enrolled faces: to one of each photograph that is enrolled in other spaces only."""
    other = aliased(EnrolledFace)
    again = exists().where(
        other.photograph_hash == EnrolledFace.photograph_hash,
        or_(other.space_id == space_id, other.id < EnrolledFace.id),
    )
    return chosen.where(EnrolledFace.space_id != space_id, ~again)


def embedded(space_id: int) -> Select[int]:
    """Ids of the enrolled faces that have a vector of a space, or none because their picture cannot be used."""
    return select(EnrolledEmbedding.face_id).where(EnrolledEmbedding.space_id == space_id)


def _is_free(now: datetime) -> ColumnElement[bool]:
    return or_(Reembedding.lease_until.is_(None), Reembedding.lease_until < now)


def _is_done() -> ColumnElement[bool]:
    return Reembedding.finish_number == func.coalesce(Video.finish_number, 0)


def _is_due(space_id: int) -> ColumnElement[bool]:
    new = Reembedding.finish_number.is_(None)
    of_gallery = and_(Reembedding.video_id.is_(None), or_(new, Reembedding.finish_number != _galleries()))
    of_video = and_(Video.state.in_(WITH_NAMES), Video.space_id != space_id, or_(new, ~_is_done()))
    return or_(of_gallery, of_video)


def _galleries() -> ScalarSelect[int]:
    """A number that grows with each change of any gallery."""
    return select(func.coalesce(func.sum(EmbeddingSpaceRow.gallery_version), 0)).scalar_subquery()


def hold(session: Session, piece: Piece, **values: object) -> None:
    """Write to a piece's row while it is held and its video is as it was; that video stays so until the commit.

    Raises:
        LeaseLost: somebody else has it, or the video has changed.
    """
    held = session.execute(
        update(Reembedding)
        .where(Reembedding.id == piece.id, Reembedding.lease_owner == piece.owner)
        .values(**values)
        .returning(Reembedding.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if held is not None and piece.video_id is not None:
        held = session.scalar(
            select(Video.id)
            .where(
                Video.id == piece.video_id,
                Video.state.in_(WITH_NAMES),
                Video.space_id != piece.space_id,
                func.coalesce(Video.finish_number, 0) == piece.finish_number,
            )
            .with_for_update()
        )
    if held is None:
        what = "somebody else has it, or the video has changed"
        raise LeaseLost(f"re-embedding {piece.id}", what, "nothing was written")


def _free(session: Session, piece_id: int, owner: str) -> None:
    session.execute(
        update(Reembedding)
        .where(Reembedding.id == piece_id, Reembedding.lease_owner == owner)
        .values(lease_owner=None, lease_until=None)
        .execution_options(synchronize_session=False)
    )
