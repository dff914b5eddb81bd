"""Sightings of one person become stretches of time on camera."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Sighting:
    """One face of a person in one sampled frame.

    `first` and `last` are the presentation times, in seconds, of the first and the last sampled frame that show it;
    `last` is later than `first` where the frames of following samples had not changed, so that it was carried forward.
    """

    face: int
    sample: int
    first: Fraction
    last: Fraction
    quality: float


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time in which a person is on camera: seconds, the faces in order of time, and the best of them."""

    start: Fraction
    end: Fraction
    faces: tuple[int, ...]
    best: int


def appearances(sightings: Iterable[Sighting], largest_gap: Fraction) -> list[Stretch]:
    """Join the sightings of one person, however they are ordered, where no longer gap lies between them.

    Args:
        sightings: of one person in one video.
        largest_gap: seconds without a sighting that do not end a stretch.

    Returns:
        Disjoint stretches in order of time; between any two lie more than `largest_gap` seconds. The best face is the
        one of highest quality, the earliest of equals.

    Raises:
        ValueError: a sighting ends before it begins.
    """
    stretches: list[list[Sighting]] = []
    end = Fraction(0)
    for sighting in sorted(sightings, key=lambda seen: (seen.first, seen.sample, seen.face)):
        if sighting.last < sighting.first:
            raise ValueError(f"face {sighting.face} ends at {sighting.last} before it begins at {sighting.first}")
        if stretches and sighting.first - end <= largest_gap:
            stretches[-1].append(sighting)
            end = max(end, sighting.last)
        else:
            stretches.append([sighting])
            end = sighting.last
    return [_stretch(joined) for joined in stretches]


def _stretch(joined: list[Sighting]) -> Stretch:
    # max keeps the first of equals.
    best = max(joined, key=lambda seen: seen.quality)
    return Stretch(
        start=joined[0].first,
        end=max(seen.last for seen in joined),
        faces=tuple(seen.face for seen in joined),
        best=best.face,
    )
