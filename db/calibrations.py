"""Calibrations of the galleries: the limits that decide, and the unknown people that scores are normalised by."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Select, delete, distinct, func, insert, select, update
from sqlalchemy.orm import Session

from db.parts import parts
from db.schema import CalibrationRow, Cluster, CohortMember, EmbeddingSpaceRow, EnrolledFace, Video, new_token
from db.states import WITH_NAMES
from db.vectors import stack, to_bytes
from models import normalised
from models.decision import CalibratedRule, Decision
from models.faces import Embedding, Embeddings
from models.gallery import Calibrated
from models.normalised import LEAST_COHORT, NormalisedIndex, People

LEAST_PEOPLE = 30
"""Enrolled people, each of whom is a stranger to the others: of fewer no small share can be told."""

MOST_UNKNOWN = 4000
"""Unknown people in a cohort, so that some of the gallery joins it whatever its size."""

# A gallery that has changed by this share, or an archive that has grown by this factor, is calibrated again.
_CHANGED = 0.1
_GROWN = 2

# Whoever is not linked yet is somebody else than all others.
_PERSON = func.coalesce(Cluster.unknown_id, -Cluster.id)

Numbers = NDArray[np.int64]

_Chosen = TypeVar("_Chosen", bound=Select[*tuple[Any, ...]])


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """Somebody in an ended video: where, the template of the faces, and their variance. Personal data."""

    video_id: int
    template: Embedding
    variance: float = 0.0


def current(session: Session, space: EmbeddingSpaceRow) -> CalibrationRow | None:
    """The calibration that decides in a space; None where names are given by distance."""
    return None if space.calibration_id is None else session.get_one(CalibrationRow, space.calibration_id)


def rule(row: CalibrationRow) -> CalibratedRule:
    """The rule of a calibration."""
    return CalibratedRule(row.id, row.limit, row.review_limit, row.slope, row.intercept)


def people(session: Session, row: CalibrationRow, templates: tuple[Numbers, Embeddings]) -> People | None:
    """Enrolled people, ascending identities and a template each, normalised as a calibration does it."""
    return normalised.people(*templates, unknown(session, row, templates[1].shape[1]))


def calibrated(row: CalibrationRow | None, people: People | None) -> Calibrated | None:
    """What decides in a gallery; None where that is not calibrated, or too small by now."""
    return None if row is None or people is None else Calibrated(NormalisedIndex(people), rule(row))


def unknown(session: Session, row: CalibrationRow, length: int) -> Embeddings:
    """(u, length) templates of the unknown people in a calibration's cohort."""
    found = session.scalars(
        select(CohortMember.template).where(CohortMember.calibration_id == row.id).order_by(CohortMember.id)
    )
    return stack(list(found), length)


def store(session: Session, space_id: int, row: CalibrationRow, members: Sequence[Seen]) -> None:
    """Let a new calibration decide. The cohorts of earlier ones are erased.

    Args:
        session: for writing.
        space_id: of the gallery.
        row: new; its id and the name of its rule are set here.
        members: the unknown people of its cohort.
    """
    row.space_id, row.rule = space_id, ""
    session.add(row)
    session.flush()
    row.rule = rule(row).name
    _decide(session, space_id, row.id)
    if members:
        session.execute(
            insert(CohortMember),
            [
                {"calibration_id": row.id, "video_id": seen.video_id, "template": to_bytes(seen.template)}
                for seen in members
            ],
        )


def clear(session: Session, space_id: int) -> None:
    """Let distances decide again."""
    _decide(session, space_id, None)


def _decide(session: Session, space_id: int, calibration_id: int | None) -> None:
    """Whoever holds the gallery is told that it is another one now."""
    earlier = select(CalibrationRow.id).where(CalibrationRow.space_id == space_id)
    session.execute(delete(CohortMember).where(CohortMember.calibration_id.in_(earlier)))
    session.execute(
        update(EmbeddingSpaceRow)
        .where(EmbeddingSpaceRow.id == space_id)
        .values(calibration_id=calibration_id, gallery_token=new_token())
        .execution_options(synchronize_session="fetch")
    )


def due(session: Session) -> list[str]:
    """Names of the spaces in which a calibration would tell more than the one that decides, or would be the first."""
    enrolled = select(EnrolledFace.space_id)
    spaces = session.scalars(select(EmbeddingSpaceRow).where(EmbeddingSpaceRow.id.in_(enrolled))).all()
    return [space.name for space in spaces if _is_due(session, space)]


def _is_due(session: Session, space: EmbeddingSpaceRow) -> bool:
    known = current(session, space)
    clusters = unknown_count(session, space.id)
    if known is None:
        enrolled = _identity_count(session, space.id)
        return enrolled >= LEAST_PEOPLE and enrolled + clusters >= LEAST_COHORT
    changes = space.gallery_version - known.gallery_version
    if changes >= max(1.0, _CHANGED * known.photographs):
        return True
    return known.unknown < MOST_UNKNOWN and clusters >= _GROWN * max(LEAST_COHORT, known.clusters)


def _identity_count(session: Session, space_id: int) -> int:
    return session.scalars(
        select(func.count(distinct(EnrolledFace.identity_id))).where(EnrolledFace.space_id == space_id)
    ).one()


def unknown_ids(session: Session, space_id: int) -> list[int]:
    """Of each unknown person in ended videos of a space, the first cluster's id; of whoever is not linked yet, each."""
    return sorted(session.scalars(_unknown(select(func.min(Cluster.id)), space_id).group_by(_PERSON)))


def unknown_count(session: Session, space_id: int) -> int:
    """How many `unknown_ids` there are."""
    return session.scalars(_unknown(select(func.count(distinct(_PERSON))), space_id)).one()


def recent_ids(session: Session, space_id: int, most: int) -> tuple[list[int], int]:
    """Clusters of the videos that ended last, the newest first, and on how many days (UTC) these ended."""
    rows = session.execute(
        _of_ended(select(Cluster.id, Video.ended_at), space_id).order_by(Video.ended_at.desc(), Cluster.id).limit(most)
    ).all()
    return [row.id for row in rows], len({row.ended_at.date() for row in rows if row.ended_at})


def _unknown(chosen: _Chosen, space_id: int) -> _Chosen:
    return _of_ended(chosen, space_id).where(Cluster.decision == Decision.UNKNOWN)


def _of_ended(chosen: _Chosen, space_id: int) -> _Chosen:
    return chosen.join(Video, Video.id == Cluster.video_id).where(
        Video.space_id == space_id, Video.state.in_(WITH_NAMES)
    )


def seen(session: Session, cluster_ids: Sequence[int], length: int) -> list[Seen]:
    """Some clusters in the order of their ids; those that are gone are left out."""
    found: list[Seen] = []
    for part in parts(sorted(cluster_ids)):
        rows = session.execute(
            select(Cluster.video_id, Cluster.template, Cluster.variance)
            .where(Cluster.id.in_(part))
            .order_by(Cluster.id)
        ).all()
        templates = stack([row.template for row in rows], length)
        found += [Seen(row.video_id, one, row.variance) for row, one in zip(rows, templates, strict=True)]
    return found
