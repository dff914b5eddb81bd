"""One labelled video beside what the ledger says of it.

*On camera* is who the truth says is there, *named* who the ledger says is. Only people who are enrolled can be found;
any name that the others, the *strangers*, are given is a false one. In unlabelled stretches nothing counts.

Per frame: at the frame of each planned sample, a name is right where its person is on camera. A sample weighs the
seconds that it stands for, so these are shares of time, as in the diarisation error rate (NIST, "Rich transcription
2009 evaluation plan"), borders without a collar.

Per appearance: an appearance is *right* where it has any instant in common with a presence of the same person, and a
presence is *found* where it has one in common with an appearance of the name: nobody was named in vain, nobody was
missed. A presence may be found in several pieces, and an appearance may bridge several presences; that is told by the
stricter rule, a temporal intersection over union of 0.5 or more (ActivityNet: Caba Heilbron et al., CVPR 2015; as
there, each presence serves one appearance). Presences of one person do not overlap, and appearances of one name do not,
so at 0.5 each has one partner at most, and that is the one with which it has the longest time in common.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from config.errors import BadTruth
from db.seen import SeenAppearance, SeenVideo
from evaluation.borders import BorderError
from evaluation.clustering import Table, contingency
from evaluation.truth import LabelledVideo, Presence, Stretch, joined

STRICT = Fraction(1, 2)
"""The intersection over union of the stricter rule."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What adds up over people and videos: seconds and appearances of people who are enrolled."""

    on_camera_seconds: float = 0.0
    named_seconds: float = 0.0
    right_seconds: float = 0.0
    blind_seconds: float = 0.0
    """On camera in samples of which no frame could be decoded."""
    presences: int = 0
    found: int = 0
    """Presences that have an appearance in common."""
    appearances: int = 0
    right: int = 0
    """Appearances that have a presence in common."""
    strict: int = 0
    """Pairs of both by the stricter rule."""

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))

    @property
    def false(self) -> int:
        """Appearances that have no presence in common."""
        return self.appearances - self.right


class Whose(StrEnum):
    """Whose face was given a false name, as far as the truth tells: who was on camera and not under their own name."""

    STRANGER = "stranger"
    ENROLLED = "enrolled"
    EITHER = "either"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class FalseName:
    """An appearance of somebody who is not there; `people` are the keys of those whose face it may have been."""

    video: str
    name: str
    start: Fraction
    end: Fraction
    whose: Whose
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """One video: tallies by key of the person, seconds on camera by key (strangers too), the faces' table."""

    video: str
    seconds: Fraction
    """Of the video, without its unlabelled stretches."""
    tallies: Mapping[str, Tally]
    borders: Sequence[BorderError]
    false_names: Sequence[FalseName]
    on_camera: Mapping[str, Fraction]
    faces: Table


def compare(labelled: LabelledVideo, seen: SeenVideo, enrolled: Collection[str]) -> Compared:
    """Compare a video with its truth.

    Args:
        labelled: the truth.
        seen: what the ledger says of the same video.
        enrolled: keys of all names of the gallery.

    Raises:
        BadTruth: a stretch of the truth starts after the video's end.
    """
    presences = labelled.presences()
    late = next((one for one in [*presences, *labelled.unlabelled] if one.start >= seen.length), None)
    if late is not None:
        what = f"starts at {float(late.start):g} s, and the video ends at {float(seen.length):g} s"
        raise BadTruth(f"{labelled.told}, {_subject(late)}", what, "is it the right video? correct the time")
    # The truth may say that somebody stays until the end without saying when that is.
    presences = [Presence(name=one.name, start=one.start, end=min(one.end, seen.length)) for one in presences]
    gaps = [Stretch(start=gap.start, end=min(gap.end, seen.length)) for gap in joined(labelled.unlabelled)]
    appearances = [one for one in seen.appearances if not any(_inside(one, gap) for gap in gaps)]
    return _Comparison(seen, presences, gaps, appearances, enrolled).compared()


def _subject(late: Stretch) -> str:
    return late.name if isinstance(late, Presence) else "an unlabelled stretch"


