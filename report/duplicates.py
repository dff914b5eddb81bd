"""Near-duplicate videos: which stretches of which videos show the same frames.

Hashes propose, small pictures confirm, and frames that line up make a stretch (docs/decisions/0011-repeats.md). What
the ledger keeps is compared: no video is opened.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

import numpy as np

from config.settings import RepeatSettings
from db import frames, videos
from db.frames import Fingerprints
from db.schema import Video
from db.session import Database, Session
from models import frame_likeness
from models.overlaps import LEAST_FRAMES, Overlap, overlaps

_TELLING: Final = 500
"""A frame that is like more frames of the archive is a slate or a logo: it tells nothing of two videos."""
_LARGEST_GAP: Final = 10
"""Samples without a shared frame that end a stretch."""
_JITTER: Final = 0.1
"""Seconds: encoders round the times of frames."""

_Pairs = list[tuple[int, int]]
"""Places of a video's frames among its fingerprints, and ids of frames of another video."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A stretch of one video that another one shows, too."""

    first: Video
    second: Video
    overlap: Overlap


def duplicates(database: Database, video: Video, limits: RepeatSettings, *, earlier: bool = False) -> list[Duplicate]:
    """Stretches of a video that others show, too, the longest first.

    Args:
        database: the ledger.
        video: whose frames are looked for.
        limits: how far hashes and pictures of the same frame may differ.
        earlier: only in videos that were submitted before it: so each pair of all videos is found once.
    """
    with database.reading() as session:
        seen = frames.of_video(session, video.id)
        places, proposed = _proposed(session, video.id, seen, limits.radius, earlier=earlier)
        found = [
            Duplicate(video, other, overlap)
            for other_id, pairs in sorted(proposed.items())
            if len({place for place, _ in pairs}) >= LEAST_FRAMES
            for other in [videos.get(session, other_id)]
            for overlap in _overlaps(video, other, seen, places, _confirmed(session, seen, pairs, limits))
        ]
    return sorted(found, key=lambda each: -each.overlap.frames)


def _proposed(
    session: Session, video_id: int, seen: Fingerprints, radius: int, *, earlier: bool
) -> tuple[dict[int, float], dict[int, _Pairs]]:
    """Times of frames of other videos by their ids, and the pairs of near hashes by the other video's id."""
    near = frames.near(session, seen.hashes, radius)
    times: dict[int, float] = {}
    proposed: dict[int, _Pairs] = defaultdict(list)
    telling = np.bincount(near.asked, minlength=len(seen.ids)) <= _TELLING
    chosen = telling[near.asked]
    places = frames.places(session, np.unique(near.frame_ids[chosen]).tolist())
    for place, frame_id in zip(near.asked[chosen].tolist(), near.frame_ids[chosen].tolist(), strict=True):
        other_id, times[frame_id] = places[frame_id]
        if other_id != video_id and not (earlier and other_id > video_id):
            proposed[other_id].append((place, frame_id))
    return times, proposed


def _confirmed(session: Session, seen: Fingerprints, pairs: _Pairs, limits: RepeatSettings) -> _Pairs:
    """The pairs whose pictures show the same."""
    ids = {frame_id for _, frame_id in pairs} | {int(seen.ids[place]) for place, _ in pairs}
    decoded = {frame_id: frame_likeness.decoded(png) for frame_id, png in frames.pictures(session, sorted(ids)).items()}
    return [
        (place, frame_id)
        for place, frame_id in pairs
        if frame_likeness.is_same(decoded[int(seen.ids[place])], decoded[frame_id], limits.frame_difference)
    ]


def _overlaps(video: Video, other: Video, seen: Fingerprints, times: dict[int, float], pairs: _Pairs) -> list[Overlap]:
    tolerance = ((video.tolerance_ms or 0) + (other.tolerance_ms or 0)) / 1000
    interval = max(video.interval_ms or 0, other.interval_ms or 0) / 1000
    return overlaps(
        np.array([seen.times[place] for place, _ in pairs]),
        np.array([times[frame_id] for _, frame_id in pairs]),
        2 * tolerance + _JITTER,
        _LARGEST_GAP * interval,
    )
