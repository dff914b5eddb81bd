"""Enrolment: each photograph that is offered ends in exactly one named outcome, and is kept by itself.

Photographs are read and analysed in several processes; this one decides and writes, in the order in which they were
offered, one transaction each: an interruption loses none that was finished, and running the same again goes on where it
was left.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from config.errors import (
    BadName,
    DuplicatePhotograph,
    FaceTooBlurred,
    FaceTooSmall,
    FaceUnrecognisable,
    NearerToAnother,
    PhotographError,
    RollcallError,
)
from config.face_settings import DetectorName
from config.settings import Settings
from curation.analysis import engine_of, reader_died, with_engine
from curation.examine import Examined, Examiner
from curation.likeness import EnrolledFaces, LikenessRule
from curation.offers import Offer
from curation.parallel import map_in_order, process_count
from curation.photographs import shown
from db import gallery, identities, spaces
from db.session import Database, Session
from models.faces import Face

ENROLLED = "enrolled"

ACCEPTABLE = (NearerToAnother.code, FaceTooSmall.code, FaceTooBlurred.code, FaceUnrecognisable.code)
"""Codes of refusals that a curator may overrule."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an offer. `error` is None when it was enrolled.

    `repeated` tells that the photograph is enrolled for the same identity already: refused, but nothing is amiss.
    """

    offer: Offer
    error: RollcallError | None
    repeated: bool = False

    @property
    def code(self) -> str:
        """`enrolled`, or the error's code."""
        return self.error.code if self.error else ENROLLED


class Enrolment:
    """Enrols photographs into one ledger, in the embedding space of the settings' engine.

    Args:
        database: the ledger.
        settings: engine, limits and number of processes.
        detector: another detector than the settings name.
        accepted: codes out of `ACCEPTABLE` that do not refuse a photograph.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        *,
        detector: DetectorName | None = None,
        accepted: frozenset[str] = frozenset(),
    ) -> None:
        self._database = database
        self._processes = settings.work.processes
        self._accepted = accepted
        self._rule = LikenessRule(settings.match.largest_distance)
        options = with_engine(settings.faces, detector)
        with database.writing() as session:
            self._space_id = spaces.ensure(session, engine_of(options).space)
        with database.reading() as session:
            self._faces = _load(session, self._space_id)
            known = gallery.photograph_hashes(session, self._space_id)
        self._examine = Examiner(options, settings.enrol, accepted, known)

    def run(self, offers: Sequence[Offer]) -> Iterator[Outcome]:
        """Enrol photographs; one outcome for each, in their order.

        Raises:
            DatabaseUnavailable: the ledger went away; what was enrolled before stays.
            ModelError: the networks cannot be loaded.
        """
        processes = process_count(self._processes, len(offers))
        examined = map_in_order(self._examine, [offer.path for offer in offers], processes, reader_died)
        for offer, result in zip(offers, examined, strict=True):
            yield self._settle(offer, result)

    def without_photograph(self, names: Iterable[str]) -> list[str]:
        """Those names, each once and in their order, for which no photograph is enrolled."""
        with self._database.reading() as session:
            found = {name: identities.find(session, name) for name in dict.fromkeys(names)}
        return [name for name, identity in found.items() if identity is None or not self._faces.count(identity.id)]

    def _settle(self, offer: Offer, result: Examined | PhotographError) -> Outcome:
        while True:
            if isinstance(result, PhotographError):
                return Outcome(offer, result)
            try:
                outcome = self._keep(offer, result)
            except (NearerToAnother, BadName) as error:
                return Outcome(offer, error)
            if outcome is not None:
                return outcome
            # It was enrolled when this run began, so nobody looked for its face, and has been erased since.
            result = replace(self._examine, known=frozenset())(offer.path)

    def _keep(self, offer: Offer, examined: Examined) -> Outcome | None:
        """Write the face, unless its photograph is enrolled already; None where the photograph must be analysed."""
        with self._database.writing() as session:
            self._catch_up(session, gallery.hold(session, self._space_id))
            holder = gallery.holder(session, self._space_id, examined.photograph_hash)
            if holder is not None:
                return _duplicate(offer, holder)
            face = examined.face
            if face is None:
                return None
            self._check_likeness(session, offer, face)
            identity_id = identities.ensure(session, offer.name).id
            face_id = gallery.add(
                session,
                identity_id=identity_id,
                space_id=self._space_id,
                photograph=shown(offer.path.resolve()),
                photograph_hash=examined.photograph_hash,
                face=face,
                picture=examined.picture,
            ).id
            version = gallery.hold(session, self._space_id)
        self._faces.add(version, face_id, identity_id, face.embedding)
        return Outcome(offer, None)

    def _catch_up(self, session: Session, version: int) -> None:
        """Take in what others have changed since; each change has made the version grow by one."""
        changes = version - self._faces.version
        if not changes:
            return
        new = gallery.vectors(session, self._space_id, after=self._faces.last_face_id)
        if len(new.face_ids) != changes:
            # Something was erased.
            self._faces = _load(session, self._space_id)
            return
        for face_id, identity_id, embedding in zip(new.face_ids, new.identity_ids, new.embeddings, strict=True):
            self._faces.add(version, int(face_id), int(identity_id), embedding)

    def _check_likeness(self, session: Session, offer: Offer, face: Face) -> None:
        if NearerToAnother.code in self._accepted:
            return
        identity = identities.find(session, offer.name)
        identity_id = None if identity is None else identity.id
        own = None if identity_id is None else self._faces.nearest_own(identity_id, face.embedding)
        other = self._faces.nearest_other(identity_id, face.embedding)
        if other is None or not self._rule.doubts(own.distance if own else None, other.distance):
            return
        holder = gallery.holder_of_face(session, other.face_id)
        nearest_own = "" if own is None else f", against {own.distance:.2f} to the nearest of {offer.name}"
        raise NearerToAnother(
            shown(offer.path),
            f"is nearer to {holder.name}: distance {other.distance:.2f} to {holder.photograph}{nearest_own}",
            f"see whose face it is; if the two people look alike, enrol it with `--accept {NearerToAnother.code}`",
        )


def _duplicate(offer: Offer, holder: gallery.Holder) -> Outcome:
    repeated = identities.name_key(holder.name) == identities.name_key(offer.name)
    remedy = "nothing to do" if repeated else "see whose face it is, and remove it from the wrong person"
    error = DuplicatePhotograph(
        shown(offer.path), f"is enrolled for {holder.name} already, as {holder.photograph}", remedy
    )
    return Outcome(offer, error, repeated)


def _load(session: Session, space_id: int) -> EnrolledFaces:
    held = gallery.vectors(session, space_id)
    return EnrolledFaces(held.version, held.face_ids, held.identity_ids, held.embeddings)
