import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import update
from support import broadcast as scene
from typer.testing import CliRunner, Result

from cli.main import app
from config.errors import BadTruth
from db import gallery
from db.schema import Identity, Video
from db.session import Database
from models.faces import Box, Face, Quality

runner = CliRunner()

OBAMA, BIDEN, COLLINS = scene.PEOPLE
PEOPLE = [
    {"name": OBAMA, "start": 2, "end": 13.5},
    {"name": "joe biden", "start": "8.5", "end": "57/2"},
    {"name": OBAMA, "start": 40, "end": 45},
    {"name": "Zoe", "start": 52, "end": 60},
]


@pytest.fixture
def evening(ledger: Database) -> Database:
    """The broadcast, whose people are enrolled."""
    with ledger.writing() as session:
        scene.record(session)
        face = Face(Box(0, 0, 90, 90), 1.0, np.zeros((5, 2), np.float32), Quality(1, 1, 1), np.zeros(128, np.float32))
        for person in session.query(Identity):
            gallery.add(
                session, identity_id=person.id, space_id=1, photograph="a.jpg",
                photograph_hash=f"{person.id:064}", face=face,
            )  # fmt: skip
    return ledger


def evaluated(folder: Path, *videos: dict[str, Any], **truth: Any) -> Result:
    file = folder / "truth.json"
    file.write_text(json.dumps({"schema": "rollcall.truth/1", "videos": videos, **truth}))
    return runner.invoke(app, ["evaluate", "videos", str(file), "--output", str(folder / "out.json")])


def document(folder: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((folder / "out.json").read_text())
    return read


@pytest.mark.usefixtures("evening")
@pytest.mark.parametrize("which", [{"video": scene.TITLE}, {"video": "/uploads/evening.mp4"}, {"sha256": "3f" * 32}])
def test_a_video_is_found_by_title_path_or_content(tmp_path: Path, which: dict[str, str]) -> None:
    result = evaluated(tmp_path, {**which, "people": PEOPLE}, groups={"news": [OBAMA, "Zoe"]})
    assert result.exit_code == 0, result.output
    found = document(tmp_path)
    assert found["videos"] == [scene.TITLE]
    # Obama is seen from 3 to 12 s, from 24 to 33 s where he is not, and from 54 to 57 s where a stranger is.
    appearances = found["per_appearance"]
    assert (appearances["named"], appearances["right"]) == (4, 2)
    assert (appearances["on_camera"], appearances["found"]) == (3, 2)
    assert [(one["name"], one["whose"], one["people"]) for one in found["false_names"]["list"]] == [
        (OBAMA, "nobody", []),
        (OBAMA, "stranger", ["Zoe"]),
    ]
    assert [one["name"] for one in found["people"]] == [OBAMA, BIDEN, "Zoe"]
    assert "false names: 2, 119.09 an hour in 0.02 h; whose: stranger 1, nobody 1" in result.stdout
    assert "news: 1 false names" in result.stdout
    assert "no intervals: fewer than 10 videos (1) and people (2)" in result.stdout


@pytest.mark.usefixtures("evening")
def test_somebody_who_is_never_found_is_told(tmp_path: Path) -> None:
    result = evaluated(tmp_path, {"video": scene.TITLE, "people": [{"name": COLLINS, "start": 43, "end": 53}]})
    assert result.exit_code == 0, result.output
    assert f"never found: {COLLINS}" in result.stdout
    # The samples at 45, 48 and 51 s could not be decoded.
    assert document(tmp_path)["per_frame"]["seconds"]["not_looked_at"] == 9


def test_videos_that_cannot_be_compared_are_told_and_left_out(evening: Database, tmp_path: Path) -> None:
    with evening.writing() as session:
        session.add(
            Video(id=7, content_hash="0" * 64, byte_size=1, title="late.mp4", path="/late.mp4", state="running",
                  submitted_at=session.get_one(Video, 1).submitted_at)
        )  # fmt: skip
    others = [{"video": "lost.mp4"}, {"sha256": "1" * 64}, {"sha256": "0" * 64}]
    result = evaluated(tmp_path, *({**other, "people": []} for other in others), {"video": scene.TITLE, "people": []})
    assert result.exit_code == 3
    assert "not-found: lost.mp4" in result.stderr
    assert "not-finished: video 7 (late.mp4): is still running" in result.stderr
    found = document(tmp_path)
    assert [one["video"] for one in found["left_out"]] == ["lost.mp4", "1" * 64, "0" * 64]
    assert found["videos"] == [scene.TITLE]


@pytest.mark.usefixtures("evening")
def test_a_truth_that_contradicts_itself_or_the_ledger_is_refused(tmp_path: Path) -> None:
    video = {"video": scene.TITLE, "people": PEOPLE}
    late = {"video": scene.TITLE, "people": [{"name": OBAMA, "start": 100, "end": 110}]}
    for videos in ([video, {"sha256": "3f" * 32, "people": []}], [late], [{"video": "lost.mp4", "people": []}], []):
        assert isinstance(evaluated(tmp_path, *videos).exception, BadTruth)
        assert not (tmp_path / "out.json").exists()


def test_the_ledger_is_only_read(evening: Database, tmp_path: Path) -> None:
    with evening.writing() as session:
        session.execute(update(Video).values(matched_version=3))
    before = (tmp_path / "home" / "rollcall.db").read_bytes()
    assert evaluated(tmp_path, {"video": scene.TITLE, "people": PEOPLE}).exit_code == 0
    assert (tmp_path / "home" / "rollcall.db").read_bytes() == before


@pytest.mark.usefixtures("evening")
def test_a_place_that_cannot_be_written_is_told_before_the_work(tmp_path: Path) -> None:
    result = runner.invoke(app, ["evaluate", "videos", "no truth", "--output", str(tmp_path / "no" / "out.json")])
    assert result.exit_code == 2
    # However long the path is, and wherever the frame around the message breaks it.
    assert "isnofolder" in re.sub(r"[\s│]", "", result.output)
