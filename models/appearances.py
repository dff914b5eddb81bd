"""Sightings of one person become stretches of time on camera."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Sighting:
    """One face of a person in one sample, or carried forward through several whose frames had not changed.

    `first_sample` and `last_sample` are their numbers, `first` and `last` the presentation times of their frames in
    seconds.
    """

    face: int
    quality: float
    first_sample: int
    last_sample: int
    first: Fraction
    last: Fraction


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time in which a person is on camera.

    Seconds of its first and last frame, the samples that these belong to, the faces in order of time, and the best of
    them.
    """

    start: Fraction
    end: Fraction
    first_sample: int
    last_sample: int
    faces: tuple[int, ...]
    best: int


def appearances(sightings: Iterable[Sighting], largest_gap: float) -> list[Stretch]:
    """Join the sightings of one person, however they are ordered, where no longer gap lies between them.

    Gaps are counted in samples and not in seconds: frames do not lie evenly, yet each stands for its interval.

    Args:
        sightings: of one person in one video; later samples have later frames, or the same.
        largest_gap: samples from one sighting to the next that do not end a stretch.

    Returns:
        Stretches in order of time; from one to the next are more than `largest_gap` samples. The best face is the one
        of highest quality, the earliest of equals.

    Raises:
        ValueError: a sighting ends before it begins.
    """
    stretches: list[list[Sighting]] = []
    reached = 0
    for sighting in sorted(sightings, key=lambda seen: (seen.first_sample, seen.first, seen.face)):
        if sighting.last < sighting.first or sighting.last_sample < sighting.first_sample:
            raise ValueError(f"face {sighting.face} ends at {sighting.last} before it begins at {sighting.first}")
        if stretches and sighting.first_sample - reached <= largest_gap:
            stretches[-1].append(sighting)
            reached = max(reached, sighting.last_sample)
        else:
            stretches.append([sighting])
            reached = sighting.last_sample
    return [_stretch(joined) for joined in stretches]


def _stretch(joined: list[Sighting]) -> Stretch:
    # max keeps the first of equals.
    best = max(joined, key=lambda seen: seen.quality)
    return Stretch(
        start=joined[0].first,
        end=max(seen.last for seen in joined),
        first_sample=joined[0].first_sample,
        last_sample=max(seen.last_sample for seen in joined),
        faces=tuple(seen.face for seen in joined),
        best=best.face,
    )
