"""Near-duplicate videos: which stretches of which videos show the same.

Frames of near hashes that line up in time make a stretch (docs/decisions/0011-repeats.md). The samples of a copy lie at
other instants, so few of its frames are the same to the pixel: a stretch is believed if pixels confirm three frames, or
if it goes through three scenes. What the ledger keeps is compared: no video is opened.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from config.sampling_settings import RepeatSettings
from db import frames, videos
from db.frames import Fingerprints
from db.schema import Video
from db.session import Database, Session
from models import frame_likeness
from models.overlaps import LEAST_FRAMES, Overlap, overlaps

_RADIUS: Final = 7
"""Bits. Frames of one scene some seconds apart differ by so few, those of different scenes by 20 and more."""
_TELLING: Final = 500
"""A frame that is like more frames of the archive is a slate or a logo: it tells nothing of two videos."""
_LARGEST_GAP: Final = 10
"""Samples without a shared frame that end a stretch."""
_JITTER: Final = 0.1
"""Seconds: encoders round the times of frames."""
_LEAST_SHARE: Final = 0.5
"""Of a stretch's frames, those that must be shared where pixels confirm too few."""
_OTHER_SCENE: Final = 16
"""Bits that scenes differ by at least."""

_Pairs = list[tuple[int, int]]
"""Places of a video's frames among its fingerprints, and ids of frames of another video."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A stretch of one video that another one shows, too. `confirmed`: of its frames, how many are the same."""

    first: Video
    second: Video
    overlap: Overlap
    confirmed: int


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
        times, proposed = _proposed(session, video.id, seen, earlier=earlier)
        found = [
            duplicate
            for other_id, pairs in sorted(proposed.items())
            if len({place for place, _ in pairs}) >= LEAST_FRAMES
            for duplicate in _Comparison(session, video, videos.get(session, other_id), seen, limits).of(pairs, times)
        ]
    return sorted(found, key=lambda each: -len(each.overlap.pairs))


def _proposed(
    session: Session, video_id: int, seen: Fingerprints, *, earlier: bool
) -> tuple[dict[int, float], dict[int, _Pairs]]:
    """Times of frames of other videos by their ids, and the pairs of near hashes by the other video's id."""
    near = frames.near(session, seen.hashes, _RADIUS)
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


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Of the frames of one video with those of another one."""

    session: Session
    video: Video
    other: Video
    seen: Fingerprints
    limits: RepeatSettings

    def of(self, pairs: _Pairs, times: dict[int, float]) -> Iterator[Duplicate]:
        """The stretches that pairs of near hashes tell."""
        tolerance = ((self.video.tolerance_ms or 0) + (self.other.tolerance_ms or 0)) / 1000
        interval = max(self.video.interval_ms or 0, self.other.interval_ms or 0) / 1000
        mine = np.array([self.seen.times[place] for place, _ in pairs])
        theirs = np.array([times[frame_id] for _, frame_id in pairs])
        for overlap in overlaps(mine, theirs, 2 * tolerance + _JITTER, _LARGEST_GAP * interval):
            told = [pairs[number] for number in overlap.pairs]
            confirmed = self._confirmed(told)
            if confirmed >= LEAST_FRAMES or (self._is_dense(overlap) and self._scenes(told) >= LEAST_FRAMES):
                yield Duplicate(self.video, self.other, overlap, confirmed)

    def _is_dense(self, overlap: Overlap) -> bool:
        times = self.seen.times
        between = int(((times >= overlap.first_start) & (times <= overlap.first_end)).sum())
        return len(overlap.pairs) >= _LEAST_SHARE * between

    def _scenes(self, pairs: _Pairs) -> int:
        """Scenes that the frames are of, at least."""
        scenes: list[int] = []
        for value in (int(self.seen.hashes[place]) for place, _ in pairs):
            if all((value ^ scene).bit_count() >= _OTHER_SCENE for scene in scenes):
                scenes.append(value)
        return len(scenes)

    def _confirmed(self, pairs: _Pairs) -> int:
        """How many of the pairs are of pictures that show the same."""
        ids = {frame_id for _, frame_id in pairs} | {int(self.seen.ids[place]) for place, _ in pairs}
        found = frames.pictures(self.session, sorted(ids))
        pictures = {frame_id: frame_likeness.decoded(png) for frame_id, png in found.items()}
        limit = self.limits.frame_difference
        return sum(
            frame_likeness.compare(pictures[int(self.seen.ids[place])], pictures[frame_id], limit).is_same
            for place, frame_id in pairs
        )
