"""Enrolled faces and identities on both databases."""

import threading

import numpy as np
import pytest

from config.errors import NameTaken
from db import erasure, gallery, identities, spaces
from db.schema import EnrolledFace
from db.session import Database
from models.faces import Box, Embedding, EmbeddingSpace, Face, Quality

SPACE = EmbeddingSpace("plain", 128, "0" * 64)


def vector(seed: int) -> Embedding:
    return np.random.default_rng(seed).normal(size=128).astype(np.float32)


def enrol(database: Database, name: str, seed: int) -> int:
    """Enrol one face as enrolment does, holding the gallery; the version that it was held at."""
    face = Face(Box(0, 0, 9, 9), 1.0, np.zeros((5, 2), np.float32), Quality(1.0, 1.0, 1.0), vector(seed))
    with database.writing() as session:
        space_id = spaces.ensure(session, SPACE)
        version = gallery.hold(session, space_id)
        gallery.add(
            session,
            identity_id=identities.ensure(session, name).id,
            space_id=space_id,
            photograph=f"{seed}.jpg",
            photograph_hash=f"{seed:064x}",
            face=face,
        )
    return version


def test_people_are_enrolled_found_renamed_and_removed(ledger: Database) -> None:
    for seed, name in enumerate(["Zoë", "ann", "ZOE\u0308"]):
        enrol(ledger, name, seed)
    with ledger.reading() as session:
        assert [(one.name, one.photographs) for one in identities.summaries(session)] == [("ann", 1), ("Zoë", 2)]
        held = gallery.load(session, "plain")
        assert (len(held), held.identity_count, held.version) == (3, 2, 3)
        (nearest,) = held.candidates(vector(2), 1)
        assert identities.names(session, [nearest.identity_id]) == {nearest.identity_id: "Zoë"}
    with pytest.raises(NameTaken), ledger.writing() as session:
        identities.rename(session, "ann", "zoë")
    with ledger.writing() as session:
        identities.rename(session, "ann", "Ann")
        removed = identities.remove(session, identities.get(session, "zoë").id)
        assert removed.faces == 2
    assert erasure.settle(ledger)
    with ledger.reading() as session:
        assert [(one.name, one.photographs) for one in identities.summaries(session)] == [("Ann", 1)]
        assert gallery.counts_by_space(session) == {"plain": 1}
        assert session.query(EnrolledFace).count() == 1


def test_enrolments_at_once_wait_for_each_other(ledger: Database) -> None:
    enrol(ledger, "Ann", 1000)
    versions: list[int] = []

    def curator(first: int) -> None:
        database = Database(ledger.url)
        versions.extend(enrol(database, "Ann", seed) for seed in range(first, first + 10))
        database.close()

    threads = [threading.Thread(target=curator, args=(100 * number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Each saw the gallery as the one before had left it: nobody decided by an outdated one.
    assert sorted(versions) == list(range(1, 31))
    with ledger.reading() as session:
        assert gallery.load(session, "plain").version == 31
