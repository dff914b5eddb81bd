"""What was measured, for people."""

from collections.abc import Sequence
from typing import Any

from bench.machine import Peak
from bench.measure import Agreement, Case, Result, Spread


def table(case: Case[Any], results: Sequence[Result], peak: Peak) -> str:
    """One case: a line per contender, with what the numbers mean above and below."""
    rows = [_heads(case), *(_row(case, result, peak) for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  " + "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    title = f"\n{case.name}: {case.inputs}; processor time for one {case.work}"
    return "\n".join([title, *(line.rstrip() for line in lines), *_notes(case, peak)])


def hours_per_core_hour(seconds: float) -> float:
    """Hours of video per core-hour, from the seconds that one hour of video takes."""
    return 3600 / seconds


def times_the_floor(case: Case[Any], result: Result, peak: Peak) -> float | None:
    """How many times as long a unit took as its operations would at the machine's peak; None where that says nothing.

    Below 1 is possible for whoever leaves out work, or does it in another arithmetic than float32.
    """
    if not case.operations or result.agreement is None:
        return None
    return result.seconds.median * peak.gflops * 1e9 / case.operations


def _heads(case: Case[Any]) -> list[str]:
    heads = ["", "median (least to largest)", "times as fast", "same results"]
    if case.operations:
        heads.append("× the floor")
    if case.hours:
        heads.append("hours of video per core-hour")
    return heads


def _row(case: Case[Any], result: Result, peak: Peak) -> list[str]:
    agreement = case.others[result.contender] if result.agreement is None else in_words(result.agreement)
    cells = [result.contender, _times(result.seconds), _ratios(result.ratio), agreement]
    if case.operations:
        floor = times_the_floor(case, result, peak)
        cells.append("" if floor is None else f"{floor:.1f}")
    if case.hours:
        cells.append(f"{hours_per_core_hour(result.seconds.median):.3g}")
    return cells


def _notes(case: Case[Any], peak: Peak) -> list[str]:
    notes = []
    if case.operations:
        floor = case.operations / (peak.gflops * 1e9)
        notes.append(
            f"  the network does {case.operations / 1e9:.3g} thousand million operations for one {case.work}, "
            f"at the measured peak {_time(floor)}: the floor"
        )
    if case.missing:
        notes.append(f"  {case.missing}")
    return notes


def in_words(agreement: Agreement) -> str:
    """The numbers of an agreement with their names."""
    return ", ".join(f"{name} {value:.3g}" for name, value in agreement.items())


def _times(spread: Spread) -> str:
    unit, factor = _unit(spread.median)
    return f"{spread.median * factor:.1f} {unit} ({spread.least * factor:.1f} to {spread.largest * factor:.1f})"


def _ratios(spread: Spread) -> str:
    return f"{spread.median:.2f} ({spread.least:.2f} to {spread.largest:.2f})"


def _time(seconds: float) -> str:
    unit, factor = _unit(seconds)
    return f"{seconds * factor:.1f} {unit}"


def _unit(seconds: float) -> tuple[str, int]:
    return ("ms", 1000) if seconds < 1 else ("s", 1)
