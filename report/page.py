"""What the HTML page shows, worked out so that the template only has to place it."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from db.schema import Decision, SampleOutcome, VideoState
from report.model import Appearance, Evidence, Person, Stretch, VideoReport
from report.names import initials
from report.pictures import Album, pictures_each
from report.timecodes import amount, clock, span, ticks, whole
from report.timeline import Place, bars, lost, lost_places, place, strip

_CAST = 12
"""People shown at a glance; whoever was on camera longest comes first."""
_TICKS = 8
_LOST_LISTED = 20
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
class Tick:
    """A line of the time axis, and the label beside it."""

    line_mark: str
    label_mark: str
    label: str


@dataclass(frozen=True, slots=True)
class Sighting:
    """One appearance in a person's section."""

    anchor: str
    portrait: Portrait | None
    span: str
    exact: str
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
    margin: str | None


@dataclass(frozen=True, slots=True)
class Someone:
    """A person's card, lane and section."""

    number: int
    label: str
    named: bool
    portrait: Portrait
    total: str
    share: str
    summary: str
    bars: tuple[Mark, ...]
    findings: tuple[Finding, ...]
    shown: tuple[Sighting, ...]
    folded: tuple[Sighting, ...]


@dataclass(frozen=True, slots=True)
class Account:
    """One outcome of the coverage account."""

    outcome: str
    title: str
    meaning: str
    count: int
    share: str
    path: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """Everything that the template places. `rules` go to the style sheet: the policy allows no style in the text."""

    headline: str
    subline: str
    cast: tuple[Someone, ...]
    people: tuple[Someone, ...]
    ticks: tuple[Tick, ...]
    looked: str
    """Share of the planned samples that somebody or something looked at."""
    lost_marks: tuple[str, ...]
    lost_spans: tuple[str, ...]
    lost_more: int
    accounts: tuple[Account, ...]
    rules: str


_OUTCOMES = {
    SampleOutcome.ANALYSED: ("analysed", "faces were looked for"),
    SampleOutcome.CARRIED: ("unchanged", "like the frame before, whose faces still count"),
    SampleOutcome.FLAT: ("flat", "black or blank, nothing to see"),
    SampleOutcome.UNDECODABLE: ("not looked at", "could not be decoded, or the work failed"),
}


class _Rules:
    """Collects the places of marks as rules of the style sheet."""

    def __init__(self) -> None:
        self._rules: list[str] = []

    def add(self, kind: str, where: Place) -> str:
        """The mark's name."""
        mark = f"{kind}{len(self._rules)}"
        self._rules.append(f"#{mark}{{left:{where.left:g}%;width:{where.width:g}%}}")
        return mark

    def text(self) -> str:
        """All rules."""
        return "\n".join(self._rules)


def page(report: VideoReport) -> Page:
    """Work out the page of a report."""
    rules = _Rules()
    people = _people(report, rules)
    longest = sorted(zip(report.people, people, strict=True), key=lambda pair: -pair[0].time_on_camera)
    gone = lost(report.coverage)
    headline, subline = _headline(report)
    return Page(
        headline=headline,
        subline=subline,
        cast=tuple(someone for _, someone in longest[:_CAST]),
        people=people,
        ticks=_ticks(report.length, rules),
        looked=_share(report.coverage.planned - report.coverage.count(SampleOutcome.UNDECODABLE), report.coverage.planned),
        lost_marks=tuple(rules.add("g", where) for where in lost_places(report.coverage, report.length)),
        lost_spans=tuple(_lost_text(stretch) for stretch in gone[:_LOST_LISTED]),
        lost_more=len(gone[_LOST_LISTED:]),
        accounts=_accounts(report),
        rules=rules.text(),
    )


def _ticks(length: Fraction, rules: _Rules) -> tuple[Tick, ...]:
    placed = [(place(at, at, length), label) for at, label in ticks(length, _TICKS)]
    # A label needs room to the right of its line.
    return tuple(
        Tick(rules.add("k", where), rules.add("l", where), label if where.left < 95 else "") for where, label in placed
    )


