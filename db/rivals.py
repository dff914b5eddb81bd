"""Unknown people who contest names: found after each linking, kept with their templates."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import closing

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.orm import Session

from config.errors import Conflict
from db import counters
from db.parts import parts
from db.schema import Cluster, EmbeddingSpaceRow, EnrolledFace, FaceGroup, Rival, UnknownPerson, Video
from db.vectors import stack, to_bytes
from models.decision import Decision
from models.faces import Embedding, Embeddings
from models.gallery import UnknownPeople

_ROWS_AT_ONCE = 4096

Numbers = NDArray[np.int64]


def state(session: Session, space: EmbeddingSpaceRow) -> str:
    """What the rivals of a space depend on, as it is now: gallery, calibration, and who is unknown."""
    return f"{space.gallery_token}/{counters.last(session, counters.LINKS)}"


def holds(space: EmbeddingSpaceRow) -> bool:
    """Whether the rivals of a space were found for the gallery that it has now."""
    return (space.rivals_of or "").partition("/")[0] == space.gallery_token


def written(session: Session, space: EmbeddingSpaceRow) -> UnknownPeople:
    """The rivals of a space that were written last, whatever the gallery was."""
    rows = session.execute(
        select(Rival.unknown_id, Rival.template).where(Rival.space_id == space.id).order_by(Rival.unknown_id)
    ).all()
    return UnknownPeople(np.array([row[0] for row in rows], np.int64), stack([row[1] for row in rows], space.length))


def outdated(session: Session) -> list[EmbeddingSpaceRow]:
    """The spaces whose rivals were found in another state than that of now."""
    enrolled = select(EnrolledFace.space_id)
    rows = session.scalars(select(EmbeddingSpaceRow).where(EmbeddingSpaceRow.id.in_(enrolled))).all()
    return [row for row in rows if row.rivals_of != state(session, row)]


def load(session: Session, space: EmbeddingSpaceRow) -> UnknownPeople | None:
    """The rivals of a space; None where there are none, or none were found for this gallery yet.

    Whoever was unknown and is enrolled now would contest the own name, until what showed them has got it.
    """
    found = written(session, space) if holds(space) else None
    return found if found is not None and len(found.ids) else None


def ids_of(session: Session) -> dict[int, int]:
    """The ids of all unknown people by their numbers."""
    rows = session.execute(select(UnknownPerson.number, UnknownPerson.id))
    return {number: row_id for number, row_id in rows}  # noqa: C416  to dict's types a Row is no pair


def named(session: Session, space: EmbeddingSpaceRow) -> Iterator[tuple[Numbers, Numbers, Embeddings]]:
    """All clusters of ended videos of a space that the rule named: videos, identities and templates, some at a time."""
    chosen = (
        select(Cluster.video_id, Cluster.identity_id, Cluster.template)
        .join(Video, Video.id == Cluster.video_id)
        .where(Video.space_id == space.id, Cluster.decision == Decision.NAMED, Cluster.confirmed_id.is_(None))
        .where(Cluster.identity_id.is_not(None))
        .order_by(Cluster.id)
    )
    with closing(session.execute(chosen, execution_options={"yield_per": _ROWS_AT_ONCE})) as rows:
        for part in rows.partitions():
            numbers = np.array([row[:2] for row in part], np.int64)
            yield numbers[:, 0], numbers[:, 1], stack([row[2] for row in part], space.length)


def write(
    session: Session,
    space: EmbeddingSpaceRow,
    found_in: str,
    kept: Collection[int],
    changed: Mapping[int, Embedding],
    contested: Collection[int],
) -> None:
    """Write the rivals of a space, and have the videos matched again that they concern.

    Args:
        session: for writing.
        space: as it was read.
        found_in: the state that they were found in.
        kept: ids of those who stay as they are; all others go.
        changed: templates of those who are new or have changed, by id.
        contested: videos in which these contest a name.

    Raises:
        Conflict: the gallery, or who is unknown, has changed meanwhile.
    """
    held = session.get_one(EmbeddingSpaceRow, space.id, with_for_update=True, populate_existing=True)
    if state(session, held) != found_in:
        raise Conflict(space.name, "gallery or unknown people have changed meanwhile", "try again")
    before = set(session.scalars(select(Rival.unknown_id).where(Rival.space_id == space.id)))
    replaced = sorted(before - set(kept))
    for part in parts(replaced):
        session.execute(delete(Rival).where(Rival.unknown_id.in_(part), Rival.space_id == space.id))
        # What they contested until now may be a name again.
        _match_again(session, Video.id.in_(select(FaceGroup.video_id).where(FaceGroup.rival_id.in_(part))))
    if changed:
        session.execute(
            insert(Rival),
            [
                {"unknown_id": row_id, "space_id": space.id, "template": to_bytes(one)}
                for row_id, one in changed.items()
            ],
        )
    for part in parts(sorted(contested)):
        _match_again(session, Video.id.in_(part))
    held.rivals_of = found_in


def _match_again(session: Session, chosen: ColumnElement[bool]) -> None:
    session.execute(
        update(Video)
        .where(chosen)
        # The gallery is to be asked again; where it answers as before, nothing is grouped anew.
        .values(matched_rule=None)
        .execution_options(synchronize_session=False)
    )
