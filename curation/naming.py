"""Naming an unknown person: what shows them gets the name, and the best faces are enrolled, to find them elsewhere."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from config.errors import Conflict, NotFound
from config.settings import Settings
from crops.reading import read_all
from db import gallery, identities, unknown_people
from db.schema import UnknownPerson
from db.session import Database, Session
from db.unknown_people import BestFace
from models.crops import FacePicture

MOST_FACES = 5
"""That are enrolled of one person: more hardly help (docs/decisions, 14), and each one is compared for ever."""


@dataclass(frozen=True, slots=True)
class Named:
    """What came of it: the name as it is kept, places in videos that bear it now, faces that were enrolled."""

    name: str
    places: int
    faces: int


def name_unknown(
    database: Database, written: str, name: str, settings: Settings, without: Collection[str] = ()
) -> Named:
    """Make an unknown person an identity, new or enrolled already.

    Args:
        database: the ledger.
        written: the unknown person's code.
        name: of the identity.
        settings: which faces may enrol.
        without: places that show somebody else, see `Place.written`; they stay unknown.

    Raises:
        NotFound: there is no such unknown person, or no such place of theirs.
        BadName: the name cannot be kept.
        Conflict: the person has been named meanwhile, or is seen elsewhere by now.
        StorageUnavailable: what shows them best is in a pack that cannot be reached; nothing is written.
    """
    with database.reading() as session:
        chosen = _places(session, unknown_people.get(session, written), without)
        faces = _choose(unknown_people.best_faces(session, chosen), settings)
    pictures = _pictures(faces, settings)
    with database.writing() as session:
        person = unknown_people.get(session, written)
        now = _choose(unknown_people.best_faces(session, chosen), settings)
        if (_places(session, person, without), [*map(_where, now)]) != (chosen, [*map(_where, faces)]):
            code = unknown_people.code(person.number)
            raise Conflict(code, "has changed while the pictures were read", "look again, and try again")
        identity = identities.ensure(session, name)
        enrolled = sum(_enrol(session, identity.id, one, picture) for one, picture in zip(now, pictures, strict=True))
        count = unknown_people.confirm(session, person, identity.id, chosen)
        return Named(identity.name, count, enrolled)


def _places(session: Session, person: UnknownPerson, without: Collection[str]) -> list[int]:
    """Clusters that show the person, but for some places."""
    places = {place.written: place.cluster_id for place in unknown_people.places(session, person.id)}
    if missing := sorted(set(without) - set(places)):
        shown = unknown_people.code(person.number)
        raise NotFound(missing[0], f"is no place of {shown}", f"`rollcall unknown show {shown}` lists them")
    return [cluster for place, cluster in places.items() if place not in without]


def _pictures(faces: Sequence[BestFace], settings: Settings) -> list[FacePicture | None]:
    """What is kept of each face for other embedders; None where its crop is not to be had."""
    jpegs = read_all({place: one.crop for place, one in enumerate(faces)}, settings.storage)
    return [
        FacePicture(jpegs[place], one.face.landmarks, one.area).alone() if place in jpegs else None
        for place, one in enumerate(faces)
    ]


def _choose(found: list[BestFace], settings: Settings) -> list[BestFace]:
    """The best faces that may enrol, of as many videos as there are."""
    fit = [
        one
        for one in found
        if min(one.face.box.width, one.face.box.height) >= settings.enrol.smallest_face
        and one.face.quality.sharpness >= settings.enrol.least_sharpness
        and one.face.quality.overall >= settings.faces.least_quality
    ]
    fit.sort(key=lambda one: -one.face.quality.overall)
    videos: dict[int, int] = {}
    ranked = []
    for place, one in enumerate(fit):
        videos[one.video.id] = videos.get(one.video.id, 0) + 1
        ranked.append((videos[one.video.id], place))
    return [fit[place] for _, place in sorted(ranked)[:MOST_FACES]]


def _enrol(session: Session, identity_id: int, one: BestFace, picture: FacePicture | None) -> bool:
    """Whether the face is enrolled now that was not before."""
    video = one.video
    digest = hashlib.sha256(_where(one).encode()).hexdigest()
    if gallery.holder(session, one.space_id, digest) is not None:
        return False
    gallery.add(
        session,
        identity_id=identity_id,
        space_id=one.space_id,
        photograph=f"video {video.id} ({video.title}) at {float(one.time):.3f} s",
        photograph_hash=digest,
        face=one.face,
        picture=picture,
    )
    return True


def _where(one: BestFace) -> str:
    return f"{one.video.content_hash} {one.pts} {one.face.box}"
