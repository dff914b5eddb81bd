"""The account of a video's samples: what was looked at, what was skipped and why, what nobody looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from db.schema import SampleOutcome, SampleRun, Segment
from db.states import GIVEN_UP, SegmentState
from report.model import Coverage, Refill, Stretch

UNACCOUNTED = "unaccounted"
"""Cause of samples that were planned, but of which the ledger tells nothing although their segment is done."""


def coverage(
    segments: Sequence[Segment],
    runs: Mapping[int, Sequence[SampleRun]],
    interval: Fraction,
    length: Fraction,
    *,
    refilling: bool = False,
) -> Coverage:
    """Join the runs of all segments; what a segment planned but did not account for was not looked at.

    Args:
        segments: of one video, by first sample.
        runs: of each segment by its id, by first sample.
        interval: seconds between two samples.
        length: seconds at which the last stretch ends at the latest.
        refilling: whether what was left out is looked at now.
    """
    joined: list[Stretch] = []
    for segment in segments:
        for piece in _pieces(segment, runs.get(segment.id, ()), interval, length):
            if joined and _alike(joined[-1], piece):
                last = joined[-1]
                joined[-1] = replace(last, end_sample=piece.end_sample, end=piece.end, last_pts=piece.last_pts)
            else:
                joined.append(piece)
    return Coverage(tuple(joined), _refill(segments, joined, refilling=refilling))


def _refill(segments: Sequence[Segment], stretches: Sequence[Stretch], *, refilling: bool) -> Refill | None:
    if refilling:
        return Refill.UNDER_WAY
    if all(stretch.stride == 1 for stretch in stretches):
        return None
    return Refill.TO_COME if any(segment.stride > 1 for segment in segments) else Refill.GIVEN_UP


def _pieces(segment: Segment, runs: Sequence[SampleRun], interval: Fraction, length: Fraction) -> list[Stretch]:
    pieces, at = [], segment.first_sample
    for run in runs:
        if run.first_sample > at:
            pieces.append(_missing(segment, at, run.first_sample, interval, length))
        lost = run.outcome == SampleOutcome.UNDECODABLE
        pieces.append(
            _stretch(
                SampleOutcome(run.outcome),
                (run.first_sample, run.end_sample),
                (run.first_pts, run.last_pts),
                _told(segment) if lost else _kept_out(segment, run),
                interval,
                length,
                run.stride,
            )
        )
        at = run.end_sample
    end = _planned_end(segment, at, interval, length)
    if end > at:
        pieces.append(_missing(segment, at, end, interval, length))
    return pieces


def _planned_end(segment: Segment, at: int, interval: Fraction, length: Fraction) -> int:
    """First sample that the segment did not plan; of one with an open end that failed, at least its first is lost."""
    if segment.end_sample is not None:
        return segment.end_sample
    if segment.state not in GIVEN_UP:
        return at
    return max(at, segment.first_sample + 1, -(-length // interval))


def _missing(segment: Segment, first: int, end: int, interval: Fraction, length: Fraction) -> Stretch:
    cause, detail = _told(segment)
    told = (cause or UNACCOUNTED, detail)
    return _stretch(SampleOutcome.UNDECODABLE, (first, end), (None, None), told, interval, length)


def _told(segment: Segment) -> tuple[str | None, str | None]:
    """Why the segment failed. What an earlier try of one that is done left behind is nobody's business."""
    return (segment.cause, segment.detail) if segment.state in GIVEN_UP else (None, None)


def _kept_out(segment: Segment, run: SampleRun) -> tuple[str | None, str | None]:
    """Why what was left out could not be looked at later."""
    given_up = run.stride > 1 and segment.stride == 1 and segment.state == SegmentState.DONE
    return (segment.cause, segment.detail) if given_up else (None, None)


def _stretch(
    outcome: SampleOutcome,
    samples: tuple[int, int],
    pts: tuple[int | None, int | None],
    told: tuple[str | None, str | None],
    interval: Fraction,
    length: Fraction,
    stride: int = 1,
) -> Stretch:
    first, end = samples
    start = first * interval
    return Stretch(
        outcome=outcome,
        first_sample=first,
        end_sample=end,
        stride=stride,
        start=start,
        end=max(start, min(end * interval, length)),
        first_pts=pts[0],
        last_pts=pts[1],
        cause=told[0],
        detail=told[1],
    )


def _alike(one: Stretch, other: Stretch) -> bool:
    # With a stride the next stretch must begin where the first one's next sample would be.
    joined = one.end_sample == other.first_sample and (one.end_sample - one.first_sample) % one.stride == 0
    return joined and (one.outcome, one.stride, one.cause, one.detail) == (
        other.outcome,
        other.stride,
        other.cause,
        other.detail,
    )
