from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evaluation.folders import Protocol, measure, rows
from evaluation.labelled import LabelledFaces
from evaluation.plots import draw, panels_of


@pytest.mark.parametrize("ending", [".png", ".svg"])
def test_each_gallery_is_a_panel_and_each_rule_a_line(crowded: LabelledFaces, tmp_path: Path, ending: str) -> None:
    told: list[int] = []
    found = rows(measure(crowded, Protocol((30, 60), (1,), 2, 100, (50,)), told.append))
    panels = panels_of(found)
    assert [panel.title for panel in panels] == ["30 people, 1 photograph each", "60 people, 1 photograph each"]
    for panel in panels:
        assert [line.label for line in panel.lines] == ["nearest", "normalised, cohort 50"]
        for line in panel.lines:
            assert all(
                low <= middle <= high for low, middle, high in zip(line.least, line.middle, line.largest, strict=True)
            )
    path = tmp_path / f"det{ending}"
    draw(panels, "FPIR", "FNIR", path)
    if ending == ".png":
        with Image.open(path) as image:
            assert image.width > image.height > 300
            assert len(np.unique(np.asarray(image.convert("L")))) > 20
    else:
        assert "<svg" in path.read_text()
