"""Truths and what the ledger says of a video, written down in a line."""

from collections.abc import Sequence
from fractions import Fraction

from db.identities import name_key
from db.seen import SeenAppearance, SeenFace, SeenSample, SeenVideo
from evaluation.truth import LabelledVideo, Presence, Stretch

Span = tuple[float | str, float | str]


def labelled(people: Sequence[tuple[str, *Span]], unlabelled: Sequence[Span] = ()) -> LabelledVideo:
    """A truth: (name, start, end) of people, (start, end) of unlabelled stretches."""
    return LabelledVideo(
        video="film.mp4",
        people=[Presence(name=name, start=Fraction(start), end=Fraction(end)) for name, start, end in people],
        unlabelled=[Stretch(start=Fraction(start), end=Fraction(end)) for start, end in unlabelled],
    )


def seen(
    appearances: Sequence[tuple[str, *Span]],
    *,
    length: int = 60,
    interval: int = 3,
    blind: Sequence[int] = (),
    faces: Sequence[tuple[int, int]] = (),
) -> SeenVideo:
    """A video with a sample each so many seconds, its borders uncertain by as much; faces are (sample, group)."""
    return SeenVideo(
        video_id=1,
        title="film.mp4",
        length=Fraction(length),
        samples=[
            SeenSample(Fraction(second), Fraction(min(interval, length - second)), second // interval not in blind)
            for second in range(0, length, interval)
        ],
        appearances=[
            SeenAppearance(name, name_key(name), Fraction(start), Fraction(end), Fraction(interval), Fraction(interval))
            for name, start, end in sorted(appearances, key=lambda one: Fraction(one[1]))
        ],
        faces=[SeenFace(sample, Fraction(sample * interval), group) for sample, group in faces],
    )
