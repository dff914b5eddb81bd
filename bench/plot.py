"""The plot of a run: ratios on a logarithmic axis, a bar per contender, its spread as a line."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from bench.measure import Result

_LABEL_WIDTH = 60
"""Characters."""


def draw(cases: Mapping[str, Sequence[Result]], path: Path) -> None:
    """Draw results by the names of their cases."""
    mpl.use("Agg")
    rows = [(name, result) for name, results in cases.items() for result in results]
    positions = _positions([len(results) for results in cases.values()])
    figure = Figure(figsize=(11, 0.42 * (len(rows) + len(cases)) + 1.2), layout="constrained")
    axes = figure.subplots()
    axes.set_xscale("log")
    middle = [result.ratio.median for _, result in rows]
    below = [result.ratio.median - result.ratio.least for _, result in rows]
    above = [result.ratio.largest - result.ratio.median for _, result in rows]
    colours = ["#0b6e66" if result.contender.startswith("Rollcall") else "#9aa3a8" for _, result in rows]
    # A logarithm has no zero to start from: a bar shows how far away from 1 its contender is.
    axes.barh(positions, [value - 1 for value in middle], left=1, color=colours)
    axes.errorbar(middle, positions, xerr=[below, above], fmt="|", color="#333")
    labels = [textwrap.fill(f"{name}: {result.contender}", _LABEL_WIDTH) for name, result in rows]
    axes.set_yticks(positions, labels, fontsize=8)
    axes.invert_yaxis()
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}×")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.axvline(1, color="#333", linewidth=0.8)
    axes.set_xlabel("times as fast as the first of its case (processor time; line: least to largest round)")
    axes.margins(x=0.1, y=0.02)
    for position, result in zip(positions, (result for _, result in rows), strict=True):
        place = max(1, result.ratio.largest), position
        axes.annotate(
            f"{result.ratio.median:.2g}×", place, va="center", xytext=(5, 0), textcoords="offset points", fontsize=8
        )
    figure.savefig(path, dpi=120)


def _positions(sizes: Sequence[int]) -> list[int]:
    """Rows of bars, with an empty one between two cases."""
    before = [sum(sizes[:case]) + case for case in range(len(sizes))]
    return [start + row for start, size in zip(before, sizes, strict=True) for row in range(size)]
