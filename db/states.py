"""Where videos, segments and arrivals stand, and which moves from state to state there are.

`MOVES` is the whole picture: docs/states.md is drawn from it, and a test lets the database watch that no other happens.
"""

from enum import StrEnum
from typing import Final


class VideoState(StrEnum):
    """Where a video stands. The last five are ends: exactly one of them is reached."""

    WAITING = "waiting"  # in the ledger, not cut into segments yet
    RUNNING = "running"  # its segments are worked on
    FINISHING = "finishing"  # all segments are done: faces become appearances
    DONE = "done"  # every sample accounted for, none missing
    PARTIAL = "partial"  # a report exists, but some samples could not be decoded
    FAILED = "failed"  # could not be worked on, and never could; `cause` says why
    QUARANTINED = "quarantined"  # could not be worked on as often as it was tried; `rollcall retry` tries again
    REJECTED = "rejected"  # is not a video; `cause` says why


WITH_NAMES = (VideoState.DONE, VideoState.PARTIAL)
"""Ends at which it is known who was seen."""

ENDED = (*WITH_NAMES, VideoState.FAILED, VideoState.QUARANTINED, VideoState.REJECTED)


VIDEO_OPEN = tuple(state for state in VideoState if state not in ENDED)


class SegmentState(StrEnum):
    """Where a segment stands. The last three are ends."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"  # for a reason that lies in the file
    QUARANTINED = "quarantined"  # its tries are used up


GIVEN_UP = (SegmentState.FAILED, SegmentState.QUARANTINED)
"""Ends of a segment that nobody has looked at."""

SEGMENT_ENDED = (SegmentState.DONE, *GIVEN_UP)
SEGMENT_OPEN = (SegmentState.WAITING, SegmentState.RUNNING)


class ArrivalState(StrEnum):
    """Where a file of a watched place stands. The last two are ends, until the file changes."""

    GROWING = "growing"  # seen, perhaps still being written
    WAITING = "waiting"  # whole: to be hashed, probed and submitted
    RUNNING = "running"  # somebody does so
    TAKEN = "taken"  # has its row among the videos
    REFUSED = "refused"  # could not be submitted; `cause` says why


NEW: Final = "new"
"""Where whatever is not in the ledger yet begins."""

Moves = dict[str, dict[str, str]]
"""From, to, why."""

VIDEO_MOVES: Final[Moves] = {
    NEW: {
        VideoState.WAITING: "is a video",
        VideoState.REJECTED: "is none",
        VideoState.QUARANTINED: "its decoder was lost on it",
    },
    VideoState.WAITING: {VideoState.RUNNING: "is cut into segments", VideoState.FAILED: "cannot be cut"},
    VideoState.RUNNING: {VideoState.FINISHING: "its last segment has ended"},
    VideoState.FINISHING: {
        VideoState.RUNNING: "borders are to be looked at",
        VideoState.DONE: "every sample was seen",
        VideoState.PARTIAL: "some could not be seen",
        VideoState.FAILED: "none could, for a reason that lies in the file",
        VideoState.QUARANTINED: "tries used up",
    },
    VideoState.DONE: {VideoState.RUNNING: "what was left out is to be looked at"},
    VideoState.PARTIAL: {VideoState.RUNNING: "tried again, or what was left out is to be looked at"},
    VideoState.FAILED: {VideoState.RUNNING: "tried again", VideoState.WAITING: "tried again"},
    VideoState.QUARANTINED: {
        VideoState.RUNNING: "tried again",
        VideoState.WAITING: "probed again: is a video",
        VideoState.REJECTED: "probed again: is none",
    },
}

SEGMENT_MOVES: Final[Moves] = {
    NEW: {SegmentState.WAITING: "planned"},
    SegmentState.WAITING: {
        SegmentState.RUNNING: "claimed",
        SegmentState.QUARANTINED: "tries used up",
        SegmentState.DONE: "tries used up, but it was scanned before",
    },
    SegmentState.RUNNING: {
        SegmentState.DONE: "recorded",
        SegmentState.WAITING: "a try failed",
        SegmentState.FAILED: "failed for a reason that lies in the file",
        SegmentState.QUARANTINED: "tries used up",
    },
    SegmentState.DONE: {SegmentState.WAITING: "borders, or what was left out, are to be looked at"},
    SegmentState.FAILED: {SegmentState.WAITING: "tried again"},
    SegmentState.QUARANTINED: {SegmentState.WAITING: "tried again"},
}

ARRIVAL_MOVES: Final[Moves] = {
    NEW: {ArrivalState.GROWING: "seen", ArrivalState.WAITING: "seen, and whole at once"},
    ArrivalState.GROWING: {ArrivalState.WAITING: "has not changed for a while"},
    ArrivalState.WAITING: {
        ArrivalState.RUNNING: "claimed",
        ArrivalState.REFUSED: "tries used up",
        ArrivalState.GROWING: "has changed",
    },
    ArrivalState.RUNNING: {
        ArrivalState.TAKEN: "submitted",
        ArrivalState.REFUSED: "cannot be submitted",
        ArrivalState.WAITING: "a try failed",
        ArrivalState.GROWING: "has changed",
    },
    ArrivalState.TAKEN: {
        ArrivalState.GROWING: "has changed",
        ArrivalState.WAITING: "has changed, and is whole at once",
    },
    ArrivalState.REFUSED: {
        ArrivalState.GROWING: "has changed",
        ArrivalState.WAITING: "tried again, or changed and whole",
    },
}
