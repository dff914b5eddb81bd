"""Naming an unknown person: what shows them gets the name, and the best faces are enrolled, to find them elsewhere."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

from config.errors import NotFound
from config.settings import Settings
from db import gallery, identities, unknown_people
from db.session import Database, Session
from db.unknown_people import BestFace

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
    """
    with database.writing() as session:
        person = unknown_people.get(session, written)
        places = {place.written: place.cluster_id for place in unknown_people.places(session, person.id)}
        if missing := sorted(set(without) - set(places)):
            shown = unknown_people.code(person.number)
            raise NotFound(missing[0], f"is no place of {shown}", f"`rollcall unknown show {shown}` lists them")
        chosen = [cluster for place, cluster in places.items() if place not in without]
        identity = identities.ensure(session, name)
        faces = _choose(unknown_people.best_faces(session, chosen), settings)
        enrolled = sum(_enrol(session, identity.id, one) for one in faces)
        count = unknown_people.confirm(session, person, identity.id, chosen)
        return Named(identity.name, count, enrolled)


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


def _enrol(session: Session, identity_id: int, one: BestFace) -> bool:
    """Whether the face is enrolled now that was not before."""
    video = one.video
    where = f"{video.content_hash} {one.pts} {one.face.box}"
    digest = hashlib.sha256(where.encode()).hexdigest()
    if gallery.holder(session, one.space_id, digest) is not None:
        return False
    gallery.add(
        session,
        identity_id=identity_id,
        space_id=one.space_id,
        photograph=f"video {video.id} ({video.title}) at {float(one.time):.3f} s",
        photograph_hash=digest,
        face=one.face,
        picture=one.picture and one.picture.alone(),
    )
    return True
