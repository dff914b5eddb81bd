"""Unknown people, as they are listed, looked at, ignored, and named. Who shows whom is written by `db.links`."""

import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

import numpy as np
from sqlalchemy import ColumnElement, distinct, func, select, update
from sqlalchemy.orm import Session

from config.errors import Conflict, NotFound
from db import counters, crops
from db.crops import Kept
from db.face_rows import face_of
from db.facts import seconds
from db.parts import parts
from db.schema import (
    Appearance,
    Cluster,
    EmbeddingSpaceRow,
    FaceGroup,
    FaceRow,
    Identity,
    UnknownPerson,
    UnknownState,
    Video,
)
from db.vectors import stack
from models.crops import crop_area
from models.decision import Decision
from models.faces import Box, Embedding, Face
from models.templates import template

_CODE = re.compile(r"[uU]-?([1-9][0-9]{0,17})")


@dataclass(frozen=True, slots=True)
class Summary:
    """One line of the list: how often, in how many videos, for how many seconds somebody was seen, and since when.

    `name` is the identity's that the person has become, None until then.
    """

    id: int
    number: int
    state: UnknownState
    name: str | None
    appearances: int
    videos: int
    seconds: Fraction
    first_submitted: datetime | None
    last_submitted: datetime | None


@dataclass(frozen=True, slots=True)
class Place:
    """A group of faces of one video that shows an unknown person: when, and the face that shows them best.

    `times` are seconds of the first and the last frame of each appearance.
    """

    cluster_id: int
    video_id: int
    title: str
    group: int
    times: tuple[tuple[Fraction, Fraction], ...]
    best_face_id: int | None

    @property
    def written(self) -> str:
        """The video and the group, e.g. `12:3`."""
        return f"{self.video_id}:{self.group}"


@dataclass(frozen=True, slots=True, eq=False)
class BestFace:
    """The face that shows a group best: its video, the space of its embedding, the tick and the second of its frame.

    `crop` is None where none was kept; `area` is what it shows of the frame. Personal data.
    """

    video: Video
    space_id: int
    pts: int
    time: Fraction
    face: Face
    crop: Kept | None
    area: Box


def code(number: int) -> str:
    """What people call an unknown person, e.g. `U-12`."""
    return f"U-{number}"


def get(session: Session, written: str) -> UnknownPerson:
    """The unknown person of a code; of whoever turned out to be another one, that one.

    Raises:
        NotFound: there is none.
    """
    match = _CODE.fullmatch(written.strip())
    found = None
    if match:
        found = session.scalar(select(UnknownPerson).where(UnknownPerson.number == int(match.group(1))))
    while found is not None and found.successor_id is not None:
        found = session.get_one(UnknownPerson, found.successor_id)
    if found is None:
        remedy = "`rollcall unknown` lists them" if match else "write it as `rollcall unknown` does, e.g. U-12"
        raise NotFound(written, "is no unknown person", remedy)
    return found


def codes(session: Session, video_id: int) -> dict[int, str]:
    """The codes of the unknown people of a video, by the number of the group that shows each."""
    rows = session.execute(
        select(FaceGroup.number, UnknownPerson.number)
        .join(Cluster, Cluster.group_id == FaceGroup.id)
        .join(UnknownPerson, UnknownPerson.id == Cluster.unknown_id)
        .where(FaceGroup.video_id == video_id, FaceGroup.decision == Decision.UNKNOWN)
    )
    return {group: code(number) for group, number in rows}


def numbers(session: Session, ids: Collection[int]) -> dict[int, int]:
    """Numbers of some unknown people by their ids; those that are gone are left out."""
    found: dict[int, int] = {}
    for part in parts(sorted(set(ids))):
        rows = session.execute(select(UnknownPerson.id, UnknownPerson.number).where(UnknownPerson.id.in_(part)))
        found.update((row_id, number) for row_id, number in rows)
    return found


def count(session: Session, states: Collection[UnknownState]) -> int:
    """How many unknown people are in some states."""
    return session.scalars(select(func.count()).where(UnknownPerson.state.in_(states))).one()


