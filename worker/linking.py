"""Linking the unknown people of the archive: who of one video is seen in others, too. No video is opened."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import structlog

from config.errors import Conflict
from db import gallery, links
from db.links import UnknownClusters
from db.schema import EmbeddingSpaceRow
from db.session import Database, Session
from models import linking, normalised
from models.cohort import UNLABELLED, Cohort
from models.linking import NOBODY, Groups
from models.templates import templates_by_identity

log = structlog.get_logger(__name__)

_TRIES = 3
_VIDEOS_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Linked:
    """What was linked: clusters that were new, people who are new, and people who turned out to be others."""

    clusters: int = 0
    people: int = 0
    joined: int = 0

    def __add__(self, other: "Linked") -> "Linked":
        """Both together."""
        return Linked(self.clusters + other.clusters, self.people + other.people, self.joined + other.joined)


def link_unknown(database: Database) -> Linked:
    """Link every unknown cluster of ended videos that nobody has been looked for yet.

    It may be stopped at any time, and several may do it at once: each space is written whole, once.
    """
    total = Linked()
    with database.reading() as session:
        spaces = links.to_link(session)
    for space in spaces:
        for _ in range(_TRIES):
            try:
                total += _link_space(database, space)
            except Conflict as error:
                log.warning("not linked", space=space.name, detail=str(error))
            else:
                break
    return total


def _link_space(database: Database, space: EmbeddingSpaceRow) -> Linked:
    with database.reading() as session:
        known = links.clusters(session, space)
        fresh = int((known.people == NOBODY).sum())
        if not fresh:
            # Somebody else was here first.
            return Linked()
        decided = links.ignored(session)
        groups, members = _groups(session, space, known)
        largest = linking.limit(fresh + len(np.unique(known.people[known.people != NOBODY])), members)
        found = linking.link(groups, largest, _apart(session, known), decided)
    with database.writing() as session:
        links.write(session, known, found)
    linked = Linked(fresh, max(0, -int(found.people.min(initial=0))), len(found.joined))
    log.info("linked", space=space.name, clusters=fresh, new=linked.people, joined=linked.joined)
    return linked


def _groups(session: Session, space: EmbeddingSpaceRow, known: UnknownClusters) -> tuple[Groups, int]:
    """The clusters with the terms of their scores, and of how many members the cohort of these is."""
    held = gallery.vectors(session, space.id)
    ids, enrolled = templates_by_identity(held.identity_ids, held.embeddings, held.weights)
    # One of each person.
    _, first = np.unique(np.where(known.people == NOBODY, -known.ids, known.people), return_index=True)
    chosen = first[normalised.strangers(known.templates[first], enrolled, normalised.LARGEST_COHORT)]
    members, owners = normalised.members(ids, enrolled, known.templates[chosen])
    terms = np.zeros(len(known.ids))
    if len(members) >= linking.LEAST_COHORT:
        terms = Cohort(members, owners).terms(known.templates, np.full(len(known.ids), UNLABELLED))
    return Groups(known.templates, terms, known.faces.astype(np.float64), known.videos, known.people), len(members)


def _apart(session: Session, known: UnknownClusters) -> Callable[[int, int], bool]:
    """Whether a frame shows two clusters of one video; what is asked of one video is mostly asked again."""

    @lru_cache(_VIDEOS_REMEMBERED)
    def together(video_id: int) -> frozenset[tuple[int, int]]:
        return links.seen_together(session, video_id)

    def apart(one: int, other: int) -> bool:
        first, second = sorted((int(known.ids[one]), int(known.ids[other])))
        return (first, second) in together(int(known.videos[one]))

    return apart
