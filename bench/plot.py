"""The plot of a run: ratios on a logarithmic axis, a bar per contender, its spread as a line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure


def draw(cases: Mapping[str, Any], path: Path) -> None:
    """Draw the results as `__main__` writes them to JSON."""
    mpl.use("Agg")
    rows = [(name, result) for name, case in cases.items() for result in case["results"]]
    figure = Figure(figsize=(8, 0.45 * len(rows) + 1.2), layout="constrained")
    axes = figure.subplots()
    labels = [f"{name}: {result['contender']}" for name, result in rows]
    middle = [result["ratio"]["median"] for _, result in rows]
    below = [result["ratio"]["median"] - result["ratio"]["least"] for _, result in rows]
    above = [result["ratio"]["largest"] - result["ratio"]["median"] for _, result in rows]
    colours = ["#0b6e66" if "Rollcall" in label else "#9aa3a8" for label in labels]
    axes.barh(labels, middle, xerr=[below, above], color=colours, ecolor="#333")
    axes.set_xscale("log")
    axes.invert_yaxis()
    axes.axvline(1, color="#333", linewidth=0.8)
    axes.set_xlabel("times as fast as the first of its case (processor time; line: least to largest round)")
    for position, value in enumerate(middle):
        axes.annotate(f" {value:.2g}×", (value, position), va="center", xytext=(6, 0), textcoords="offset points")
    figure.savefig(path, dpi=120)