def summaries(session: Session, states: Collection[UnknownState], most: int | None) -> list[Summary]:
    """Unknown people of some states, those of the most appearances first; no more than so many."""
    often = func.count(Appearance.id)
    rows = session.execute(
        select(UnknownPerson, Identity.name, often, func.count(distinct(Cluster.video_id)))
        .outerjoin(Identity, Identity.id == UnknownPerson.identity_id)
        .outerjoin(Cluster, Cluster.unknown_id == UnknownPerson.id)
        .outerjoin(Appearance, Appearance.group_id == Cluster.group_id)
        .where(UnknownPerson.state.in_(states))
        .group_by(UnknownPerson.id, Identity.name)
        .order_by(often.desc(), UnknownPerson.number)
        .limit(most)
    ).all()
    spans = _spans(session, [person.id for person, *_ in rows])
    return [
        Summary(
            person.id, person.number, UnknownState(person.state), name, appearances, videos,
            *spans.get(person.id, (Fraction(0), None, None)),
        )
        for person, name, appearances, videos in rows
    ]  # fmt: skip


def _spans(session: Session, ids: Sequence[int]) -> dict[int, tuple[Fraction, datetime | None, datetime | None]]:
    """Seconds on camera, and when the first and the last video were submitted, of some unknown people."""
    on_camera: dict[int, Fraction] = defaultdict(Fraction)
    submitted: dict[int, list[datetime]] = defaultdict(list)
    for part in parts(ids):
        rows = session.execute(
            select(
                Cluster.unknown_id, Video.submitted_at, Video.time_base_num, Video.time_base_den,
                func.sum(Appearance.end_pts - Appearance.start_pts),
            )
            .join(Video, Video.id == Cluster.video_id)
            .join(Appearance, Appearance.group_id == Cluster.group_id)
            .where(Cluster.unknown_id.in_(part))
            .group_by(Cluster.unknown_id, Video.id)
        )  # fmt: skip
        for person, at, numerator, denominator, ticks in rows:
            on_camera[person or 0] += seconds(int(ticks), numerator, denominator)
            submitted[person or 0].append(at)
    return {person: (on_camera[person], min(times), max(times)) for person, times in submitted.items()}


def places(session: Session, person_id: int, most: int | None = None) -> list[Place]:
    """Where an unknown person was seen, the newest video first, no more than so many."""
    rows = session.execute(
        select(Cluster.id, Video, FaceGroup)
        .join(Video, Video.id == Cluster.video_id)
        .join(FaceGroup, FaceGroup.id == Cluster.group_id)
        .where(Cluster.unknown_id == person_id)
        .order_by(Video.id.desc(), FaceGroup.number)
        .limit(most)
    ).all()
    seen: dict[int, list[Appearance]] = defaultdict(list)
    for part in parts([group.id for _, _, group in rows]):
        chosen = select(Appearance).where(Appearance.group_id.in_(part)).order_by(Appearance.start_pts)
        for appearance in session.scalars(chosen):
            seen[appearance.group_id].append(appearance)
    found = []
    for cluster_id, video, group in rows:
        base = video.time_base_num, video.time_base_den
        times = tuple((seconds(one.start_pts, *base), seconds(one.end_pts, *base)) for one in seen[group.id])
        found.append(Place(cluster_id, video.id, video.title, group.number, times, group.best_face_id))
    return found


def templates(session: Session, ids: Collection[int]) -> dict[int, dict[int, Embedding]]:
    """Of some unknown people, all that shows each in videos of one space, by space and person. Personal data."""
    lengths = {row.id: row.length for row in session.scalars(select(EmbeddingSpaceRow))}
    seen: dict[tuple[int, int], list[tuple[bytes, int]]] = defaultdict(list)
    for part in parts(sorted(ids)):
        rows = session.execute(
            select(Video.space_id, Cluster.unknown_id, Cluster.template, FaceGroup.face_count)
            .join(FaceGroup, FaceGroup.id == Cluster.group_id)
            .join(Video, Video.id == Cluster.video_id)
            .where(Cluster.unknown_id.in_(part))
            .order_by(Cluster.id)
        )
        for space_id, person, vector, faces in rows:
            seen[space_id or 0, person or 0].append((vector, faces))
    found: dict[int, dict[int, Embedding]] = defaultdict(dict)
    for (space_id, person), some in seen.items():
        vectors = stack([vector for vector, _ in some], lengths[space_id])
        found[space_id][person] = template(vectors, np.array([faces for _, faces in some], float))
    return found


