"""Cutting a video into segments of whole samples, small enough that the last ones leave no core idle for long.

Guided self-scheduling (Polychronopoulos and Kuck 1987): a segment is a fixed share of all work that is still to be done
by anybody, so that segments are large while there is much, and the last ones of the night small. Both ends are bounded:
a small segment pays more for being claimed, opened and recorded, a large one loses more when its worker dies.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from config.settings import Settings
from db import segments, videos
from db.session import Session

SMALLEST: Final = 10.0
"""Seconds of work of a segment. Claiming, opening and recording one takes about a fifth of a second."""
_ROUNDS: Final = 4
"""Segments that each process would get, were all left of the work cut as the next one is."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What there is to know for cutting a video.

    `sample`: seconds of work of one sample. `after`: seconds of work in the queue behind the video. `processes`: that
    work on the queue. `largest`: seconds of work of a segment. `longest`: seconds of video of a segment.
    """

    sample: float
    after: float
    processes: int
    largest: float
    longest: float


def sample_count(duration: Fraction, interval_ms: int) -> int:
    """How many sampling instants 0, interval, 2 × interval … lie before the end; at least one.

    Args:
        duration: seconds.
        interval_ms: milliseconds between two instants.
    """
    return max(1, -(-duration * 1000 // interval_ms))


def ranges(duration: Fraction | None, interval_ms: int, pace: Pace) -> list[tuple[int, int | None]]:
    """Segments [first, end) of samples.

    A video whose duration nothing tells is one segment with an open end.
    """
    if duration is None:
        return [(0, None)]
    samples = sample_count(duration, interval_ms)
    most = max(1, int(pace.longest * 1000) // interval_ms)
    cut: list[tuple[int, int | None]] = []
    first = 0
    while first < samples:
        left = pace.after + (samples - first) * pace.sample
        work = min(max(left / (_ROUNDS * pace.processes), SMALLEST), pace.largest)
        count = min(max(1, round(work / pace.sample)), most, samples - first)
        # What would be left over is shared with the last one, unless that would be too long then.
        rest = samples - first - count
        if rest * 2 < count and count + rest <= most:
            count += rest
        cut.append((first, first + count))
        first += count
    return cut


def plan_video(session: Session, video_id: int, settings: Settings, pace: Pace) -> list[int]:
    """Write the segments of a waiting video; their ids, or none if somebody has planned it before.

    Raises:
        ValueError: its facts are none.
    """
    facts = videos.facts(videos.get(session, video_id))
    cut = ranges(facts.duration, settings.interval_ms, pace)
    return segments.plan(session, video_id, cut, settings.interval_ms, settings.tolerance_ms)
