"""DET curves: detection error trade-off, both error rates on logarithmic axes as in FRTE's reports."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from config.files import writing_whole
from evaluation.folders import Row
from evaluation.limits import CURVE
from evaluation.verification import Verified

_COLOURS = ("#9aa3a8", "#0b6e66", "#c8641e", "#5b4a9b", "#1f77b4", "#b22a4b")
_LEAST_RATE = 1e-3


@dataclass(frozen=True, slots=True)
class Line:
    """A curve with its band: the error rate at each point of the horizontal axis, its least and largest over seeds."""

    label: str
    across: Sequence[float]
    middle: Sequence[float]
    least: Sequence[float]
    largest: Sequence[float]


@dataclass(frozen=True, slots=True)
class Panel:
    """Curves on common axes."""

    title: str
    lines: Sequence[Line]


def panels_of(rows: Sequence[Row]) -> list[Panel]:
    """A panel for each gallery size and number of photographs."""
    panels = []
    for gallery, photographs in dict.fromkeys((row.gallery, row.photographs) for row in rows):
        lines = [_line(row) for row in rows if (row.gallery, row.photographs) == (gallery, photographs)]
        enrolled = f"{gallery} people, {photographs} photograph{'' if photographs == 1 else 's'} each"
        panels.append(Panel(enrolled, lines))
    return panels


def _line(row: Row) -> Line:
    rates = np.array([row.fnir(fpir) for fpir in CURVE])
    middle, least, largest = rates.mean(axis=1).tolist(), rates.min(axis=1).tolist(), rates.max(axis=1).tolist()
    return Line(row.label, CURVE, middle, least, largest)


def panel_of(verified: Verified) -> Panel:
    """The curve of verification."""
    points = verified.comparisons.curve(CURVE)
    rates = [fnmr for _, fnmr, _ in points]
    return Panel("Pairs", [Line("distance", CURVE, rates, rates, rates)])


def draw(panels: Sequence[Panel], across: str, up: str, path: Path) -> None:
    """Draw panels side by side; the format follows the file's ending, e.g. `.png` or `.svg`.

    Args:
        panels: at least one.
        across: name of the horizontal axis.
        up: name of the vertical axis.
        path: the file to write.

    Raises:
        OSError: it cannot be written.
    """
    # Imported late: matplotlib takes a second, and only this needs it.
    from matplotlib.figure import Figure  # noqa: PLC0415  see above

    figure = Figure(figsize=(5.2 * len(panels), 4.6), layout="constrained")
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for colour, line in zip(_COLOURS * len(panel.lines), panel.lines, strict=False):
            axes.plot(line.across, np.maximum(line.middle, _LEAST_RATE), color=colour, label=line.label)
            low, high = np.maximum(line.least, _LEAST_RATE), np.maximum(line.largest, _LEAST_RATE)
            axes.fill_between(line.across, low, high, color=colour, alpha=0.15, linewidth=0)
        axes.set(xscale="log", yscale="log", title=panel.title, xlabel=across, ylabel=up, ylim=(_LEAST_RATE, 1))
        axes.grid(visible=True, which="both", linewidth=0.3)
        axes.legend(fontsize=8)
    with writing_whole(path) as file:
        figure.savefig(file, format=path.suffix.removeprefix("."), dpi=120)
