"""Parts of a video that were looked at less densely than planned, because the night was too short."""

from dataclasses import dataclass, replace
from fractions import Fraction

from report.model import Coverage, Stretch


@dataclass(frozen=True, slots=True)
class Coarse:
    """One such part, seconds: every which sample was looked at, how many were left out, why they could not be later."""

    start: Fraction
    end: Fraction
    stride: int
    left_out: int
    why: str | None


def coarse_parts(coverage: Coverage) -> list[Coarse]:
    """The parts in order of time, whatever was seen in them."""
    parts: list[Coarse] = []
    for stretch in coverage.stretches:
        if stretch.stride == 1:
            continue
        part = _part(stretch)
        last = parts[-1] if parts else None
        if last is not None and (last.end, last.stride, last.why) == (part.start, part.stride, part.why):
            parts[-1] = replace(last, end=part.end, left_out=last.left_out + part.left_out)
        else:
            parts.append(part)
    return parts


def _part(stretch: Stretch) -> Coarse:
    left_out = stretch.end_sample - stretch.first_sample - stretch.count
    return Coarse(stretch.start, stretch.end, stretch.stride, left_out, stretch.detail or stretch.cause)
