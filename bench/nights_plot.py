"""A picture of nights: backlog against the deadline, workers, and what was foretold."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from config.files import writing_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bench.nights import Result

_BACKLOG, _WORKERS, _FORETOLD, _DEADLINE = "#0b6e66", "#c8641e", "#5b4a9b", "#b22a4b"


def draw(results: "Sequence[Result]", path: Path) -> None:
    """One row for each night: backlog and workers on the left, how the forecast of its end moved on the right."""
    # Imported late: matplotlib takes a second.
    from matplotlib.figure import Figure  # noqa: PLC0415  see above

    figure = Figure(figsize=(13, 3.1 * len(results)), layout="constrained")
    axes = figure.subplots(len(results), 2, squeeze=False)
    for (left, right), result in zip(axes, results, strict=True):
        hours = [point.at / 3600 + 12 for point in result.points]
        left.plot(hours, [point.backlog for point in result.points], color=_BACKLOG, label="backlog, hours of video")
        left.axvline(result.deadline / 3600 + 12, color=_DEADLINE, linestyle="--", label="deadline")
        left.set_title(f"{result.scenario.name}: {result.late} of {result.videos} late", loc="left", fontsize=10)
        left.set_ylim(bottom=0)
        workers = left.twinx()
        workers.step(
            hours, [point.processes for point in result.points], color=_WORKERS, where="post", label="processes"
        )
        workers.plot(
            hours, [point.recommended for point in result.points], color=_WORKERS, linestyle=":", label="recommended"
        )
        workers.set_ylim(0, max(8, *(point.processes + 2 for point in result.points)))
        lines = [*left.get_lines(), *workers.get_lines()]
        left.legend(lines, [str(line.get_label()) for line in lines], fontsize=7, loc="upper right")
        _draw_forecasts(right, result, hours)
        for axis in (left, right):
            axis.set_xlabel("time of day, hours (24 is midnight)", fontsize=8)
            axis.tick_params(labelsize=8)
    with writing_whole(path) as file:
        figure.savefig(file, format="png", dpi=110)


def _draw_forecasts(axis: "Axes", result: "Result", hours: Sequence[float]) -> None:
    told = [(hour, point.foretold) for hour, point in zip(hours, result.points, strict=True) if point.foretold]
    at = [hour for hour, _ in told]
    for low, high, label, alpha in (("low_95", "high_95", "95 %", 0.15), ("low_80", "high_80", "80 %", 0.3)):
        lows, highs = ([_hours(getattr(span, side), result) for _, span in told] for side in (low, high))
        axis.fill_between(at, lows, highs, color=_FORETOLD, alpha=alpha, label=label)
    axis.plot(at, [_hours(span.median, result) for _, span in told], color=_FORETOLD, label="foretold end, median")
    axis.axhline(result.emptied / 3600 + 12, color=_BACKLOG, label="end")
    axis.axhline(result.deadline / 3600 + 12, color=_DEADLINE, linestyle="--", label="deadline")
    axis.legend(fontsize=7, loc="best")
    axis.set_title("what was foretold, and when", loc="left", fontsize=10)


def _hours(moment: datetime, result: "Result") -> float:
    """From the midnight before the night: 24 is the midnight in it."""
    return (moment - result.midnight).total_seconds() / 3600
