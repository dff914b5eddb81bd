import json
import os
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from cli.main import app
from config.errors import BadName
from demo.material import Material

runner = CliRunner()


@pytest.fixture
def people(tmp_path: Path, portraits: dict[str, Path], material: Material) -> Path:
    """A folder per person as curators have them: one with a scene, one of nobody, and what lies about."""
    folder = tmp_path / "people"
    links = {
        "Barack_Obama/1.png": portraits["obama"],
        "Barack_Obama/2.png": portraits["obama2"],
        "Barack_Obama/10.png": material.coffee,
        "Joe Biden/a.png": portraits["biden"],
        "Joe Biden/older/b.png": portraits["obama3"],
        "Nobody/rocket.jpg": material.rocket,
    }
    for name, target in links.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(target)
    (folder / "Joe Biden" / "c.jpg").write_bytes(b"")
    (folder / "Joe Biden" / "notes.txt").write_text("")
    (folder / "Joe Biden" / ".DS_Store").write_text("")
    (folder / "Empty").mkdir()
    (folder / "loose.jpg").write_bytes(b"")
    return folder


@pytest.mark.usefixtures("home")
def test_a_folder_per_person_enrols_and_says_what_to_do_about_the_rest(people: Path) -> None:
    result = runner.invoke(app, ["enroll", "--from", str(people)])
    assert result.exit_code == 3, result.output
    table = [line.rstrip().split(maxsplit=2) for line in result.stdout.splitlines()]
    assert table[0] == ["outcome", "photographs", "what to do"]
    assert [(row[0], row[1]) for row in table[1:]] == [
        ("enrolled", "3"),
        ("no-face", "2"),
        ("nearer-to-another", "1"),
        ("unreadable", "1"),
    ]
    assert "--accept nearer-to-another" in table[3][2]
    assert f"no-face: {people}/Barack_Obama/10.png: no face of 60 pixels or more was found" in result.stderr
    assert f"unreadable: {people}/Joe Biden/c.jpg: is empty" in result.stderr
    assert f"nearer-to-another: {people}/Joe Biden/older/b.png: is nearer to Barack_Obama" in result.stderr
    assert "2 people have no enrolled photograph: Nobody, Empty" in result.stderr
    assert "1 photograph lies in no person's folder, so nobody was enrolled from there: loose.jpg" in result.stderr
    assert "left out, since their endings are no photograph's: 1 .txt" in result.stderr
    assert ".DS_Store" not in result.output


@pytest.mark.usefixtures("home")
def test_running_the_same_again_is_no_failure(people: Path) -> None:
    command = ["enroll", "Barack Obama", str(people / "Barack_Obama" / "1.png"), str(people / "Barack_Obama" / "2.png")]
    first = runner.invoke(app, command)
    assert first.exit_code == 0, first.output
    again = runner.invoke(app, command)
    assert again.exit_code == 0, again.output
    assert [line.split() for line in again.stdout.splitlines()[1:]] == [
        ["already", "enrolled", "2", "nothing", "to", "do"]
    ]


@pytest.mark.usefixtures("home")
def test_json_has_a_line_per_photograph_in_order(people: Path) -> None:
    result = runner.invoke(app, ["enroll", "--json", "Ann", str(people / "Barack_Obama")])
    assert result.exit_code == 3
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert [Path(line["photograph"]).name for line in told] == ["1.png", "2.png", "10.png"]
    assert [line["outcome"] for line in told] == ["enrolled", "enrolled", "no-face"]
    assert told[0] == {
        "photograph": str(people / "Barack_Obama" / "1.png"),
        "name": "Ann",
        "outcome": "enrolled",
        "repeated": False,
        "what": None,
        "remedy": None,
    }
    assert told[2]["what"]
    assert told[2]["remedy"]


@pytest.mark.usefixtures("home")
def test_a_curator_may_overrule_named_reasons_only(portraits: dict[str, Path]) -> None:
    assert runner.invoke(app, ["enroll", "Obama", str(portraits["obama"])]).exit_code == 0
    assert runner.invoke(app, ["enroll", "Biden", str(portraits["biden"])]).exit_code == 0
    twin = ["enroll", "Biden", str(portraits["obama2"])]
    assert runner.invoke(app, twin).exit_code == 3
    assert runner.invoke(app, [*twin, "--accept", "no-face"]).exit_code == 2
    assert runner.invoke(app, [*twin, "--accept", "nearer-to-another"]).exit_code == 0


@pytest.mark.usefixtures("home")
def test_a_photograph_with_an_odd_name_enrols(tmp_path: Path, portraits: dict[str, Path]) -> None:
    path = tmp_path / os.fsdecode(b"[bold]:smile:\xff\n.png")
    with Image.open(portraits["astronaut"]) as picture:
        picture.save(tmp_path / "plain.png")
    (tmp_path / "plain.png").rename(path)
    result = runner.invoke(app, ["enroll", "--json", "Ann", str(path)])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["photograph"].endswith("[bold]:smile:\\xff\n.png")


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    "arguments", [[], ["Ann"], ["--from", "/nowhere"], ["--from", ".", "Ann"], ["--engine", "other", "Ann", "a.jpg"]]
)
def test_a_command_line_that_is_off_is_told_and_does_nothing(arguments: list[str], home: Path) -> None:
    result = runner.invoke(app, ["enroll", *arguments])
    assert result.exit_code == 2
    assert result.stderr
    assert not home.exists()


@pytest.mark.usefixtures("home")
def test_a_folder_without_photographs_is_told(tmp_path: Path) -> None:
    (tmp_path / "people" / "Ann").mkdir(parents=True)
    assert runner.invoke(app, ["enroll", "--from", str(tmp_path / "people")]).exit_code == 2
    assert runner.invoke(app, ["enroll", "Ann", str(tmp_path / "people")]).exit_code == 2


@pytest.mark.usefixtures("home")
def test_a_name_that_cannot_be_kept_is_an_error_before_anything_is_read() -> None:
    result = runner.invoke(app, ["enroll", " ", "missing.jpg"])
    assert isinstance(result.exception, BadName)
