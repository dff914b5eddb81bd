"""Unknown people and the clusters that show them, as they are read to be linked, and written when they have been."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, bindparam, delete, exists, insert, literal_column, select, update
from sqlalchemy.orm import Session, aliased

from config.errors import Conflict
from db import counters
from db.parts import parts
from db.schema import Cluster, EmbeddingSpaceRow, FaceGroup, FaceRow, UnknownPerson, UnknownState, Video
from db.states import WITH_NAMES
from models.decision import Decision
from models.faces import Embeddings
from models.linking import NOBODY, Links

_ROWS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True, eq=False)
class UnknownClusters:
    """All n clusters of ended videos of a space that nobody was named or proposed for. Personal data: never log one.

    `people` are numbers of unknown people, or `models.linking.NOBODY`; `faces` how many each cluster has. `links`
    counts how often links were written: whoever writes them must have read them after the last time.
    """

    links: int
    ids: NDArray[np.int64]
    videos: NDArray[np.int64]
    faces: NDArray[np.int64]
    people: NDArray[np.int64]
    templates: Embeddings


def to_link(session: Session) -> list[EmbeddingSpaceRow]:
    """The spaces in which nobody has been looked for yet for some unknown clusters."""
    fresh = select(Cluster.id).join(Video).where(Video.space_id == EmbeddingSpaceRow.id, Cluster.unknown_id.is_(None))
    spaces = select(EmbeddingSpaceRow).where(exists(fresh.where(*_unknown()))).order_by(EmbeddingSpaceRow.id)
    return list(session.scalars(spaces))


def _unknown() -> tuple[ColumnElement[bool], ...]:
    # A literal: with a parameter there, neither database would use the index of those that are not linked.
    unknown = Cluster.decision == literal_column(f"'{Decision.UNKNOWN}'")
    return Video.state.in_(WITH_NAMES), unknown, Cluster.group_id.is_not(None)


def clusters(session: Session, space: EmbeddingSpaceRow) -> UnknownClusters:
    """All unknown clusters of a space in order of their ids, read by one query."""
    links = counters.last(session, counters.LINKS)
    chosen = (
        select(Cluster.id, Cluster.video_id, FaceGroup.face_count, UnknownPerson.number, Cluster.template)
        .join(Video, Video.id == Cluster.video_id)
        .join(FaceGroup, FaceGroup.id == Cluster.group_id)
        .outerjoin(UnknownPerson, UnknownPerson.id == Cluster.unknown_id)
        .where(Video.space_id == space.id, *_unknown())
        .order_by(Cluster.id)
    )
    # Buffers grow in place: there is never a second copy of a large archive.
    numbers, templates = bytearray(), bytearray()
    for part in session.execute(chosen, execution_options={"yield_per": _ROWS_AT_ONCE}).partitions():
        numbers += np.array([(*row[:3], row[3] or NOBODY) for row in part], np.int64).tobytes()
        templates += b"".join(row[4] for row in part)
    ids, videos, faces, people = np.frombuffer(numbers, np.int64).reshape(-1, 4).T
    vectors = np.frombuffer(templates, "<f4").astype(np.float32, copy=False).reshape(-1, space.length)
    return UnknownClusters(links, ids, videos, faces, people, vectors)


def ignored(session: Session) -> frozenset[int]:
    """Numbers of the unknown people whom somebody has said to ignore."""
    decided = UnknownPerson.state == UnknownState.IGNORED
    return frozenset(session.scalars(select(UnknownPerson.number).where(decided)))


def seen_together(session: Session, video_id: int) -> frozenset[tuple[int, int]]:
    """Ids of every two clusters of a video, the smaller first, of which one frame shows faces."""
    one, other = aliased(FaceRow), aliased(FaceRow)
    first, second = aliased(Cluster), aliased(Cluster)
    rows = session.execute(
        select(first.id, second.id)
        .select_from(one)
        .join(other, (other.video_id == one.video_id) & (other.sample == one.sample) & (other.id != one.id))
        .join(first, first.group_id == one.group_id)
        .join(second, second.group_id == other.group_id)
        .where(one.video_id == video_id, first.id < second.id)
        .distinct()
    )
    return frozenset((row[0], row[1]) for row in rows)


def write(session: Session, before: UnknownClusters, found: Links) -> None:
    """Write who the clusters show. Unknown people whom no cluster shows any more are forgotten.

    Raises:
        Conflict: somebody else has written links, or said something of an unknown person, since they were read.
    """
    if counters.draw(session, counters.LINKS) != before.links + 1:
        raise Conflict("unknown people", "were changed meanwhile", "try again")
    people = _number_new(session, found.people)
    changed = np.flatnonzero(people != before.people)
    ids = _ids(session, {*people[changed].tolist(), *found.joined, *found.joined.values()})
    if len(changed):
        table = Cluster.__table__
        session.connection().execute(
            update(Cluster)
            .where(table.c.id == bindparam("cluster"), table.c.decision == Decision.UNKNOWN)
            .values(unknown_id=bindparam("person")),
            [
                {"cluster": cluster, "person": ids[number]}
                for cluster, number in zip(before.ids[changed].tolist(), people[changed].tolist(), strict=True)
            ],
        )
    for younger, older in found.joined.items():
        session.execute(
            update(UnknownPerson)
            .where(UnknownPerson.id == ids[younger])
            .values(state=UnknownState.JOINED, successor_id=ids[older])
        )
        # Also what was not read: clusters of other spaces.
        session.execute(
            update(Cluster)
            .where(Cluster.unknown_id == ids[younger])
            .values(unknown_id=ids[older])
            .execution_options(synchronize_session=False)
        )
    _forget(session)


def forget_unseen(session: Session) -> None:
    """Forget unknown people whom no cluster shows any more."""
    if session.scalar(select(UnknownPerson.id).where(_unseen()).limit(1)) is not None:
        # Whoever links them at this moment has to begin again.
        counters.draw(session, counters.LINKS)
        _forget(session)


def _forget(session: Session) -> None:
    session.execute(delete(UnknownPerson).where(_unseen()).execution_options(synchronize_session=False))


def _unseen() -> ColumnElement[bool]:
    shown = exists().where(Cluster.unknown_id == UnknownPerson.id)
    return UnknownPerson.state.in_((UnknownState.OPEN, UnknownState.IGNORED)) & ~shown


def _number_new(session: Session, people: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same people, the new ones with numbers of their own."""
    count = int(max(0, -people.min(initial=0)))
    if not count:
        return people
    last = counters.draw(session, counters.UNKNOWN_PEOPLE, count)
    numbers = np.where(people < 0, last - count - people, people)
    session.execute(
        insert(UnknownPerson),
        [
            {"number": number, "state": UnknownState.OPEN, "created_at": datetime.now(UTC)}
            for number in range(last - count + 1, last + 1)
        ],
    )
    return numbers


def _ids(session: Session, numbers: set[int]) -> Mapping[int, int]:
    """Of unknown people, by their numbers."""
    ids: dict[int, int] = {}
    for part in parts(sorted(numbers)):
        rows = session.execute(select(UnknownPerson.number, UnknownPerson.id).where(UnknownPerson.number.in_(part)))
        ids.update((number, row_id) for number, row_id in rows)
    return ids
