"""The archive as another embedding space has it: enrolled faces, faces of videos, unknown people. Personal data."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db import gallery, quality, reembedding
from db.calibrations import Seen
from db.finishing import VideoFaces
from db.gallery import Vectors
from db.parts import parts
from db.schema import (
    Cluster,
    EmbeddingSpaceRow,
    EnrolledEmbedding,
    EnrolledFace,
    FaceEmbedding,
    FaceGroup,
    FaceRow,
    Reembedding,
    Rival,
    Video,
)
from db.states import WITH_NAMES
from db.vectors import from_bytes, stack
from models.decision import Decision
from models.faces import Embedding, overall
from models.gallery import UnknownPeople
from models.templates import template, templates_by_identity


@dataclass(frozen=True, slots=True)
class Named:
    """What the ledger says of a face: the decision on its group, and who is named."""

    decision: Decision
    identity_id: int | None


def enrolled(session: Session, space: EmbeddingSpaceRow) -> Vectors:
    """Enrolled faces of a space: those that were enrolled in it, and those that were embedded for it, by their ids."""
    own = gallery.vectors(session, space.id)
    rows = session.execute(
        reembedding.of_enrolled(
            select(
                EnrolledFace.id,
                EnrolledFace.identity_id,
                EnrolledEmbedding.embedding,
                *quality.columns(EnrolledFace),
            ),
            space.id,
        )
        .join(EnrolledEmbedding, EnrolledEmbedding.face_id == EnrolledFace.id)
        .where(EnrolledEmbedding.space_id == space.id, EnrolledEmbedding.embedding.is_not(None))
        .order_by(EnrolledFace.id)
    ).all()
    ids = np.array([row[:2] for row in rows], np.int64).reshape(-1, 2)
    return Vectors(
        version=own.version,
        face_ids=np.concatenate([own.face_ids, ids[:, 0]]),
        identity_ids=np.concatenate([own.identity_ids, ids[:, 1]]),
        embeddings=np.concatenate([own.embeddings, stack([row[2] or b"" for row in rows], space.length)]),
        weights=np.concatenate([own.weights, overall(np.array([row[3:] for row in rows], np.float64))]),
    )


def whole_videos(session: Session, space_id: int) -> list[int]:
    """Ended videos of other spaces all of whose faces have a vector of this one."""
    unusable = (
        select(FaceRow.video_id)
        .join(FaceEmbedding, FaceEmbedding.face_id == FaceRow.id)
        .where(FaceEmbedding.space_id == space_id, FaceEmbedding.embedding.is_(None))
    )
    return list(
        session.scalars(
            reembedding.of_videos(select(Video.id), space_id)
            .join(Reembedding, Reembedding.video_id == Video.id)
            .where(
                Reembedding.space_id == space_id,
                Reembedding.finish_number == func.coalesce(Video.finish_number, 0),
                Video.id.not_in(unusable),
            )
            .order_by(Video.id)
        )
    )


def ended_videos(session: Session, space_id: int) -> int:
    """How many ended videos of other spaces hold faces, or could."""
    return session.scalars(reembedding.of_videos(select(func.count(Video.id)), space_id)).one()


def in_space(session: Session, faces: VideoFaces, space: EmbeddingSpaceRow) -> VideoFaces:
    """The faces of a video that is whole in another space, as that space has them.

    Raises:
        ValueError: one has no vector there.
    """
    known = _vectors(session, faces.ids.tolist(), space.id)
    try:
        embeddings = np.array([known[face_id] for face_id in faces.ids.tolist()], np.float32)
    except KeyError as error:
        raise ValueError(f"face {error.args[0]} was not embedded for {space.name}") from None
    return replace(faces, embeddings=embeddings.reshape(-1, space.length))


def named(session: Session, video_id: int) -> dict[int, Named]:
    """What the ledger says of each face of a video that is in a group."""
    rows = session.execute(
        select(FaceRow.id, FaceGroup.decision, FaceGroup.identity_id)
        .join(FaceGroup, FaceGroup.id == FaceRow.group_id)
        .where(FaceRow.video_id == video_id)
    )
    return {face_id: Named(Decision(decision), identity_id) for face_id, decision, identity_id in rows}


def unknown_groups(session: Session) -> list[int]:
    """Of each unknown person in ended videos of all spaces the first group of faces; of whoever is not linked, each."""
    return sorted(
        session.scalars(
            select(func.min(FaceGroup.id))
            .join(Video, Video.id == FaceGroup.video_id)
            .outerjoin(Cluster, Cluster.group_id == FaceGroup.id)
            .where(FaceGroup.decision == Decision.UNKNOWN, Video.state.in_(WITH_NAMES))
            .group_by(func.coalesce(Cluster.unknown_id, -FaceGroup.id))
        )
    )


def rivals(session: Session, space: EmbeddingSpaceRow) -> UnknownPeople | None:
    """The rivals of other spaces by their faces that were embedded for this one; None where there are none."""
    rows = session.execute(
        select(Cluster.unknown_id, FaceEmbedding.embedding, *quality.columns(FaceRow))
        .join(Cluster, Cluster.group_id == FaceRow.group_id)
        .join(FaceEmbedding, FaceEmbedding.face_id == FaceRow.id)
        .where(Cluster.unknown_id.in_(select(Rival.unknown_id).where(Rival.space_id != space.id)))
        .where(FaceEmbedding.space_id == space.id, FaceEmbedding.embedding.is_not(None))
        .order_by(FaceRow.id)
    ).all()
    if not rows:
        return None
    weights = overall(np.array([row[2:] for row in rows], np.float64))
    vectors = stack([row[1] or b"" for row in rows], space.length)
    return UnknownPeople(*templates_by_identity(np.array([row[0] for row in rows], np.int64), vectors, weights))


def seen(session: Session, group_ids: Sequence[int], space: EmbeddingSpaceRow) -> list[Seen]:
    """Some groups by their faces that were embedded for a space, in the order of their ids; without groups of none."""
    found: list[Seen] = []
    for part in parts(sorted(group_ids)):
        rows = session.execute(
            select(
                FaceRow.group_id,
                FaceRow.video_id,
                FaceEmbedding.embedding,
                *quality.columns(FaceRow),
            )
            .join(FaceEmbedding, FaceEmbedding.face_id == FaceRow.id)
            .where(FaceRow.group_id.in_(part), FaceEmbedding.space_id == space.id, FaceEmbedding.embedding.is_not(None))
            .order_by(FaceRow.group_id, FaceRow.id)
        ).all()
        owners = np.array([row[:2] for row in rows], np.int64).reshape(-1, 2)
        weights = overall(np.array([row[3:] for row in rows], np.float64))
        embeddings = stack([row[2] or b"" for row in rows], space.length)
        for group_id, first in zip(*np.unique(owners[:, 0], return_index=True), strict=True):
            mine = owners[:, 0] == group_id
            found.append(Seen(int(owners[first, 1]), template(embeddings[mine], weights[mine])))
    return found


def _vectors(session: Session, face_ids: Sequence[int], space_id: int) -> dict[int, Embedding]:
    found: dict[int, Embedding] = {}
    for part in parts(face_ids):
        rows = session.execute(
            select(FaceEmbedding.face_id, FaceEmbedding.embedding)
            .where(FaceEmbedding.face_id.in_(part), FaceEmbedding.space_id == space_id)
            .where(FaceEmbedding.embedding.is_not(None))
        )
        found.update((face_id, from_bytes(embedding, -1)) for face_id, embedding in rows if embedding is not None)
    return found
