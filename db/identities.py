"""Identities: the people who are enrolled, found by name however it is spelled, renamed, and erased."""

import unicodedata
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import delete, distinct, func, select, update
from sqlalchemy.orm import Session

from config.errors import BadName, NameTaken, NotFound
from db import gallery
from db.parts import parts
from db.schema import Cluster, EnrolledFace, FaceGroup, Identity, UnknownPerson, Video
from models.decision import Decision

LONGEST_NAME = 200
_LONGEST_KEY = 400
_ROWS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Summary:
    """One line of the list of identities. `photographs` counts a picture once, whatever spaces it is in."""

    identity_id: int
    name: str
    created_at: datetime
    photographs: int


@dataclass(frozen=True, slots=True)
class Removed:
    """What an identity no longer has: enrolled faces, and groups of faces in videos that bore its name."""

    faces: int
    groups: int


def clean_name(name: str) -> str:
    """The name as it is kept: composed (NFC), without space at its ends, with single spaces inside.

    Raises:
        BadName: nothing that can be seen is left, it is too long, or it holds control characters.
    """
    spaced = " ".join(unicodedata.normalize("NFC", name).split())
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in spaced):
        raise BadName(repr(name), "holds characters that cannot be written", "leave them out")
    if len(spaced) > LONGEST_NAME or len(name_key(spaced)) > _LONGEST_KEY:
        raise BadName(spaced[:40] + "…", f"is longer than {LONGEST_NAME} characters", "shorten it")
    if not name_key(spaced):
        raise BadName(repr(name), "is no name", "name the person")
    return spaced


def name_key(name: str) -> str:
    """What two spellings of one name have in common: NFKC, case-folded, no invisible characters, single spaces."""
    key = name
    # Folding can undo the normal form and the other way round; two rounds reach the end (Unicode, section 3.13, D146).
    for _ in range(2):
        key = unicodedata.normalize("NFKC", unicodedata.normalize("NFKD", key).casefold())
        key = "".join(character for character in key if unicodedata.category(character) != "Cf")
    return " ".join(key.split())


def find(session: Session, name: str) -> Identity | None:
    """The identity of this name, in any spelling."""
    return session.scalar(select(Identity).where(Identity.name_key == name_key(name)))


def get(session: Session, name: str) -> Identity:
    """The identity of this name, in any spelling.

    Raises:
        NotFound: there is none; names that contain the given one are proposed.
    """
    identity = find(session, name)
    if identity is None:
        key = name_key(name)
        contains = Identity.name_key.contains(key, autoescape=True)
        near = session.scalars(select(Identity.name).where(contains).order_by(Identity.name_key).limit(3)).all()
        proposed = f"did you mean {' or '.join(near)}?" if key and near else "`rollcall identities` lists the names"
        raise NotFound(name, "nobody of this name is enrolled", proposed)
    return identity


def ensure(session: Session, name: str) -> Identity:
    """The identity of this name, written when it is new; one that is known keeps its spelling.

    Raises:
        BadName: the name cannot be kept.
    """
    cleaned = clean_name(name)
    identity = find(session, cleaned)
    if identity is None:
        identity = Identity(name=cleaned, name_key=name_key(cleaned), created_at=datetime.now(UTC))
        session.add(identity)
        session.flush()
    return identity


def rename(session: Session, old: str, new: str) -> Identity:
    """Give an identity another name, or its name another spelling.

    Raises:
        NotFound: nobody has the old name.
        NameTaken: somebody else has the new one.
        BadName: the new name cannot be kept.
    """
    identity = get(session, old)
    cleaned = clean_name(new)
    holder = find(session, cleaned)
    if holder is not None and holder.id != identity.id:
        raise NameTaken(
            holder.name,
            "is another identity's name",
            "if both are one person, `rollcall identities merge` makes them one",
        )
    identity.name, identity.name_key = cleaned, name_key(cleaned)
    session.flush()
    return identity