@dataclass(frozen=True, slots=True)
class _Comparison:
    seen: SeenVideo
    presences: Sequence[Presence]
    gaps: Sequence[Stretch]
    appearances: Sequence[SeenAppearance]
    enrolled: Collection[str]

    def compared(self) -> Compared:
        tallies = self._tallies()
        on_camera: dict[str, Fraction] = {}
        for one in self.presences:
            on_camera[one.key] = on_camera.get(one.key, Fraction(0)) + one.end - one.start
        return Compared(
            video=self.seen.title,
            seconds=self.seen.length - sum((gap.end - gap.start for gap in self.gaps), Fraction(0)),
            tallies=tallies,
            borders=[error for key in tallies for error in self._borders(key)],
            false_names=list(self._false_names()),
            on_camera=on_camera,
            faces=self._faces(),
        )

    def _of(self, key: str) -> tuple[list[Presence], list[SeenAppearance]]:
        return (
            [one for one in self.presences if one.key == key],
            [one for one in self.appearances if one.key == key],
        )

    def _tallies(self) -> dict[str, Tally]:
        """Of everybody who is enrolled and on camera, or named."""
        keys = dict.fromkeys([one.key for one in self.presences if one.key in self.enrolled])
        keys |= dict.fromkeys(one.key for one in self.appearances)
        times = [sample.time for sample in self.seen.samples]
        seconds = np.array([float(sample.seconds) for sample in self.seen.samples])
        for gap in self.gaps:
            seconds[bisect_left(times, gap.start) : bisect_left(times, gap.end)] = 0
        blind = np.array([not sample.looked_at for sample in self.seen.samples], bool)
        return {key: self._tally(key, times, seconds, blind) for key in keys}

    def _tally(
        self, key: str, times: Sequence[Fraction], seconds: NDArray[np.float64], blind: NDArray[np.bool_]
    ) -> Tally:
        presences, appearances = self._of(key)
        there, named = np.zeros(len(times), bool), np.zeros(len(times), bool)
        for one in presences:
            there[bisect_left(times, one.start) : bisect_left(times, one.end)] = True
        for seen in appearances:
            named[bisect_left(times, seen.start) : bisect_right(times, seen.end)] = True
        return Tally(
            on_camera_seconds=float(seconds[there].sum()),
            named_seconds=float(seconds[named].sum()),
            right_seconds=float(seconds[there & named].sum()),
            blind_seconds=float(seconds[there & ~named & blind].sum()),
            presences=len(presences),
            found=sum(any(_meet(one, seen) for seen in appearances) for one in presences),
            appearances=len(appearances),
            right=sum(any(_meet(one, seen) for one in presences) for seen in appearances),
            strict=sum(_overlap(one, seen) >= STRICT for one, seen in _partners(presences, appearances)),
        )

    def _borders(self, key: str) -> Iterator[BorderError]:
        """Of partners. Borders that are the video's own or an unlabelled stretch's are nobody's coming or going."""
        for one, seen in _partners(*self._of(key)):
            if one.start > 0 and all(one.start != gap.end for gap in self.gaps):
                yield BorderError("start", seen.start - one.start, seen.start_uncertainty)
            if one.end < self.seen.length and all(one.end != gap.start for gap in self.gaps):
                yield BorderError("end", seen.end - one.end, seen.end_uncertainty)

    def _false_names(self) -> Iterator[FalseName]:
        for seen in self.appearances:
            if any(one.key == seen.key and _meet(one, seen) for one in self.presences):
                continue
            there = [one for one in self.presences if _meet(one, seen)]
            # Whoever is named beside it has their own face.
            beside = {other.key for other in self.appearances if _at_once(seen, other)}
            people = tuple(dict.fromkeys(one.key for one in there if one.key not in beside))
            yield FalseName(self.seen.title, seen.name, seen.start, seen.end, self._whose(people), people)

    def _whose(self, people: Sequence[str]) -> Whose:
        kinds = {person in self.enrolled for person in people}
        if not kinds:
            return Whose.NOBODY
        if len(kinds) == 2:
            return Whose.EITHER
        return Whose.ENROLLED if kinds.pop() else Whose.STRANGER

    def _faces(self) -> Table:
        """The only face of a sample in which one person is on camera is that person's.

        Groups that are not recognisable say nothing of who is who.
        """
        faces = self.seen.faces
        times = [face.time for face in faces]
        _, inverse, counts = np.unique([face.sample for face in faces], return_inverse=True, return_counts=True)
        known = counts[inverse] == 1 if faces else np.zeros(0, bool)
        there, who = np.zeros(len(faces), np.int64), np.zeros(len(faces), np.int64)
        for number, one in enumerate(self.presences):
            stretch = slice(bisect_left(times, one.start), bisect_left(times, one.end))
            there[stretch] += 1
            who[stretch] = number
        for gap in self.gaps:
            known[bisect_left(times, gap.start) : bisect_left(times, gap.end)] = False
        groups = [(face, faces[face].group) for face in np.flatnonzero(known & (there == 1)).tolist()]
        chosen = [(face, group) for face, group in groups if group is not None]
        people = np.array([self.presences[who[face]].key for face, _ in chosen], np.str_)
        return contingency(people, np.array([group for _, group in chosen], np.int64))


def _inside(seen: SeenAppearance, gap: Stretch) -> bool:
    return gap.start <= seen.start and seen.end < gap.end


def _meet(one: Presence, seen: SeenAppearance) -> bool:
    """Whether they have an instant in common: who is seen in one frame only is seen."""
    return seen.start < one.end and one.start <= seen.end


def _at_once(one: SeenAppearance, other: SeenAppearance) -> bool:
    return one.start <= other.end and other.start <= one.end


def _common(one: Presence, seen: SeenAppearance) -> Fraction:
    return min(one.end, seen.end) - max(one.start, seen.start)


def _overlap(one: Presence, seen: SeenAppearance) -> Fraction:
    """Intersection over union."""
    return max(Fraction(0), _common(one, seen)) / (max(one.end, seen.end) - min(one.start, seen.start))


def _partners(
    presences: Sequence[Presence], appearances: Sequence[SeenAppearance]
) -> list[tuple[Presence, SeenAppearance]]:
    """One to one, of those that meet, the longest common time first; the earlier of equals."""
    pairs = sorted(
        (-_common(one, seen), i, j)
        for i, one in enumerate(presences)
        for j, seen in enumerate(appearances)
        if _meet(one, seen)
    )
    taken_presences, taken_appearances, found = set[int](), set[int](), []
    for _, i, j in pairs:
        if i not in taken_presences and j not in taken_appearances:
            taken_presences.add(i)
            taken_appearances.add(j)
            found.append((presences[i], appearances[j]))
    return found
