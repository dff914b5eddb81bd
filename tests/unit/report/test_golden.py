"""The bytes that other programs read. `UPDATE_GOLDEN=1` writes them anew after a change that is meant."""

import os
from pathlib import Path

import pytest

from report.model import VideoReport
from report.output import Format, render

GOLDEN = Path(__file__).resolve().parents[2] / "golden"


@pytest.mark.parametrize("form", [Format.JSON, Format.CSV, Format.VTT])
def test_the_bytes_have_not_changed(broadcast: VideoReport, form: Format) -> None:
    path = GOLDEN / f"broadcast.{form}"
    made = render(broadcast, form)
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_bytes(made)
    assert made.decode() == path.read_bytes().decode()
