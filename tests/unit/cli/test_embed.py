from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cli.main import app

runner = CliRunner()


@pytest.mark.usefixtures("home")
def test_faces_are_written_and_counted(portraits: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    output = tmp_path / "faces.npz"
    paths = [str(portraits["obama"]), str(tmp_path / "text.jpg"), str(portraits["biden"])]
    result = runner.invoke(app, ["embed", *paths, "--output", str(output)])
    assert result.exit_code == 3
    assert f"2 faces of 2 photographs in {output}" in result.stdout
    assert "unreadable: " in result.stderr
    with np.load(output, allow_pickle=False) as arrays:
        assert arrays["path"].tolist() == [paths[0], paths[2]]
        assert arrays["embedding"].shape == (2, 128)
        assert arrays["detector"].item() == "mmod/smallest60/pixels2073600"


@pytest.mark.usefixtures("home")
def test_another_engine_may_be_named(portraits: dict[str, Path], tmp_path: Path) -> None:
    output = tmp_path / "faces.npz"
    result = runner.invoke(app, ["embed", str(portraits["obama"]), "-o", str(output), "--engine", "dlib-cnn"])
    assert result.exit_code == 0, result.output
    with np.load(output, allow_pickle=False) as arrays:
        assert arrays["detector"].item() == "dlib-cnn/smallest60/pixels2073600"
        assert len(arrays["box"]) == 1


@pytest.mark.usefixtures("home")
def test_a_file_that_cannot_be_written_is_told_before_the_work(portraits: dict[str, Path], tmp_path: Path) -> None:
    result = runner.invoke(app, ["embed", str(portraits["obama"]), "-o", str(tmp_path / "missing" / "faces.npz")])
    assert result.exit_code == 2
    assert runner.invoke(app, ["embed", str(tmp_path), "-o", str(tmp_path / "faces.npz")]).exit_code == 2
    assert not (tmp_path / "faces.npz").exists()
