import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from config.errors import NameTaken, NotFound
from config.settings import load_settings
from db.schema import EnrolledFace
from db.session import open_database

runner = CliRunner()


@pytest.fixture
def enrolled(home: Path, portraits: dict[str, Path]) -> Path:
    """Two photographs of one man, one of another; the home folder."""
    for name, photographs in {"Barack Obama": ["obama", "obama2"], "joe biden": ["biden"]}.items():
        result = runner.invoke(app, ["enroll", name, *(str(portraits[one]) for one in photographs)])
        assert result.exit_code == 0, result.output
    return home


def said(*arguments: str, code: int = 0, answer: str = "") -> str:
    result = runner.invoke(app, ["identities", *arguments], input=answer)
    assert result.exit_code == code, result.output
    return result.stdout


def listed() -> dict[str, int]:
    return {line["name"]: line["photographs"] for line in map(json.loads, said("--json").splitlines())}


@pytest.mark.usefixtures("home")
def test_an_empty_ledger_says_how_to_enrol() -> None:
    assert "rollcall enroll" in said()
    assert said("--json") == ""


@pytest.mark.usefixtures("enrolled")
def test_identities_are_listed_by_name() -> None:
    lines = [line.split() for line in said().splitlines()]
    assert lines[0] == ["name", "photographs", "since"]
    assert [line[:3] for line in lines[1:]] == [["Barack", "Obama", "2"], ["joe", "biden", "1"]]
    assert listed() == {"Barack Obama": 2, "joe biden": 1}


@pytest.mark.usefixtures("enrolled")
def test_showing_somebody_tells_their_photographs(portraits: dict[str, Path]) -> None:
    told = json.loads(said("show", "barack  OBAMA", "--json"))
    assert told["name"] == "Barack Obama"
    assert [one["photograph"] for one in told["photographs"]] == [str(portraits["obama"]), str(portraits["obama2"])]
    first = told["photographs"][0]
    assert set(first) == {
        *("number", "photograph", "enrolled_at", "space", "box", "score", "quality", "to_rest"),
        *("nearest_other", "remarks"),
    }
    assert 0 < first["to_rest"] < 0.5
    assert first["nearest_other"]["name"] == "joe biden"
    text = said("show", "Barack Obama")
    assert "Barack Obama, 2 photographs" in text
    assert f"{first['number']}: {portraits['obama']}" in text


@pytest.mark.usefixtures("enrolled")
def test_checking_tells_which_photographs_call_for_a_look(portraits: dict[str, Path]) -> None:
    assert said("check").splitlines() == ["0 of 3 photographs call for a look"]
    assert said("check", "--json") == ""
    wrong = ["enroll", "joe biden", str(portraits["obama3"]), "--accept", "nearer-to-another"]
    assert runner.invoke(app, wrong).exit_code == 0
    told = [json.loads(line) for line in said("check", "--json").splitlines()]
    found = {line["photograph"]: (line["name"], line["remarks"]) for line in told}
    assert found[str(portraits["obama3"])] == ("joe biden", ["unlike the rest", "nearer to another"])
    assert "2 of 4 photographs call for a look" in said("check")


@pytest.mark.usefixtures("enrolled")
def test_renaming() -> None:
    assert "Barack Obama is now B. Obama" in said("rename", "barack obama", "B. Obama")
    assert listed() == {"B. Obama": 2, "joe biden": 1}
    result = runner.invoke(app, ["identities", "rename", "B. Obama", "Joe Biden"])
    assert isinstance(result.exception, NameTaken)
    result = runner.invoke(app, ["identities", "rename", "nobody", "Ann"])
    assert isinstance(result.exception, NotFound)


def files(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in home.iterdir() if path.name.startswith("rollcall.db"))


def vectors() -> dict[int, bytes]:
    database = open_database(load_settings())
    with database.reading() as session:
        found = {row.id: row.embedding for row in session.query(EnrolledFace)}
    database.close()
    return found


def test_removing_somebody_leaves_no_byte_of_their_vectors(enrolled: Path, portraits: dict[str, Path]) -> None:
    before = vectors()
    assert all(data in files(enrolled) for data in before.values())
    assert runner.invoke(app, ["identify", str(portraits["obama3"])]).exit_code == 0
    (shared,) = (enrolled / "galleries").iterdir()
    assert all(data in shared.read_bytes() for data in before.values())
    assert "erased Barack Obama and the vectors of 2 photographs" in said("remove", "barack obama", "--yes")
    after = vectors()
    assert len(after) == 1
    erased = [before[number] for number in before.keys() - after.keys()]
    content = files(enrolled)
    assert all(data in content for data in after.values())
    assert not any(data[start : start + 32] in content for data in erased for start in range(0, 512, 32))
    assert listed() == {"joe biden": 1}
    assert list((enrolled / "galleries").iterdir()) == []


def test_removing_one_photograph_keeps_the_others(enrolled: Path) -> None:
    before = vectors()
    first, second, _ = before
    assert "erased 1 of 2 photographs" in said("remove", "Barack Obama", "--photograph", str(first), "--yes")
    assert set(vectors()) == before.keys() - {first}
    assert before[first][:32] not in files(enrolled)
    result = runner.invoke(app, ["identities", "remove", "joe biden", "--photograph", str(second), "--yes"])
    assert isinstance(result.exception, NotFound)
    assert set(vectors()) == before.keys() - {first}


@pytest.mark.usefixtures("enrolled")
def test_removing_asks_first() -> None:
    said("remove", "joe biden", answer="n\n", code=3)
    said("remove", "joe biden", answer="", code=3)
    assert listed() == {"Barack Obama": 2, "joe biden": 1}
    said("remove", "joe biden", answer="y\n")
    assert listed() == {"Barack Obama": 2}


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("command", ["show", "remove"])
def test_who_is_not_enrolled_is_not_found(command: str) -> None:
    assert isinstance(runner.invoke(app, ["identities", command, "nobody"]).exception, NotFound)


@pytest.mark.usefixtures("enrolled")
def test_two_people_are_made_one() -> None:
    assert "nothing was changed" not in said("merge", "joe biden", "barack obama", answer="n\n", code=3)
    assert listed() == {"Barack Obama": 2, "joe biden": 1}
    told = said("merge", "joe biden", "barack obama", "--yes")
    assert told.strip() == "joe biden is Barack Obama now: 1 photograph, 0 places of videos"
    assert listed() == {"Barack Obama": 3}
    assert "both are Barack Obama" in runner.invoke(app, ["identities", "merge", "Barack Obama", "BARACK OBAMA"]).output
    assert isinstance(runner.invoke(app, ["identities", "merge", "nobody", "barack obama"]).exception, NotFound)