def _headline(report: VideoReport) -> tuple[str, str]:
    if report.state == VideoState.REJECTED:
        return "Not known who was on camera", "The file is not a video that can be looked at."
    if report.state == VideoState.FAILED and not report.people:
        return "Not known who was on camera", "The video could not be worked on to its end."
    if not report.people:
        looked = report.coverage.planned - report.coverage.count(SampleOutcome.UNDECODABLE)
        return "Nobody was seen on camera", f"No face was found in {_number(looked, 'sample')} out of {report.coverage.planned}."
    named = sum(person.decision == Decision.NAMED for person in report.people)
    count = len(report.people)
    every = "all " if count > 1 else ""
    kinds = f"{every}named" if named == count else f"{every}unknown" if not named else f"{named} named, {count - named} unknown"
    anybody = _anybody(report.people)
    return "One person on camera" if count == 1 else f"{count} people on camera", (
        f"{kinds[0].upper()}{kinds[1:]} · somebody in view for {amount(anybody)} of {amount(report.length)}"
        f" ({_share(anybody, report.length)})"
    )


def _anybody(people: Sequence[Person]) -> Fraction:
    """Seconds in which at least one person was on camera."""
    total = reached = Fraction(0)
    for seen in sorted((a for person in people for a in person.appearances), key=lambda seen: seen.start):
        total += max(Fraction(0), seen.until - max(seen.start, reached))
        reached = max(reached, seen.until)
    return total


def _people(report: VideoReport, rules: _Rules) -> tuple[Someone, ...]:
    counts = [len(person.appearances) for person in report.people]
    each = pictures_each(counts)
    album = Album(len(counts) + sum(min(each, count) for count in counts))
    # Whoever samples several times a second wants to see which of them it was.
    exact = report.interval is not None and report.interval < 1
    return tuple(
        _someone(number, person, report.length, rules, album, each, exact)
        for number, person in enumerate(report.people, start=1)
    )


def _someone(
    number: int, person: Person, length: Fraction, rules: _Rules, album: Album, each: int, exact: bool
) -> Someone:
    seen = person.appearances
    sightings = [
        _sighting(f"p{number}a{index}", appearance, person.name, album if index <= each else None, exact)
        for index, appearance in enumerate(seen, start=1)
    ]
    return Someone(
        number=number,
        label=person.label,
        named=person.decision == Decision.NAMED,
        portrait=Portrait(album.address(person.best_face.jpeg if person.best_face else None), initials(person.name)),
        total=amount(person.time_on_camera),
        share=_share(person.time_on_camera, length),
        summary=f"{_number(len(seen), 'appearance')} · {_number(person.face_count, 'face')}",
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
        exact=span(*times),
        faces=_number(appearance.face_count, "face"),
    )


def _marks(number: int, seen: Sequence[Appearance], length: Fraction, rules: _Rules) -> tuple[Mark, ...]:
    marks = []
    for bar in bars(seen, length):
        many = f"{bar.count} appearances, " if bar.count > 1 else ""
        middle = bar.place.left + bar.place.width / 2
        marks.append(
            Mark(
                mark=rules.add("b", bar.place),
                label=f"{many}{span(bar.start, bar.end)} · {_number(bar.face_count, 'face')}",
                target=f"p{number}a{bar.first + 1}",
                edge="l" if middle < 20 else "r" if middle > 80 else "",
            )
        )
    return tuple(marks)


def _finding(evidence: Evidence, groups: int, rules: _Rules) -> Finding:
    ranked = (("Nearest", evidence.first), ("Second", evidence.second))
    return Finding(
        title=f"Group {evidence.group}, {_number(evidence.face_count, 'face')}" if groups > 1 else "",
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
        margin=None if evidence.margin is None else f"{evidence.margin:.3f}",
    )


def _accounts(report: VideoReport) -> tuple[Account, ...]:
    paths = strip(report.coverage, report.length)
    return tuple(
        Account(
            outcome=outcome.value,
            title=title,
            meaning=meaning,
            count=report.coverage.count(outcome),
            share=_share(report.coverage.count(outcome), report.coverage.planned),
            path=paths.get(outcome),
        )
        for outcome, (title, meaning) in _OUTCOMES.items()
    )


def _lost_text(stretch: Stretch) -> str:
    samples = _number(stretch.end_sample - stretch.first_sample, "sample")
    why = stretch.detail or stretch.cause or "could not be decoded"
    return f"{clock(stretch.start)} – {clock(stretch.end)} · {samples} · {why}"


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}".replace(",", " ")


def _share(part: Fraction | int, whole_: Fraction | int) -> str:
    """Per cent; what is there is never shown as nothing, what is missing never as all."""
    if not whole_:
        return "0 %"
    percent = 100 * part / whole_
    if 0 < percent < 1:
        return "<1 %"
    if 99 < percent < 100:
        return ">99 %"
    return f"{round(percent)} %"
