"""Cutting a video into segments of whole samples."""

from fractions import Fraction
from itertools import pairwise

from config.settings import Settings
from db import segments, videos
from db.session import Database


def sample_count(duration: Fraction, interval_ms: int) -> int:
    """How many sampling instants 0, interval, 2 × interval … lie before the end; at least one.

    Args:
        duration: seconds.
        interval_ms: milliseconds between two instants.
    """
    return max(1, -(-duration * 1000 // interval_ms))


def ranges(duration: Fraction | None, interval_ms: int, segment_seconds: float) -> list[tuple[int, int | None]]:
    """Segments [first, end) of samples, of about `segment_seconds` each and of even size.

    A video whose duration nothing tells is one segment with an open end.
    """
    if duration is None:
        return [(0, None)]
    samples = sample_count(duration, interval_ms)
    pieces = max(1, -(-samples * interval_ms // max(1, round(segment_seconds * 1000))))
    borders = [samples * piece // pieces for piece in range(pieces + 1)]
    return [(first, end) for first, end in pairwise(borders) if end > first]


def plan_video(database: Database, video_id: int, settings: Settings) -> list[int]:
    """Write the segments of a waiting video; their ids, or none if somebody has planned it before."""
    with database.writing() as session:
        facts = videos.facts(videos.get(session, video_id))
        cut = ranges(facts.duration, settings.interval_ms, settings.sampling.segment)
        return segments.plan(session, video_id, cut, settings.interval_ms, settings.tolerance_ms)
