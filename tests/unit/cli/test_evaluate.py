import json
import shutil
import stat
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from cli.main import app
from config.errors import BadPairs, ForeignEmbeddings, NotEnoughPeople

runner = CliRunner()


@pytest.fixture
def people(portraits: dict[str, Path], tmp_path: Path) -> Path:
    """Real portraits: three of one man, one of another, one of a woman; and a loose file that nobody's folder holds."""
    top = tmp_path / "people"
    for name, number in (("obama", 1), ("obama2", 2), ("obama3", 3), ("biden", 1), ("astronaut", 1)):
        person = name.rstrip("23")
        (top / person).mkdir(parents=True, exist_ok=True)
        shutil.copy(portraits[name], top / person / f"{person}_{number:04d}.jpg")
    shutil.copy(portraits["biden"], top / "loose.png")
    return top


@pytest.fixture
def many(tmp_path: Path) -> tuple[Path, Path]:
    """A folder of 80 people with two empty photographs each, and a file of their made-up faces."""
    generator = np.random.default_rng(1)
    top = tmp_path / "many"
    paths, rows = [], []
    for number in range(80):
        (top / f"person {number}").mkdir(parents=True)
        centre = generator.normal(size=128)
        for photograph in range(2):
            path = top / f"person {number}" / f"{photograph}.jpg"
            path.touch()
            paths.append(str(path))
            rows.append(centre + 0.5 * generator.normal(size=128))
    file = tmp_path / "many.npz"
    write(file, paths, np.array(rows, np.float32))
    return top, file


def write(file: Path, paths: list[str], embeddings: NDArray[np.float32]) -> None:
    count = len(paths)
    np.savez(
        file,
        allow_pickle=False,
        path=np.array(paths, np.str_),
        size=np.full((count, 2), 250, np.int32),
        box=np.tile(np.array([80, 80, 170, 170], np.int32), (count, 1)),
        quality=np.ones(count, np.float32),
        embedding=embeddings,
        space=np.array("made up"),
        detector=np.array("none"),
    )


@pytest.mark.usefixtures("home")
def test_real_portraits_are_searched_in_a_gallery(people: Path, tmp_path: Path) -> None:
    output, kept = tmp_path / "out.json", tmp_path / "faces.npz"
    arguments = ["evaluate", "folders", str(people), "--enrolled", "1", "--seeds", "2", "--cohort", "0"]
    result = runner.invoke(app, [*arguments, "--embeddings", str(kept), "--output", str(output)])
    assert result.exit_code == 0, result.output
    assert "5 faces of 3 people" in result.stdout
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    document = json.loads(output.read_text())
    (nearest,) = document["results"]
    assert nearest["rule"] == "nearest"  # one enrolled and no cohort: there is nothing to normalise by
    for seed in nearest["seeds"]:
        assert seed["mated"] == {"searches": 2, "people": 1}
        assert seed["non_mated"] == {"searches": 2, "people": 2}
        # The man is nearer to himself than the two others are: nobody is missed though no stranger is named.
        assert seed["at"][0]["fnir"]["value"] == 0
        assert seed["at"][0]["limit"] > 0.5
    # What was kept gives the same results without a look at the photographs.
    again = tmp_path / "again.json"
    for photograph in people.rglob("*.jpg"):
        photograph.write_bytes(b"")
    result = runner.invoke(app, [*arguments, "--embeddings", str(kept), "--output", str(again)])
    assert result.exit_code == 0, result.output
    assert again.read_text() == output.read_text()


@pytest.mark.usefixtures("home")
def test_real_portraits_are_compared_in_pairs(people: Path, tmp_path: Path) -> None:
    file = tmp_path / "pairs.txt"
    file.write_text(
        "2\t2\nobama\t1\t2\nobama\t1\t3\nobama\t1\tbiden\t1\nobama\t2\tastronaut\t1\n"
        "obama\t2\t3\nobama\t3\t1\nobama\t3\tbiden\t1\nbiden\t1\tastronaut\t1\n"
    )
    output, plot = tmp_path / "out.json", tmp_path / "det.svg"
    arguments = ["evaluate", "pairs", str(file), str(people), "--output", str(output), "--plot", str(plot)]
    result = runner.invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "accuracy 100.00% ± 0.00%" in result.stdout
    assert "FNMR 0.00% at FMR 0.1%" in result.stdout
    assert json.loads(output.read_text())["pairs"] == {"genuine": 4, "impostor": 4, "without_a_face": 0}
    assert "<svg" in plot.read_text()


@pytest.mark.usefixtures("home")
def test_galleries_photographs_and_cohorts_may_be_repeated(many: tuple[Path, Path], tmp_path: Path) -> None:
    top, file = many
    output, plot = tmp_path / "out.json", tmp_path / "det.png"
    sizes = ["--enrolled", "10", "--enrolled", "20", "--cohort", "0", "--cohort", "20", "--strangers", "30"]
    places = ["--embeddings", str(file), "--output", str(output), "--plot", str(plot)]
    result = runner.invoke(app, ["evaluate", "folders", str(top), *sizes, *places])
    assert result.exit_code == 0, result.output
    assert result.stdout.count("normalised") == 3  # 10 enrolled alone are no cohort for one of them
    found = json.loads(output.read_text())["results"]
    assert [(one["gallery"], one["rule"], one["cohort"]) for one in found] == [
        (10, "nearest", None), (10, "normalised", 20), (20, "nearest", None), (20, "normalised", 0),
        (20, "normalised", 20),
    ]  # fmt: skip
    assert plot.read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("home")
def test_a_photograph_that_cannot_be_read_is_told_and_left_out(people: Path) -> None:
    (people / "obama" / "obama_0004.jpg").write_text("no picture")
    arguments = ["evaluate", "folders", str(people), "--enrolled", "1", "--seeds", "1", "--cohort", "0"]
    result = runner.invoke(app, arguments)
    assert result.exit_code == 3
    assert "unreadable: " in result.stderr
    assert "5 faces of 3 people, 1 photograph without a face" in result.stdout


@pytest.mark.usefixtures("home")
def test_what_nothing_can_be_measured_on_is_refused(many: tuple[Path, Path], tmp_path: Path) -> None:
    top, file = many
    damaged = tmp_path / "damaged.npz"
    damaged.write_bytes(file.read_bytes()[:1000])
    pairs = tmp_path / "pairs.txt"
    pairs.write_text("2\t1\nA\t1\t2\nA\t1\tB\t1\nA\t1\t2\nA\t1\tB\t1\n")
    asked: list[tuple[list[str], type[Exception]]] = [
        (["folders", str(top), "--embeddings", str(file), "--enrolled", "81"], NotEnoughPeople),
        (["folders", str(top / "person 1"), "--embeddings", str(file)], NotEnoughPeople),
        (["folders", str(top), "--embeddings", str(damaged)], ForeignEmbeddings),
        (["pairs", str(pairs), str(top)], BadPairs),
    ]
    for arguments, error in asked:
        assert isinstance(runner.invoke(app, ["evaluate", *arguments]).exception, error)


@pytest.mark.usefixtures("home")
def test_a_place_that_cannot_be_written_is_told_before_the_work(many: tuple[Path, Path], tmp_path: Path) -> None:
    top, _ = many
    missing = str(tmp_path / "no" / "file.npz")
    for place in (["--output", missing], ["--embeddings", missing], ["--plot", str(tmp_path / "det.jpg")]):
        result = runner.invoke(app, ["evaluate", "folders", str(top), *place])
        assert result.exit_code == 2, result.output
