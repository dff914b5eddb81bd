"""The people on the page: card, lane of the timeline and section of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from models.decision import Decision
from report.model import Appearance, Evidence, Person, VideoReport
from report.names import initials
from report.pictures import Album, pictures_each
from report.timecodes import amount, clock, span, whole
from report.timeline import Place, bars
from report.words import DECISIONS, Rules, chance, number_of, share

_FARTHEST = 1.0
"""Distance at which the bar of a candidate is full; farther ones are no longer compared by eye."""


@dataclass(frozen=True, slots=True)
class Portrait:
    """A picture of a face, or the letters that stand for it."""

    address: str | None
    letters: str


@dataclass(frozen=True, slots=True)
class Mark:
    """Something placed on the time axis: `mark` names its rule in the style sheet."""

    mark: str
    label: str
    target: str
    edge: str
    """`l` or `r` where a note beside it must not leave the page at that side, else empty."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One appearance in a person's section."""

    anchor: str
    portrait: Portrait | None
    span: str
    exact: str
    doubt: str | None
    """How far its borders may lie outside, where whole seconds on the page say too much."""
    faces: str


@dataclass(frozen=True, slots=True)
class Guess:
    """One candidate of a group: in words, and as a bar."""

    rank: str
    name: str | None
    distance: str
    mark: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What one group of faces said."""

    title: str
    guesses: tuple[Guess, ...]
    confidence: str | None
    """That the first guess is right."""
    margin: str | None
    """Where there is no confidence."""


@dataclass(frozen=True, slots=True)
class Someone:
    """A person's card, lane and section."""

    number: int
    label: str
    decision: str
    """`named`, `review`, `unknown` or `unrecognisable`."""
    said: str
    """The decision in words, and how sure it is."""
    portrait: Portrait
    total: str
    share: str
    summary: str
    bars: tuple[Mark, ...]
    findings: tuple[Finding, ...]
    shown: tuple[Sighting, ...]
    folded: tuple[Sighting, ...]


def people(report: VideoReport, rules: Rules) -> tuple[Someone, ...]:
    """Everybody in the report, in its order; the places of their bars go to the rules."""
    counts = [len(person.appearances) for person in report.people]
    each = pictures_each(counts)
    album = Album(len(counts) + sum(min(each, count) for count in counts))
    # Whoever samples several times a second wants to see which of them it was.
    exact = report.sampling is not None and report.sampling.interval < 1
    return tuple(
        _someone(number, person, report.length, rules, album, each, exact)
        for number, person in enumerate(report.people, start=1)
    )


def _someone(
    number: int, person: Person, length: Fraction, rules: Rules, album: Album, each: int, exact: bool
) -> Someone:
    seen = person.appearances
    sightings = [
        _sighting(f"p{number}a{index}", appearance, person.name, album if index <= each else None, exact)
        for index, appearance in enumerate(seen, start=1)
    ]
    return Someone(
        number=number,
        label=person.label,
        decision=person.decision.value,
        said=_said(person),
        portrait=Portrait(album.address(person.best_face.jpeg if person.best_face else None), initials(person.name)),
        total=amount(person.time_on_camera),
        share=share(person.time_on_camera, length),
        summary=f"{number_of(len(seen), 'appearance')} · {number_of(person.face_count, 'face')}",
        bars=_marks(number, seen, length, rules),
        findings=tuple(_finding(evidence, len(person.evidence), rules) for evidence in person.evidence),
        shown=tuple(sightings[:each]),
        folded=tuple(sightings[each:]),
    )


def _sighting(anchor: str, appearance: Appearance, name: str | None, album: Album | None, exact: bool) -> Sighting:
    jpeg = appearance.best_face.jpeg if appearance.best_face else None
    times = (appearance.start, appearance.end)
    return Sighting(
        anchor=anchor,
        portrait=Portrait(album.address(jpeg), initials(name)) if album else None,
        span=span(*(times if exact else map(whole, times))),
        exact=f"came {_either(appearance.earliest_start, appearance.start)}, "
        f"left {_either(appearance.end, appearance.latest_end)}",
        doubt=f"known to {amount(appearance.uncertainty)}" if appearance.uncertainty > 1 else None,
        faces=number_of(appearance.face_count, "face"),
    )


def _either(earlier: Fraction, later: Fraction) -> str:
    one, other = clock(earlier), clock(later)
    return f"at {one}" if one == other else f"between {one} and {other}"


def _marks(number: int, seen: Sequence[Appearance], length: Fraction, rules: Rules) -> tuple[Mark, ...]:
    marks = []
    for bar in bars(seen, length):
        many = f"{bar.count} appearances, " if bar.count > 1 else ""
        middle = bar.place.left + bar.place.width / 2
        marks.append(
            Mark(
                mark=rules.add("b", bar.place),
                label=f"{many}{span(bar.start, bar.end)} · {number_of(bar.face_count, 'face')}",
                target=f"p{number}a{bar.first + 1}",
                edge="l" if middle < 20 else "r" if middle > 80 else "",
            )
        )
    return tuple(marks)


def _finding(evidence: Evidence, groups: int, rules: Rules) -> Finding:
    ranked = (("First", evidence.first), ("Second", evidence.second))
    return Finding(
        title=f"Group {evidence.group}, {number_of(evidence.face_count, 'face')}" if groups > 1 else "",
        guesses=tuple(
            Guess(
                rank=rank,
                name=candidate.name,
                distance=f"{candidate.distance:.3f}",
                mark=rules.add("m", Place(0, round(100 * min(1.0, max(0.0, candidate.distance) / _FARTHEST), 1))),
            )
            for rank, candidate in ranked
            if candidate is not None
        ),
        confidence=chance(evidence.confidence),
        margin=None if evidence.margin is None or evidence.confidence is not None else f"{evidence.margin:.3f}",
    )


def _said(person: Person) -> str:
    if person.confirmed:
        return f"{DECISIONS[person.decision]} · confirmed"
    if rival := next((one.rival for one in person.evidence if one.rival), None):
        return f"{DECISIONS[person.decision]} · or {rival}?"
    sure = chance(person.confidence)
    # How unlikely an unknown person's nearest identity is, is nobody's question.
    if sure is None or person.decision == Decision.UNKNOWN:
        return DECISIONS[person.decision]
    return f"{DECISIONS[person.decision]} · {sure}"
