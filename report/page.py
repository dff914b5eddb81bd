"""What the HTML page shows, worked out so that the template only has to place it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from db.schema import SampleOutcome
from db.states import VideoState
from models.decision import Decision
from report.coarse import Coarse, coarse_parts
from report.model import Person, Refill, Stretch, VideoReport
from report.people import Someone
from report.people import people as everybody
from report.timecodes import amount, clock, ticks
from report.timeline import LEFT_OUT, lost, lost_places, place, strip
from report.words import DECISIONS, Rules, number_of, share

_CAST = 12
"""People shown at a glance; whoever was on camera longest comes first, who is not recognisable last."""
_TICKS = 8
_LOST_LISTED = 20


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the time axis, and the label beside it."""

    line_mark: str
    label_mark: str
    label: str


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
    coarse_spans: tuple[str, ...]
    coarse_more: int
    refill: str | None
    """What becomes of samples that were left out; None where none were."""
    accounts: tuple[Account, ...]
    rules: str


_OUTCOMES: dict[str, tuple[str, str]] = {
    SampleOutcome.ANALYSED: ("analysed", "faces were looked for"),
    SampleOutcome.CARRIED: ("unchanged", "like the frame before, whose faces still count"),
    SampleOutcome.FLAT: ("flat", "black or blank, nothing to see"),
    LEFT_OUT: ("left out", "not looked at: the night was too short for all samples"),
    SampleOutcome.UNDECODABLE: ("not looked at", "could not be decoded, or the work failed"),
}


_REFILL: dict[Refill | None, str] = {
    Refill.TO_COME: "The samples that were left out are looked at as soon as nothing else is to be done.",
    Refill.UNDER_WAY: "The samples that were left out are being looked at now.",
    Refill.GIVEN_UP: "The samples that were left out could not be looked at later.",
}


def page(report: VideoReport) -> Page:
    """Work out the page of a report."""
    rules = Rules()
    people = everybody(report, rules)
    longest = sorted(
        zip(report.people, people, strict=True), key=lambda pair: (not _is_somebody(pair[0]), -pair[0].time_on_camera)
    )
    gone, coarse = lost(report.coverage), coarse_parts(report.coverage)
    headline, subline = _headline(report)
    return Page(
        headline=headline,
        subline=subline,
        cast=tuple(someone for _, someone in longest[:_CAST]),
        people=people,
        ticks=_ticks(report.length, rules),
        looked=share(report.coverage.looked_at, report.coverage.planned),
        lost_marks=tuple(rules.add("g", where) for where in lost_places(report.coverage, report.length)),
        lost_spans=tuple(_lost_text(stretch) for stretch in gone[:_LOST_LISTED]),
        lost_more=len(gone[_LOST_LISTED:]),
        coarse_spans=tuple(_coarse_text(report, part) for part in coarse[:_LOST_LISTED]),
        coarse_more=len(coarse[_LOST_LISTED:]),
        refill=_REFILL.get(report.coverage.refill),
        accounts=_accounts(report),
        rules=rules.text(),
    )


def _ticks(length: Fraction, rules: Rules) -> tuple[Tick, ...]:
    placed = [(place(at, at, length), label) for at, label in ticks(length, _TICKS)]
    # A label needs room to the right of its line.
    return tuple(
        Tick(rules.add("k", where), rules.add("l", where), label if where.left < 95 else "") for where, label in placed
    )


def _headline(report: VideoReport) -> tuple[str, str]:
    if report.state == VideoState.REJECTED:
        return "Not known who was on camera", "The file is not a video that can be looked at."
    if report.state in {VideoState.FAILED, VideoState.QUARANTINED} and not report.people:
        return "Not known who was on camera", "The video could not be worked on to its end."
    if not report.people:
        return (
            "Nobody was seen on camera",
            f"No face was found in {number_of(report.coverage.looked_at, 'sample')} out of {report.coverage.planned}.",
        )
    kinds, anybody = _kinds(report.people), _anybody(report.people)
    return _how_many(sum(map(_is_somebody, report.people))), (
        f"{kinds[0].upper()}{kinds[1:]} · somebody in view for {amount(anybody)} of {amount(report.length)}"
        f" ({share(anybody, report.length)})"
    )


def _is_somebody(person: Person) -> bool:
    """Whether it is a person of their own; who is not recognisable may be one of the others."""
    return person.decision != Decision.UNRECOGNISABLE


def _how_many(people: int) -> str:
    if not people:
        return "Nobody recognisable on camera"
    return "One person on camera" if people == 1 else f"{people} people on camera"


def _kinds(people: Sequence[Person]) -> str:
    counts = Counter(person.decision for person in people)
    present = [decision for decision in Decision if counts[decision]]
    if len(present) == 1:
        return f"{'all ' if len(people) > 1 else ''}{DECISIONS[present[0]]}"
    return ", ".join(f"{counts[decision]} {DECISIONS[decision]}" for decision in present)


def _anybody(people: Sequence[Person]) -> Fraction:
    """Seconds in which at least one person was on camera."""
    total = reached = Fraction(0)
    for seen in sorted((a for person in people for a in person.appearances), key=lambda seen: seen.start):
        total += max(Fraction(0), seen.until - max(seen.start, reached))
        reached = max(reached, seen.until)
    return total


def _accounts(report: VideoReport) -> tuple[Account, ...]:
    paths, account = strip(report.coverage, report.length), report.coverage
    counts = {outcome.value: account.count(outcome) for outcome in SampleOutcome} | {LEFT_OUT: account.left_out}
    return tuple(
        Account(
            outcome=outcome,
            title=title,
            meaning=meaning,
            count=counts[outcome],
            share=share(counts[outcome], account.planned),
            path=paths.get(outcome),
        )
        for outcome, (title, meaning) in _OUTCOMES.items()
        if counts[outcome] or outcome != LEFT_OUT
    )


def _coarse_text(report: VideoReport, part: Coarse) -> str:
    interval = report.sampling.interval if report.sampling else Fraction(0)
    every = f"one sample every {amount(part.stride * interval)}, {number_of(part.left_out, 'sample')} left out"
    return f"{clock(part.start)} – {clock(part.end)} · {every}" + (f" · {part.why}" if part.why else "")


def _lost_text(stretch: Stretch) -> str:
    samples = number_of(stretch.count, "sample")
    why = stretch.detail or stretch.cause or "could not be decoded"
    return f"{clock(stretch.start)} – {clock(stretch.end)} · {samples} · {why}"
