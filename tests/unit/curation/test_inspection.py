from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from config.settings import Settings
from curation.enrol import Enrolment
from curation.inspection import NEARER_TO_ANOTHER, UNLIKE_THE_REST, check, inspect
from curation.likeness import LikenessRule
from curation.offers import Offer
from db import gallery, identities
from db.session import Database
from db.vectors import from_bytes

RULE = LikenessRule(0.5)


@pytest.fixture
def mixed_up(ledger: Database, settings: Settings, portraits: dict[str, Path]) -> Database:
    """Three photographs of one man, under whose name one of another was enrolled too; and that other one."""
    everybody = Enrolment(ledger, settings, accepted=frozenset({"nearer-to-another"}))
    offers = [Offer("Obama", portraits[name]) for name in ("obama", "obama2", "biden", "obama3")]
    assert {outcome.code for outcome in everybody.run([*offers, Offer("Collins", portraits["astronaut"])])} == {
        "enrolled"
    }
    return ledger


def test_the_photograph_that_harms_is_remarked_upon(mixed_up: Database, portraits: dict[str, Path]) -> None:
    with mixed_up.reading() as session:
        reports = inspect(session, identities.get(session, "Obama").id, RULE)
    assert [report.photograph for report in reports] == [
        str(portraits[name]) for name in ("obama", "obama2", "biden", "obama3")
    ]
    assert [UNLIKE_THE_REST in report.standing.remarks for report in reports] == [False, False, True, False]
    assert not any(NEARER_TO_ANOTHER in report.standing.remarks for report in reports)
    assert all(report.other is not None and report.other.name == "Collins" for report in reports)


def embeddings(ledger: Database, name: str) -> NDArray[np.float32]:
    with ledger.reading() as session:
        rows = gallery.faces_of(session, identities.get(session, name).id)
        return np.stack([from_bytes(row.embedding, 128) for row in rows])


def test_the_distances_are_those_of_the_embeddings(mixed_up: Database) -> None:
    with mixed_up.reading() as session:
        reports = inspect(session, identities.get(session, "Obama").id, RULE)
    vectors, (other,) = embeddings(mixed_up, "Obama"), embeddings(mixed_up, "Collins")
    distances = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    for place, report in enumerate(reports):
        assert report.standing.to_rest == pytest.approx(np.median(np.delete(distances[place], place)), abs=1e-6)
        assert report.standing.nearest_other is not None
        assert report.standing.nearest_other.distance == pytest.approx(np.linalg.norm(vectors[place] - other), abs=1e-6)


def test_a_photograph_of_somebody_who_is_enrolled_too_is_nearer_to_them(
    ledger: Database, settings: Settings, portraits: dict[str, Path]
) -> None:
    everybody = Enrolment(ledger, settings, accepted=frozenset({"nearer-to-another"}))
    pairs = [("Biden", "biden"), ("Biden", "obama2"), ("Obama", "obama"), ("Obama", "obama3")]
    list(everybody.run([Offer(name, portraits[photograph]) for name, photograph in pairs]))
    with ledger.reading() as session:
        _, wrong = inspect(session, identities.get(session, "Biden").id, RULE)
    assert NEARER_TO_ANOTHER in wrong.standing.remarks
    assert wrong.other is not None
    assert wrong.other.name == "Obama"


def test_a_single_photograph_has_no_rest(ledger: Database, settings: Settings, portraits: dict[str, Path]) -> None:
    list(Enrolment(ledger, settings).run([Offer("Collins", portraits["astronaut"])]))
    with ledger.reading() as session:
        (report,) = inspect(session, identities.get(session, "Collins").id, RULE)
    assert report.standing.to_rest is None
    assert report.standing.nearest_other is None
    assert report.standing.remarks == ()
    assert report.space == "dlib-resnet-v1/chip150-0.25/mirror"


def test_a_check_of_everybody_finds_the_same_and_nothing_else(mixed_up: Database) -> None:
    with mixed_up.reading() as session:
        told = list(check(session, RULE))
        inspected = [
            report
            for name in ("Obama", "Collins")
            for report in inspect(session, identities.get(session, name).id, RULE)
        ]
    assert len(told) == len(inspected) == 5
    doubtful = [report for report in told if report is not None]
    assert doubtful == [report for report in inspected if report.standing.remarks]
    assert [(report.name, Path(report.photograph).stem) for report in doubtful] == [("Obama", "biden")]


def test_an_empty_gallery_has_nothing_to_check(ledger: Database) -> None:
    with ledger.reading() as session:
        assert list(check(session, RULE)) == []
