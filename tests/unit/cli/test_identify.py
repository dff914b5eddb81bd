import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app

runner = CliRunner()


@pytest.fixture
def folder(home: Path, portraits: dict[str, Path], tmp_path: Path) -> Path:
    """A photograph of somebody enrolled, one of a stranger, one that is none, in a folder."""
    result = runner.invoke(app, ["enroll", "Barack Obama", str(portraits["obama"])])
    assert result.exit_code == 0, result.output
    assert home.is_dir()
    made = tmp_path / "asked"
    made.mkdir()
    (made / "1.png").symlink_to(portraits["obama3"])
    (made / "2.png").symlink_to(portraits["biden"])
    (made / "3.jpg").write_text("no picture")
    return made


def test_json_has_an_object_per_photograph_per_line_also_for_what_cannot_be_read(folder: Path) -> None:
    result = runner.invoke(app, ["identify", "--json", str(folder)])
    assert result.exit_code == 3
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert [Path(line["photograph"]).name for line in told] == ["1.png", "2.png", "3.jpg"]
    assert [[face["name"] for face in line.get("faces", [])] for line in told] == [["Barack Obama"], [None], []]
    assert [candidate["name"] for candidate in told[1]["faces"][0]["candidates"]] == ["Barack Obama"]
    assert told[2]["error"]["code"] == "unreadable"


def test_lines_for_people_name_or_do_not_name_each_face(folder: Path) -> None:
    result = runner.invoke(app, ["identify", str(folder)])
    assert result.exit_code == 3
    lines = result.stdout.splitlines()
    assert lines[0] == f"{folder}/1.png: 1 face"
    assert lines[1].startswith("  1  Barack Obama (")
    assert lines[3].startswith("  1  unknown (")
    assert "nearest: Barack Obama 0." in lines[3]
    assert f"unreadable: {folder}/3.jpg: is not a picture" in result.stderr


def test_all_is_well_where_every_photograph_was_read(folder: Path) -> None:
    assert runner.invoke(app, ["identify", str(folder / "1.png")]).exit_code == 0


@pytest.mark.usefixtures("home")
def test_an_empty_gallery_is_told(portraits: dict[str, Path]) -> None:
    result = runner.invoke(app, ["identify", str(portraits["biden"])])
    assert result.exit_code == 0
    assert "nobody is enrolled" in result.stderr
    assert "unknown (" in result.stdout


def test_an_embedding_space_that_nobody_is_enrolled_in_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from config.settings import load_settings

    monkeypatch.setenv("ROLLCALL_FACES__MIRROR", "false")
    load_settings.cache_clear()
    result = runner.invoke(app, ["identify", str(folder / "1.png")])
    assert "1 in dlib-resnet-v1/chip150-0.25/mirror; enrol their photographs again" in result.stderr
    assert "unknown (" in result.stdout


@pytest.mark.usefixtures("home")
def test_a_place_without_photographs_is_told(tmp_path: Path) -> None:
    assert runner.invoke(app, ["identify", str(tmp_path)]).exit_code == 2
