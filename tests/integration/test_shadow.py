"""What another embedding space would change: told, and nothing written; on both kinds of database."""

import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from support.archive import names
from support.colours import BLUE, GREEN, RED, add_crowd, colours_candidate, enrol, seen
from typer.testing import CliRunner

from cli.main import app
from config.errors import NotFound
from config.settings import load_settings
from db import identities, reembedded, spaces
from db.schema import Base, FaceCrop
from db.session import Database
from models.decision import Decision
from models.faces import EmbeddingSpace
from worker.process import WorkerProcess
from worker.reembed import reembed
from worker.shadow import Change, Compared, Counts, Kind, candidate_gallery, cast_in, shadow

PEOPLE, UNKNOWN = 120, 4

SQLITE_ONLY = pytest.mark.parametrize("ledger_url", ["sqlite"], indirect=True)
"""For what does not depend on the kind of database."""


@pytest.fixture
def trying(process: WorkerProcess, tmp_path: Path) -> Iterator[WorkerProcess]:
    """The same ledger by settings that declare a candidate, for which faces are colours."""
    opened = WorkerProcess(process.settings.model_copy(update={"candidate": colours_candidate(tmp_path)}))
    yield opened
    opened.database.close()


def told(process: WorkerProcess, compared: Compared) -> list[tuple[int, str, float, float, str | None, str | None]]:
    with process.database.reading() as session:
        known = identities.names(session, [who for one in compared.changes for who in (one.before, one.after) if who])

    def name(who: int | None) -> str | None:
        return None if who is None else known[who]

    return [
        (one.video_id, one.kind.value, float(one.start), float(one.end), name(one.before), name(one.after))
        for one in compared.changes
    ]


