from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps
from support import ledgers

from config.errors import BadName, DuplicatePhotograph, NearerToAnother, NoFace, UnreadablePhotograph
from config.settings import Settings
from curation import parallel
from curation.enrol import ACCEPTABLE, Enrolment, Outcome
from curation.offers import Offer
from db import gallery, identities
from db.schema import EnrolledFace
from db.session import Database
from demo.material import Material

Enrol = Callable[..., list[Outcome]]


@pytest.fixture
def enrol(ledger: Database, settings: Settings) -> Enrol:
    """Enrol pairs of name and path by a new enrolment each time, as each command does."""

    def run(*pairs: tuple[str, Path], accept: tuple[str, ...] = ()) -> list[Outcome]:
        enrolment = Enrolment(ledger, settings, accepted=frozenset(accept))
        return list(enrolment.run([Offer(name, path) for name, path in pairs]))

    return run


def listed(ledger: Database) -> dict[str, int]:
    with ledger.reading() as session:
        return {summary.name: summary.photographs for summary in identities.summaries(session)}


def enrolled_rows(ledger: Database) -> list[tuple[object, ...]]:
    with ledger.reading() as session:
        return [
            (row.id, row.identity_id, row.photograph, row.photograph_hash, row.left, row.score, row.embedding)
            for row in session.query(EnrolledFace).order_by(EnrolledFace.id)
        ]


def test_each_photograph_has_one_outcome_in_order_and_the_rest_goes_on(
    tmp_path: Path, enrol: Enrol, ledger: Database, portraits: dict[str, Path], material: Material
) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    pairs = [
        ("Barack Obama", portraits["obama"]),
        ("Barack Obama", tmp_path / "text.jpg"),
        ("Nobody", material.coffee),
        ("Eileen Collins", portraits["astronaut"]),
        ("barack  OBAMA", portraits["obama2"]),
    ]
    outcomes = enrol(*pairs)
    assert [(outcome.offer.name, outcome.offer.path) for outcome in outcomes] == pairs
    assert [outcome.code for outcome in outcomes] == ["enrolled", "unreadable", "no-face", "enrolled", "enrolled"]
    assert isinstance(outcomes[1].error, UnreadablePhotograph)
    assert isinstance(outcomes[2].error, NoFace)
    assert listed(ledger) == {"Barack Obama": 2, "Eileen Collins": 1}


def test_what_is_kept_is_the_face_with_its_provenance(
    enrol: Enrol, ledger: Database, portraits: dict[str, Path]
) -> None:
    enrol(("Ann", portraits["astronaut"]))
    with ledger.reading() as session:
        (row,) = session.query(EnrolledFace)
        held = gallery.load(session, "dlib-resnet-v1/chip150-0.25/mirror")
    assert row.photograph == str(portraits["astronaut"])
    assert 100 <= row.right - row.left <= 140
    assert row.score > 0
    assert 0 < row.sharpness <= 1
    assert (len(held), held.version) == (1, 1)


def test_running_again_goes_on_where_it_was_left(
    enrol: Enrol, ledger: Database, settings: Settings, portraits: dict[str, Path]
) -> None:
    pairs = [("Obama", portraits["obama"]), ("Obama", portraits["obama3"]), ("Biden", portraits["biden"])]
    interrupted = Enrolment(ledger, settings).run([Offer(*pair) for pair in pairs])
    assert [outcome.code for outcome in islice(interrupted, 2)] == ["enrolled", "enrolled"]
    interrupted.close()  # type: ignore[attr-defined]  # a generator, as Ctrl-C ends it
    before = enrolled_rows(ledger)
    assert len(before) == 2

    outcomes = enrol(*pairs)
    assert [(outcome.code, outcome.repeated) for outcome in outcomes] == [
        ("duplicate", True),
        ("duplicate", True),
        ("enrolled", False),
    ]
    assert enrolled_rows(ledger)[:2] == before
    assert listed(ledger) == {"Biden": 1, "Obama": 2}


def test_a_photograph_is_recognised_again_whatever_its_file(
    tmp_path: Path, enrol: Enrol, ledger: Database, portraits: dict[str, Path]
) -> None:
    with Image.open(portraits["obama"]) as picture:
        picture.save(tmp_path / "copy.bmp")
    outcomes = enrol(("Obama", portraits["obama"]), ("Obama", tmp_path / "copy.bmp"), ("Ann", tmp_path / "copy.bmp"))
    assert [(outcome.code, outcome.repeated) for outcome in outcomes] == [
        ("enrolled", False),
        ("duplicate", True),
        ("duplicate", False),
    ]
    assert isinstance(outcomes[2].error, DuplicatePhotograph)
    assert "Obama" in outcomes[2].error.what
    assert str(portraits["obama"]) in outcomes[2].error.what
    assert listed(ledger) == {"Obama": 1}


def test_a_face_of_somebody_else_is_refused_and_named(
    enrol: Enrol, ledger: Database, portraits: dict[str, Path]
) -> None:
    outcomes = enrol(
        ("Obama", portraits["obama"]),
        ("Biden", portraits["biden"]),
        ("Biden", portraits["obama2"]),
        ("Obama", portraits["obama3"]),
    )
    assert [outcome.code for outcome in outcomes] == ["enrolled", "enrolled", "nearer-to-another", "enrolled"]
    error = outcomes[2].error
    assert isinstance(error, NearerToAnother)
    assert "Obama" in error.what
    assert str(portraits["obama"]) in error.what
    assert "--accept nearer-to-another" in error.remedy
    assert listed(ledger) == {"Biden": 1, "Obama": 2}


