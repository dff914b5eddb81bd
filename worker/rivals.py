"""Finding who contests names: unknown people of the archive who look like somebody enrolled."""

import numpy as np
import structlog
from numpy.typing import NDArray

from config.errors import Conflict
from db import links, rivals
from db.links import UnknownClusters
from db.schema import EmbeddingSpaceRow
from db.session import Session
from models.faces import Embeddings
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
        before = rivals.load(session, space)
        chosen, identities = _most_like(process, session, space, templates)
    kept = {} if before is None else dict(zip(before.ids.tolist(), before.templates, strict=True))
    same = {
        int(ids[row])
        for row in chosen
        if (known := kept.get(int(ids[row]))) is not None and np.linalg.norm(known - templates[row]) < _MOVED
    }
    changed = {int(ids[row]): templates[row] for row in chosen if int(ids[row]) not in same}
    contested = [identity for row in chosen if int(ids[row]) in changed for identity in identities[row]]
    with process.database.writing() as session:
        rivals.write(session, space, found_in, same, changed, contested)
    if changed:
        log.info("rivals found", space=space.name, rivals=len(chosen), changed=len(changed))
    return len(changed)


def _unknown_people(session: Session, known: UnknownClusters) -> tuple[NDArray[np.int64], Embeddings]:
    """Ids and templates of all linked unknown people."""
    linked = known.people != NOBODY
    numbers, templates = templates_by_identity(
        known.people[linked], known.templates[linked], known.faces[linked].astype(np.float64)
    )
    row_ids = rivals.ids_of(session)
    return np.array([row_ids[number] for number in numbers.tolist()], np.int64), templates


def _most_like(
    process: WorkerProcess, session: Session, space: EmbeddingSpaceRow, templates: Embeddings
) -> tuple[list[int], list[list[int]]]:
    """Positions of the unknown people who are most like somebody enrolled, and of all whom they are like."""
    gallery = process.gallery(session, space)
    scores = np.full(len(templates), np.inf)
    identities: list[list[int]] = []
    for start in range(0, len(templates), _PROBES_AT_ONCE):
        for verdict in gallery.verdicts(templates[start : start + _PROBES_AT_ONCE], process.uncalibrated):
            near = [one for one in (verdict.first, verdict.second) if one is not None]
            scores[len(identities)] = near[0].score if near else np.inf
            identities.append([one.identity_id for one in near])
    order = np.argsort(scores, kind="stable")[:MOST_RIVALS]
    return sorted(order[np.isfinite(scores[order])].tolist()), identities