def merge(session: Session, source_id: int, target_id: int) -> Removed:
    """Let one identity be another one: its enrolled faces and its places in videos become the other's, its name goes.

    Videos in which it was named are to be matched again: what had two names there is one person, perhaps.

    Returns:
        How many enrolled faces and groups of faces have moved.
    """
    if source_id == target_id:
        raise ValueError("an identity cannot be merged with itself")
    both = source_id, target_id
    # In one order: of two who merge the same identities, the second waits.
    session.execute(select(Identity.id).where(Identity.id.in_(both)).order_by(Identity.id).with_for_update())
    faces = gallery.move_all(session, source_id, target_id)
    change = update(FaceGroup).execution_options(synchronize_session=False)
    moved = session.execute(
        change.where(FaceGroup.identity_id == source_id).values(identity_id=target_id).returning(FaceGroup.video_id)
    ).all()
    # Both candidates were one person: there is no second one then, and the first is the nearer.
    session.execute(
        change.where(FaceGroup.first_id.in_(both), FaceGroup.second_id.in_(both))
        .values(second_id=None, second_distance=None, second_score=None)
    )  # fmt: skip
    for column in (FaceGroup.first_id, FaceGroup.second_id):
        session.execute(change.where(column == source_id).values({column: target_id}))
    for pointer in (Cluster.identity_id, Cluster.confirmed_id, UnknownPerson.identity_id):
        session.execute(
            update(pointer.class_)
            .where(pointer == source_id)
            .values({pointer: target_id})
            .execution_options(synchronize_session=False)
        )
    _match_again(session, {row.video_id for row in moved})
    session.execute(delete(Identity).where(Identity.id == source_id))
    return Removed(faces, len(moved))


def remove(session: Session, identity_id: int) -> Removed:
    """Erase an identity and its vectors; what videos said of it becomes unknown.

    The bytes are gone from an SQLite file only after `db.erasure.settle`.
    """
    # Whoever finishes a video with this name right now commits first, and is seen by what follows.
    session.execute(select(Identity.id).where(Identity.id == identity_id).with_for_update())
    groups = _forget_in_groups(session, identity_id)
    faces = gallery.remove_all(session, identity_id)
    session.execute(delete(Identity).where(Identity.id == identity_id))
    return Removed(faces, groups)


def _forget_in_groups(session: Session, identity_id: int) -> int:
    """Take an identity out of every group; the number of those that carried its name."""
    forget = update(FaceGroup).execution_options(synchronize_session=False)
    likely = FaceGroup.identity_id == identity_id
    proposed = (FaceGroup.decision == Decision.REVIEW) & (FaceGroup.first_id == identity_id)
    touched = session.execute(
        select(FaceGroup.id, FaceGroup.video_id, FaceGroup.decision).where(likely | proposed)
    ).all()  # fmt: skip
    session.execute(
        forget.where(likely | proposed).values(
            decision=Decision.UNKNOWN, identity_id=None, confidence=None, confirmed=False
        )
    )
    # What the name had joined may be several people: these videos are to be matched again.
    _match_again(session, {row.video_id for row in touched})
    nobody = {"second_id": None, "second_distance": None, "second_score": None}
    session.execute(forget.where(FaceGroup.second_id == identity_id).values(**nobody))
    # Of those who are left, the second was the nearest.
    session.execute(
        forget.where(FaceGroup.first_id == identity_id).values(
            first_id=FaceGroup.second_id, first_distance=FaceGroup.second_distance,
            first_score=FaceGroup.second_score, **nobody,
        )
    )  # fmt: skip
    return sum(row.decision == Decision.NAMED for row in touched)


def _match_again(session: Session, video_ids: Collection[int]) -> None:
    for part in parts(sorted(video_ids)):
        session.execute(
            update(Video)
            .where(Video.id.in_(part))
            .values(matched_version=None)
            .execution_options(synchronize_session=False)
        )


def summaries(session: Session) -> Iterator[Summary]:
    """Every identity in order of its name, with the number of its photographs."""
    rows = session.execute(
        select(Identity.id, Identity.name, Identity.created_at, func.count(distinct(EnrolledFace.photograph_hash)))
        .outerjoin(EnrolledFace)
        .group_by(Identity.id)
        .order_by(Identity.name_key),
        execution_options={"yield_per": _ROWS_AT_ONCE},
    )
    for identity_id, name, created_at, photographs in rows:
        yield Summary(identity_id, name, created_at, photographs)


def names(session: Session, identity_ids: Iterable[int]) -> dict[int, str]:
    """The names of some identities, by id; those that are gone are left out."""
    known: dict[int, str] = {}
    for part in parts(sorted(set(identity_ids))):
        rows = session.execute(select(Identity.id, Identity.name).where(Identity.id.in_(part)))
        known.update((identity_id, name) for identity_id, name in rows)
    return known