def test_a_first_photograph_is_refused_where_it_surely_shows_somebody_enrolled(
    tmp_path: Path, enrol: Enrol, ledger: Database, portraits: dict[str, Path]
) -> None:
    with Image.open(portraits["obama"]) as picture:
        ImageOps.mirror(ImageEnhance.Brightness(picture).enhance(1.2)).save(tmp_path / "again.png")
    outcomes = enrol(("Obama", portraits["obama"]), ("Nobama", tmp_path / "again.png"))
    assert [outcome.code for outcome in outcomes] == ["enrolled", "nearer-to-another"]
    assert listed(ledger) == {"Obama": 1}


def test_twins_enrol_where_the_curator_says_so(enrol: Enrol, ledger: Database, portraits: dict[str, Path]) -> None:
    assert NearerToAnother.code in ACCEPTABLE
    outcomes = enrol(
        ("Obama", portraits["obama"]),
        ("Twin", portraits["biden"]),
        ("Twin", portraits["obama2"]),
        accept=("nearer-to-another",),
    )
    assert [outcome.code for outcome in outcomes] == ["enrolled"] * 3
    assert listed(ledger) == {"Obama": 1, "Twin": 2}


def test_a_name_that_cannot_be_kept_refuses_its_photographs_only(
    enrol: Enrol, ledger: Database, portraits: dict[str, Path]
) -> None:
    outcomes = enrol(("bell\x07", portraits["obama"]), ("Biden", portraits["biden"]))
    assert [outcome.code for outcome in outcomes] == ["bad-name", "enrolled"]
    assert isinstance(outcomes[0].error, BadName)
    assert listed(ledger) == {"Biden": 1}


def test_two_enrolments_at_once_see_each_others_faces(
    ledger: Database, settings: Settings, portraits: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = Enrolment(ledger, settings), Enrolment(ledger, settings)
    assert [outcome.code for outcome in one.run([Offer("Obama", portraits["obama"])])] == ["enrolled"]
    # Neither loads the whole gallery again for what the other has added.
    monkeypatch.setattr("curation.enrol._load", lambda *_: pytest.fail("loaded again"))
    later = list(
        other.run(
            [Offer("Biden", portraits["biden"]), Offer("Biden", portraits["obama2"]), Offer("O.", portraits["obama"])]
        )
    )
    assert [outcome.code for outcome in later] == ["enrolled", "nearer-to-another", "duplicate"]


def test_an_enrolment_forgets_who_was_erased_meanwhile(
    enrol: Enrol, ledger: Database, settings: Settings, portraits: dict[str, Path]
) -> None:
    enrol(("Biden", portraits["biden"]), ("Obama", portraits["obama"]))
    enrolment = Enrolment(ledger, settings)
    with ledger.writing() as session:
        identities.remove(session, identities.get(session, "Obama").id)
    enrol(("Collins", portraits["astronaut"]))
    outcomes = list(enrolment.run([Offer("Biden", portraits["obama2"]), Offer("Biden", portraits["astronaut"])]))
    assert [outcome.code for outcome in outcomes] == ["enrolled", "duplicate"]


def test_a_photograph_that_was_erased_meanwhile_enrols_again(
    enrol: Enrol, ledger: Database, settings: Settings, portraits: dict[str, Path]
) -> None:
    enrol(("Obama", portraits["obama"]))
    enrolment = Enrolment(ledger, settings)
    with ledger.writing() as session:
        identities.remove(session, identities.get(session, "Obama").id)
    (outcome,) = enrolment.run([Offer("Obama", portraits["obama"])])
    assert outcome.code == "enrolled"
    assert listed(ledger) == {"Obama": 1}


def test_who_is_left_without_a_photograph_is_told(
    ledger: Database, settings: Settings, portraits: dict[str, Path], material: Material
) -> None:
    enrolment = Enrolment(ledger, settings)
    names = ["Cup", "Biden", "Cup", "biden"]
    list(enrolment.run([Offer("Cup", material.coffee), Offer("Biden", portraits["biden"])]))
    assert enrolment.without_photograph(names) == ["Cup"]


def test_several_processes_enrol_the_same(
    tmp_path: Path, settings: Settings, portraits: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    offers = [Offer(name.rstrip("23"), path) for name, path in portraits.items()]
    offers.insert(2, Offer("missing", tmp_path / "missing.jpg"))
    offers.append(Offer("biden", portraits["obama2"]))
    monkeypatch.setattr(parallel, "_WORTH_A_PROCESS", 1)
    kept = []
    for processes in (1, 2):
        database = Database(f"sqlite:///{tmp_path / str(processes)}.db")

        ledgers.prepare(database)
        shared = settings.model_copy(update={"work": settings.work.model_copy(update={"processes": processes})})
        codes = [(outcome.code, outcome.repeated) for outcome in Enrolment(database, shared).run(offers)]
        kept.append((codes, enrolled_rows(database)))
        database.close()
    assert kept[0] == kept[1]
    assert [code for code, _ in kept[0][0]].count("enrolled") == 5


def test_a_real_folder_of_labelled_photographs_enrols(enrol: Enrol, ledger: Database, corpus: Path) -> None:
    folder = corpus / "faces" / "face_recognition" / "kit_harington"
    pairs = [(folder.name, path) for path in sorted(folder.iterdir())]
    outcomes = enrol(*pairs)
    assert {outcome.code for outcome in outcomes} == {"enrolled"}
    with ledger.reading() as session:
        vectors = gallery.vectors(session, 1).embeddings
    assert np.linalg.norm(vectors[0] - vectors[1]) < 0.6
