"""The report as WebVTT (W3C Candidate Recommendation, 4 April 2019): a player shows the names of who is on camera.

Cues do not overlap: players place overlapping ones differently. Each cue lasts as long as the same people are on camera
and has one line per person. A person stays until the next frame that was looked at after the last sighting, or the
video's end. A comment says how exact that is.
"""

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from itertools import groupby

from report.model import VideoReport
from report.timecodes import decimal, milliseconds, timecode


def render(report: VideoReport) -> str:
    """The WebVTT text."""
    # The arrow would end a comment.
    note = f"NOTE Who is on camera in {_line(report.title)}. {_exactness(report)}Written by Rollcall."
    cues = (
        f"{timecode(Fraction(start, 1000))} --> {timecode(Fraction(end, 1000))}\n" + "\n".join(map(_payload, labels))
        for start, end, labels in _cues(report)
    )
    return "\n\n".join(["WEBVTT", note.replace("-->", "→"), *cues]) + "\n"


def _exactness(report: VideoReport) -> str:
    seconds = decimal(report.border_uncertainty)
    return f"People may have come up to {seconds:g} s earlier, or left as much earlier. " if seconds else ""


def _cues(report: VideoReport) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """Start and end in milliseconds, and who is on camera in between, in the report's order."""
    present: Counter[int] = Counter()
    begun = 0
    shown: tuple[str, ...] = ()
    for time, changes in groupby(sorted(_changes(report)), key=lambda change: change[0]):
        for _, number, change in changes:
            present[number] += change
        labels = tuple(report.people[number].label for number in sorted(+present))
        if labels != shown:
            if shown:
                yield begun, time, shown
            begun, shown = time, labels


def _changes(report: VideoReport) -> Iterator[tuple[int, int, int]]:
    """Millisecond, number of a person, +1 for one who comes and −1 for one who leaves."""
    for number, person in enumerate(report.people):
        for appearance in person.appearances:
            start = max(0, milliseconds(appearance.start))
            yield start, number, 1
            # Less than a millisecond may be left of the video; a cue must not be empty.
            yield max(start + 1, milliseconds(appearance.until)), number, -1


def _line(text: str) -> str:
    """One line: an empty one would end the cue."""
    return " ".join(text.replace("\0", "\ufffd").split())


def _payload(label: str) -> str:
    return _line(label).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
