"""The demo's command: whole, with a wrong answer, with a command that fails, on a machine with settings of its own."""

import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from support.installation import Installation

from demo import __main__ as subject
from demo.film import Film

_RUN = "import sys; from pathlib import Path; from demo.__main__ import main; sys.exit(main(Path(sys.argv[1])))"


def report(film: Film) -> dict[str, Any]:
    """What the command would write if it saw everything at once."""
    people: dict[str, dict[str, Any]] = {}
    for each in film.truth:
        person = people.setdefault(each.person, {"label": each.person, "name": each.name, "appearances": []})
        person["appearances"].append({"start": each.start, "end": each.end})
    return {"sampling": {"interval": Fraction(3)}, "people": list(people.values())}


def evaluated(film: Film, folder: Path) -> dict[str, Any]:
    """What `rollcall evaluate videos` says of the demo's ledger."""
    people = [{"name": one.person, "start": str(one.start), "end": str(one.end)} for one in film.truth]
    truth = {"schema": "rollcall.truth/1", "videos": [{"video": "film.mp4", "people": people}]}
    (folder / "truth.json").write_text(json.dumps(truth))
    installation = Installation(folder / "home", {**os.environ, "ROLLCALL_HOME": str(folder / "home")})
    installation.run("evaluate", "videos", str(folder / "truth.json"), "--output", str(folder / "evaluated.json"))
    found: dict[str, Any] = json.loads((folder / "evaluated.json").read_text())
    return found


@pytest.mark.slow
def test_the_whole_demo_finds_everybody_and_nobody_else(film: Film, tmp_path: Path) -> None:
    command = [sys.executable, "-c", _RUN, str(tmp_path / "demo")]
    ended = subprocess.run(command, cwd=subject.REPOSITORY, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "All as it should be" in ended.stdout
    page = (tmp_path / "demo" / "report.html").read_text(encoding="utf-8")
    assert "Barack Obama" in page
    assert "Joe Biden" not in page
    found = evaluated(film, tmp_path / "demo")
    assert found["false_names"]["count"] == 0
    assert found["per_frame"]["precision"]["value"] == 1
    assert found["per_frame"]["recall"]["value"] > 0.9
    assert found["per_appearance"]["found"] == found["per_appearance"]["on_camera"] == 4
    assert found["borders"]["all"]["within_stated"] == 1
    assert [one["name"] for one in found["people"] if not one["enrolled"]] == ["Eileen Collins", "Joe Biden"]
    # At most two people are on camera at once, and three of the four are alone at some time.
    assert (found["grouping"]["people"], found["grouping"]["v_measure"]) == (3, 1)


def test_a_wrong_answer_is_told_and_is_the_exit_code(
    film: Film, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = report(film)
    monkeypatch.setattr(subject, "_run", lambda _: answer)
    assert subject.main(tmp_path / "demo") == 0
    capsys.readouterr()
    answer["people"][0]["name"] = answer["people"][0]["label"] = "Joe Biden"
    assert subject.main(tmp_path / "demo") == 1
    told = capsys.readouterr().out
    assert "Barack Obama was not found" in told
    assert "Joe Biden was found, and is not there" in told


def test_a_second_run_starts_from_a_clean_folder(film: Film, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "_run", lambda _: report(film))
    left = tmp_path / "demo" / "home" / "rollcall.db"
    left.parent.mkdir(parents=True)
    left.write_text("from the run before")
    assert subject.main(tmp_path / "demo") == 0
    assert not left.exists()
    people = {path.name: len(list(path.iterdir())) for path in (tmp_path / "demo" / "people").iterdir()}
    assert people == {name: len(paths) for name, paths in film.photographs.items()}


def test_a_command_that_fails_ends_the_demo(
    film: Film, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]  # noqa: ARG001
) -> None:  # fmt: skip
    def submit_nothing(folder: Path) -> dict[str, Any]:
        subject._command(folder, "report", "99")
        raise AssertionError("it went on")

    monkeypatch.setattr(subject, "_run", submit_nothing)
    assert subject.main(tmp_path / "demo") == 1
    assert "`rollcall report 99` ended with exit code 4" in capfd.readouterr().out.replace("\n", " ")


def test_settings_of_this_machine_do_not_reach_the_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ROLLCALL_DATABASE__URL", "postgresql://nobody@localhost:1/none")
    monkeypatch.setenv("ROLLCALL_SETTINGS", str(tmp_path / "none.toml"))
    subject._command(tmp_path, "identities")
    assert "Nobody is enrolled" in capfd.readouterr().out
    assert (tmp_path / "home" / "rollcall.db").is_file()
