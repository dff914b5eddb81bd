"""Who is in a video: the groups that its faces became, the clusters that these are made of, and their appearances."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from config.errors import Conflict
from db.schema import Appearance, Cluster, FaceGroup, FaceRow
from db.vectors import from_bytes, to_bytes
from models.decision import Decision, Verdict
from models.faces import Embedding


@dataclass(frozen=True, slots=True)
class EdgeSample:
    """The first or the last sample of an appearance: its number, and the faces by which the person is known there.

    `face_ids`: the appearance's faces that are nearest to this edge, the nearest first.
    """

    sample: int
    face_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AppearanceRecord:
    """A stretch in ticks from the origin.

    `start_pts` and `end_pts`: of the first and the last frame that is known to show the person. `first` and `last`: the
    samples that it begins and ends with. `unseen_before_pts` and `unseen_after_pts`: see `db.schema.Appearance`.
    """

    start_pts: int
    end_pts: int
    face_count: int
    best_face_id: int
    first: EdgeSample
    last: EdgeSample
    unseen_before_pts: int | None = None
    unseen_after_pts: int | None = None


@dataclass(frozen=True, slots=True)
class GroupRecord:
    """One person of the video: whose faces, what was decided, when they are on camera."""

    face_ids: tuple[int, ...]
    best_face_id: int
    verdict: Verdict
    appearances: tuple[AppearanceRecord, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ClusterRecord:
    """What the gallery was asked about some faces of a video, and whom it named, or proposed to a reviewer.

    `confirmed_id` is who somebody has said it is, `unknown_id` which unknown person it shows, see `db.schema.Cluster`.
    """

    template: Embedding
    variance: float
    decision: Decision
    identity_id: int | None
    confirmed_id: int | None = None
    unknown_id: int | None = None

    @classmethod
    def of(cls, template: Embedding, variance: float, verdict: Verdict) -> "ClusterRecord":
        """What is kept of a verdict."""
        return cls(template, variance, verdict.decision, verdict.likely, verdict.told)


@dataclass(frozen=True, slots=True)
class Cast:
    """Who is in a video: the clusters that the gallery was asked about, and the groups that they became.

    `group_of` is the place among the groups of each cluster's, and `before` the clusters that these take the place of.
    """

    groups: Sequence[GroupRecord]
    clusters: Sequence[ClusterRecord]
    group_of: Sequence[int]
    before: Sequence[ClusterRecord] = ()


def replace(session: Session, video_id: int, cast: Cast) -> None:
    """Write the groups and clusters of a video, replacing earlier ones. The row of the video must be held.

    Raises:
        Conflict: somebody has said who is in it meanwhile.
    """
    if _confirmed(session, video_id) != [one.confirmed_id for one in cast.before if one.confirmed_id is not None]:
        raise Conflict(f"video {video_id}", "somebody has said who is in it at this moment", "try again")
    session.execute(delete(FaceGroup).where(FaceGroup.video_id == video_id))
    session.execute(delete(Cluster).where(Cluster.video_id == video_id))
    group_ids = [_write_group(session, video_id, number, group) for number, group in enumerate(cast.groups, start=1)]
    rows = [
        {
            "video_id": video_id,
            "number": number,
            "template": to_bytes(cluster.template),
            "variance": cluster.variance,
            "decision": cluster.decision,
            "identity_id": cluster.identity_id,
            "confirmed_id": cluster.confirmed_id,
            "unknown_id": cluster.unknown_id,
            "group_id": group_ids[group],
        }
        for number, (cluster, group) in enumerate(zip(cast.clusters, cast.group_of, strict=True), start=1)
    ]
    if rows:
        session.execute(insert(Cluster), rows)


def clusters(session: Session, video_id: int, length: int) -> list[ClusterRecord]:
    """What the gallery was asked about a video; none where there are no faces, or nobody has kept it."""
    rows = session.execute(
        select(
            Cluster.template,
            Cluster.variance,
            Cluster.decision,
            Cluster.identity_id,
            Cluster.confirmed_id,
            Cluster.unknown_id,
        )
        .where(Cluster.video_id == video_id)
        .order_by(Cluster.number)
    )
    return [ClusterRecord(from_bytes(row[0], length), row[1], Decision(row[2]), *row[3:]) for row in rows]


def _confirmed(session: Session, video_id: int) -> list[int | None]:
    """Who somebody has said is in a video."""
    confirmed = Cluster.confirmed_id.is_not(None)
    found = select(Cluster.confirmed_id).where(Cluster.video_id == video_id, confirmed).order_by(Cluster.number)
    return list(session.scalars(found))


def _write_group(session: Session, video_id: int, number: int, group: GroupRecord) -> int:
    """Its id."""
    verdict = group.verdict
    row = FaceGroup(
        video_id=video_id,
        number=number,
        decision=verdict.decision,
        identity_id=verdict.identity_id,
        confirmed=verdict.told is not None,
        confidence=verdict.confidence,
        first_id=verdict.first.identity_id if verdict.first else None,
        first_distance=verdict.first.distance if verdict.first else None,
        first_score=verdict.first.score if verdict.first else None,
        second_id=verdict.second.identity_id if verdict.second else None,
        second_distance=verdict.second.distance if verdict.second else None,
        second_score=verdict.second.score if verdict.second else None,
        rival_id=verdict.rival,
        face_count=len(group.face_ids),
        best_face_id=group.best_face_id,
    )
    session.add(row)
    session.flush()
    session.execute(
        insert(Appearance),
        [
            {
                "group_id": row.id,
                "start_pts": stretch.start_pts,
                "end_pts": stretch.end_pts,
                "unseen_before_pts": stretch.unseen_before_pts,
                "unseen_after_pts": stretch.unseen_after_pts,
                "face_count": stretch.face_count,
                "best_face_id": stretch.best_face_id,
            }
            for stretch in group.appearances
        ],
    )
    session.execute(update(FaceRow), [{"id": face_id, "group_id": row.id} for face_id in group.face_ids])
    return row.id
