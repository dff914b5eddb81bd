"""Finding who contests names: unknown people of the archive who look like somebody enrolled."""

import numpy as np
import structlog
from numpy.typing import NDArray

from config.errors import Conflict
from db import links, rivals
from db.links import UnknownClusters
from db.schema import EmbeddingSpaceRow
from db.session import Session
from models.decision import NearestRule
from models.faces import Embedding, Embeddings
from models.gallery import Gallery, UnknownPeople, rivals_of
from models.linking import NOBODY
from models.rivals import MOST_RIVALS
from models.templates import templates_by_identity
from worker.process import WorkerProcess

log = structlog.get_logger(__name__)

_MOVED = 0.02
"""A rival whose template has moved by less is left as it is: each change has videos matched again."""
_PROBES_AT_ONCE = 1024


def find_rivals(process: WorkerProcess) -> int:
    """Find the rivals anew where the gallery, or who is unknown, has changed; how many are new or have changed.

    Videos whose names they may contest are to be matched again then.
    """
    with process.database.reading() as session:
        spaces = rivals.outdated(session)
    total = 0
    for space in spaces:
        try:
            total += _find_in(process, space)
        except Conflict as error:
            # Whoever has changed it asks for the rivals, too.
            log.warning("rivals not found", space=space.name, detail=str(error))
    return total


def _find_in(process: WorkerProcess, space: EmbeddingSpaceRow) -> int:
    with process.database.reading() as session:
        found_in = rivals.state(session, space)
        ids, templates = _unknown_people(session, links.clusters(session, space))
        gallery = process.gallery(session, space)
        chosen = _most_like(gallery, process.uncalibrated, templates)
        before = rivals.written(session, space)
        known = dict(zip(before.ids.tolist(), before.templates, strict=True))
        moved = np.array([_has_moved(known.get(int(ids[row])), templates[row]) for row in chosen], np.bool_)
        changed = UnknownPeople(ids[chosen][moved], templates[chosen][moved])
        # Names that another gallery gave were contested by nobody.
        asked = changed if rivals.holds(space) else UnknownPeople(ids[chosen], templates[chosen])
        contested = _contested(session, space, gallery, asked)
    with process.database.writing() as session:
        kept = ids[chosen][~moved].tolist()
        rivals.write(
            session, space, found_in, kept, dict(zip(changed.ids.tolist(), changed.templates, strict=True)), contested
        )
    if len(changed.ids):
        log.info("rivals found", space=space.name, rivals=len(chosen), changed=len(changed.ids), videos=len(contested))
    return len(changed.ids)


def _has_moved(before: Embedding | None, now: Embedding) -> bool:
    return before is None or float(np.linalg.norm(before - now)) >= _MOVED


def _contested(session: Session, space: EmbeddingSpaceRow, gallery: Gallery, asked: UnknownPeople) -> set[int]:
    """Videos in which some rivals contest a name."""
    found: set[int] = set()
    if len(asked.ids):
        people = rivals_of(asked, gallery.calibrated)
        for videos, identities, templates in rivals.named(session, space):
            found.update(videos[gallery.contests(people, templates, identities)].tolist())
    return found


def _unknown_people(session: Session, known: UnknownClusters) -> tuple[NDArray[np.int64], Embeddings]:
    """Ids and templates of all linked unknown people."""
    linked = known.people != NOBODY
    numbers, templates = templates_by_identity(
        known.people[linked], known.templates[linked], known.faces[linked].astype(np.float64)
    )
    row_ids = rivals.ids_of(session)
    return np.array([row_ids[number] for number in numbers.tolist()], np.int64), templates


def _most_like(gallery: Gallery, uncalibrated: NearestRule, templates: Embeddings) -> NDArray[np.int64]:
    """Positions of the unknown people who are most like somebody enrolled, ascending."""
    scores = np.full(len(templates), np.inf)
    for start in range(0, len(templates), _PROBES_AT_ONCE):
        verdicts = gallery.verdicts(templates[start : start + _PROBES_AT_ONCE], uncalibrated)
        scores[start : start + len(verdicts)] = [one.first.score if one.first else np.inf for one in verdicts]
    order = np.argsort(scores, kind="stable")[:MOST_RIVALS]
    return np.sort(order[np.isfinite(scores[order])])