def best_faces(session: Session, cluster_ids: Sequence[int]) -> list[BestFace]:
    """The best face of each of some clusters. Personal data."""
    found = []
    for part in parts(cluster_ids):
        chosen = (
            select(Video, FaceRow, *crops.COLUMNS)
            .join(FaceRow, FaceRow.video_id == Video.id)
            .join(FaceGroup, FaceGroup.best_face_id == FaceRow.id)
            .join(Cluster, Cluster.group_id == FaceGroup.id)
        )
        rows = session.execute(crops.joined(chosen).where(Cluster.id.in_(part)).order_by(FaceRow.id))
        found += [_best_face(video, row, crops.kept(crop)) for video, row, *crop in rows]
    return found


def _best_face(video: Video, row: FaceRow, crop: Kept | None) -> BestFace:
    face = face_of(row)
    time = seconds(row.pts, video.time_base_num, video.time_base_den)
    area = crop_area(face.box, video.height or 0, video.width or 0)
    return BestFace(video, row.space_id, row.pts, time, face, crop, area)


def ignore(session: Session, person: UnknownPerson) -> None:
    """List an unknown person no more. Who looks like them goes on to be them."""
    _decide(session, person, UnknownState.OPEN, UnknownState.IGNORED)


def restore(session: Session, person: UnknownPerson) -> None:
    """List an unknown person again who was ignored."""
    _decide(session, person, UnknownState.IGNORED, UnknownState.OPEN)


def _decide(session: Session, person: UnknownPerson, before: UnknownState, after: UnknownState) -> None:
    counters.draw(session, counters.LINKS)
    session.refresh(person)
    if person.state not in {before, after}:
        raise Conflict(code(person.number), f"is {person.state}, not {before}")
    person.state = after


def confirm(session: Session, person: UnknownPerson, identity_id: int, cluster_ids: Sequence[int]) -> int:
    """Make an unknown person an identity: what shows them is named, whatever the rule says.

    Args:
        session: for writing.
        person: is open, or ignored.
        identity_id: who it is.
        cluster_ids: that show this identity; nobody has been looked for in the others then.

    Returns:
        In how many places the name is given now.

    Raises:
        Conflict: the person has been named, or what shows them has changed.
    """
    # Before anything else: whoever writes links, or who is in these videos, waits now, and sees what follows.
    counters.draw(session, counters.LINKS)
    session.refresh(person)
    if person.state not in {UnknownState.OPEN, UnknownState.IGNORED}:
        raise Conflict(code(person.number), f"is {person.state} already")
    changed = 0
    for part in parts(cluster_ids):
        held = Cluster.id.in_(part)
        _change(session, Video, Video.id.in_(select(Cluster.video_id).where(held)), matched_version=None)
        groups = select(Cluster.group_id).where(held, Cluster.unknown_id == person.id)
        changed += _change(
            session, FaceGroup, FaceGroup.id.in_(groups), decision=Decision.NAMED, identity_id=identity_id,
            confirmed=True, confidence=None,
        )  # fmt: skip
        _change(
            session, Cluster, held & (Cluster.unknown_id == person.id), decision=Decision.NAMED,
            identity_id=identity_id, confirmed_id=identity_id, unknown_id=None,
        )  # fmt: skip
    if changed != len(cluster_ids):
        raise Conflict(code(person.number), "has changed while you looked", "look again, and try again")
    _change(session, Cluster, Cluster.unknown_id == person.id, unknown_id=None)
    person.state, person.identity_id = UnknownState.NAMED, identity_id
    return changed


def _change(
    session: Session, table: type[Video | FaceGroup | Cluster], chosen: ColumnElement[bool], **values: object
) -> int:
    rows = session.execute(
        update(table).where(chosen).values(values).returning(table.id).execution_options(synchronize_session=False)
    )
    return len(rows.all())