def rows(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """Everything in the ledger."""
    with database.reading() as session:
        return {
            table.name: sorted((tuple(row) for row in session.execute(sa.select(table))), key=repr)
            for table in Base.metadata.sorted_tables
        }


@SQLITE_ONLY
def test_nothing_was_embedded_yet(trying: WorkerProcess) -> None:
    with pytest.raises(NotFound, match="rollcall reembed"):
        shadow(trying)


def test_each_kind_of_change_is_told_and_nothing_is_written(process: WorkerProcess, trying: WorkerProcess) -> None:
    enrol(process, "Ann", 1, RED)
    enrol(process, "Bob", 2, GREEN)
    same = seen(process, "same", (0, 1, RED), (5, 2, GREEN))
    otherwise = seen(process, "otherwise", (0, 1, GREEN), (1, 1, GREEN), (6, 1, GREEN))
    newly = seen(process, "newly", (3, 3, RED))
    gone = seen(process, "gone", (2, 2, BLUE), (3, 2, BLUE))
    assert names(process, otherwise) == ["Ann"]
    reembed(trying)
    before = rows(process.database)
    compared = shadow(trying)
    assert rows(process.database) == before
    assert told(process, compared) == [
        (otherwise, "named otherwise", 0, 3, "Ann", "Bob"),
        (otherwise, "named otherwise", 18, 18, "Ann", "Bob"),
        (newly, "newly named", 9, 9, None, "Ann"),
        (gone, "no longer named", 6, 9, "Bob", None),
    ]
    assert compared.changes[0] == Change(
        otherwise, Kind.OTHERWISE, Fraction(0), Fraction(3), *people(process), review=False, faces=2,
        face_id=compared.changes[0].face_id,
    )  # fmt: skip
    assert (compared.videos, compared.before, compared.after) == (4, Counts(7, 0, 1), Counts(6, 0, 2))
    assert same not in {change.video_id for change in compared.changes}
    assert compared.calibration is None
    assert compared.stretch is None


def people(process: WorkerProcess) -> tuple[int, int]:
    with process.database.reading() as session:
        return identities.get(session, "Ann").id, identities.get(session, "Bob").id


@SQLITE_ONLY
def test_only_a_part_of_an_appearance_changes(process: WorkerProcess, trying: WorkerProcess) -> None:
    # In force two people; by colour one, who is Ann.
    enrol(process, "Ann", 1, RED)
    video_id = seen(process, "film", (0, 1, RED), (1, 1, RED), (2, 3, RED), (3, 3, RED))
    reembed(trying)
    assert told(process, shadow(trying)) == [(video_id, "newly named", 6, 9, None, "Ann")]


@SQLITE_ONLY
def test_videos_that_are_not_whole_are_not_compared(process: WorkerProcess, trying: WorkerProcess) -> None:
    enrol(process, "Ann", 1, RED)
    seen(process, "whole", (0, 1, RED))
    part = seen(process, "part", (0, 1, RED), (1, 1, GREEN))
    with process.database.writing() as session:
        session.delete(session.query(FaceCrop).order_by(FaceCrop.face_id.desc()).first())
    reembed(trying)
    compared = shadow(trying)
    assert (compared.videos, compared.progress.videos, compared.progress.unusable) == (1, 2, 1)
    assert compared.changes == []
    # A video that nobody has embedded for the candidate is not there either.
    late = seen(process, "late", (0, 1, GREEN))
    compared = shadow(trying)
    assert (compared.videos, compared.progress.videos_done, compared.progress.videos) == (1, 2, 3)
    assert {part, late}.isdisjoint(change.video_id for change in compared.changes)


@SQLITE_ONLY
def test_a_gallery_is_not_asked_about_faces_of_another_space(process: WorkerProcess, trying: WorkerProcess) -> None:
    enrol(process, "Ann", 1, RED)
    video_id = seen(process, "film", (0, 1, RED))
    reembed(trying)
    with trying.database.reading() as session:
        used = process.engine.space.name, trying.settings.candidate.space_name
        here, there = (spaces.find(session, name) for name in used)
        assert here is not None
        assert there is not None
        gallery = process.gallery(session, here)
        with pytest.raises(ValueError, match="a gallery of dlib"):
            cast_in(trying, session, there, gallery, video_id)


@SQLITE_ONLY
def test_the_candidates_gallery_is_calibrated_with_its_own_unknown_people(
    process: WorkerProcess, trying: WorkerProcess
) -> None:
    space = EmbeddingSpace("other", 128, "0" * 64)
    enrolled = add_crowd(process, space, PEOPLE, UNKNOWN)
    with trying.database.reading() as session:
        row = spaces.find(session, space.name)
        assert row is not None
        gallery, calibration = candidate_gallery(trying, session, row, reembedded.enrolled(session, row))
    assert calibration is not None
    assert (calibration.identities, calibration.unknown) == (PEOPLE, UNKNOWN)
    right = gallery.verdicts(enrolled + np.float32(0.001), trying.uncalibrated)
    assert {verdict.decision for verdict in right} == {Decision.NAMED}
    never_seen = np.random.default_rng(7).normal(0, 0.05, (300, 128)).astype(np.float32)
    wrong = [verdict.decision for verdict in gallery.verdicts(never_seen, trying.uncalibrated)]
    assert wrong.count(Decision.NAMED) < 0.06 * len(wrong)
    assert gallery.rule(trying.uncalibrated) == calibration.rule


def test_the_command_tells_it_as_a_table_and_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    candidate = colours_candidate(tmp_path)
    monkeypatch.setenv("ROLLCALL_HOME", str(tmp_path))
    for name, value in candidate.model_dump().items():
        monkeypatch.setenv(f"ROLLCALL_CANDIDATE__{name.upper()}", str(value))
    load_settings.cache_clear()
    runner = CliRunner()
    try:
        assert f"{candidate.space_name}: 0 of 0 videos" in runner.invoke(app, ["reembed"]).stdout
        process = WorkerProcess(load_settings())
        enrol(process, "Ann", 1, RED)
        seen(process, "[<film>]", (3, 3, RED))
        process.database.close()
        assert "0 of 1 videos and 0 of 1 photographs" in runner.invoke(app, ["status"]).stdout
        assert "1 of 1 videos and 1 of 1 photographs" in runner.invoke(app, ["reembed"]).stdout
        status = json.loads(runner.invoke(app, ["status", "--json"]).stdout)
        assert status["candidate"]["space"] == candidate.space_name
        assert (status["candidate"]["videos_done"], status["candidate"]["photographs_done"]) == (1, 1)
        shown = runner.invoke(app, ["shadow"]).stdout
        assert "newly named" in shown
        assert "[<film>]" in shown
        assert "faces     named 0 → 1, to be reviewed 0 → 0, unknown 1 → 0" in shown
        page = tmp_path / "page.html"
        document = json.loads(runner.invoke(app, ["shadow", "--json", "--page", str(page)]).stdout)
        written = page.read_text(encoding="utf-8")
        assert page.stat().st_mode & 0o077 == 0
        # The face in question, and a photograph of whom it is said to show.
        assert written.count('src="data:image/jpeg;base64,') == 2
        assert "&lt;film&gt;" in written
        assert "<film>" not in written
        assert runner.invoke(app, ["shadow", "--page", str(tmp_path / "nowhere" / "page.html")]).exit_code == 2
        assert document["schema"] == "rollcall.shadow/1"
        assert document["changes"] == [
            {
                "video": 1, "title": "[<film>]", "change": "newly named", "start": 9.0, "end": 9.0, "before": None,
                "after": "Ann", "to_be_reviewed": False, "faces": 1,
            }
        ]  # fmt: skip
    finally:
        load_settings.cache_clear()
