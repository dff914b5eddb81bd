"""What the report says beside what is true."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any


@dataclass(frozen=True, slots=True)
class Expected:
    """A person is on camera from the frame at `start` until just before `end`, in seconds."""

    person: str
    name: str | None
    """What Rollcall should say: the person's name, or nothing for somebody who is not enrolled."""
    start: Fraction
    end: Fraction


@dataclass(frozen=True, slots=True)
class Found:
    """An appearance in a report: times of the first and of the last frame in which somebody was seen, in seconds."""

    label: str
    name: str | None
    start: Fraction
    end: Fraction


class Verdict(StrEnum):
    """What one row of the comparison says."""

    RIGHT = "found"
    SHIFTED = "shifted"
    MISSING = "missing"
    UNEXPECTED = "nobody there"


@dataclass(frozen=True, slots=True)
class Row:
    """An expected appearance beside the one found for it; one of them may be missing."""

    expected: Expected | None
    found: Found | None
    allowed: Fraction

    @property
    def start_deviation(self) -> Fraction | None:
        """Seconds by which it was found to start too late."""
        return self.found.start - self.expected.start if self.expected and self.found else None

    @property
    def end_deviation(self) -> Fraction | None:
        """Seconds by which it was found to end too late."""
        return self.found.end - self.expected.end if self.expected and self.found else None

    @property
    def verdict(self) -> Verdict:
        """Right only within what sampling allows at both ends."""
        if self.expected is None:
            return Verdict.UNEXPECTED
        deviations = (self.start_deviation, self.end_deviation)
        if None in deviations:
            return Verdict.MISSING
        right = all(deviation is not None and abs(deviation) <= self.allowed for deviation in deviations)
        return Verdict.RIGHT if right else Verdict.SHIFTED


@dataclass(frozen=True, slots=True)
class Comparison:
    """All rows in order of time, and everything that is wrong, in words; no words mean that all is right."""

    rows: Sequence[Row]
    differences: Sequence[str]


def compare(expected: Sequence[Expected], found: Sequence[Found], allowed: Fraction) -> Comparison:
    """Pair what was found with what is true: only within a name (or none), the longest common stretch first.

    Args:
        expected: the truth.
        found: the report's appearances.
        allowed: seconds; deviations up to it are right.
    """
    pairs = sorted(
        ((_common(one, other), i, j) for i, one in enumerate(expected) for j, other in enumerate(found)),
        key=lambda pair: (-pair[0], pair[1], pair[2]),
    )
    partner, taken = dict[int, int](), set[int]()
    for common, i, j in pairs:
        if common >= 0 and i not in partner and j not in taken:
            partner[i] = j
            taken.add(j)
    rows = [Row(one, found[partner[i]] if i in partner else None, allowed) for i, one in enumerate(expected)]
    rows += [Row(None, other, allowed) for j, other in enumerate(found) if j not in taken]
    rows.sort(key=_place)
    return Comparison(rows, [*_wrong_rows(rows), *_wrong_labels(rows)])


def found_in(report: Mapping[str, Any]) -> list[Found]:
    """The appearances of a report of the schema `rollcall.report/2`, in its order.

    Numbers may be of any kind; read with `json.loads(…, parse_float=Fraction)`, they are exact.
    """
    return [
        Found(person["label"], person["name"], Fraction(appearance["start"]), Fraction(appearance["end"]))
        for person in report["people"]
        for appearance in person["appearances"]
    ]


def _common(one: Expected, other: Found) -> Fraction:
    """Seconds that both cover, 0 for a single sighting inside; negative where they are apart or of different names."""
    if one.name != other.name:
        return Fraction(-1)
    return min(one.end, other.end) - max(one.start, other.start)


def _place(row: Row) -> tuple[Fraction, str]:
    if row.expected:
        return row.expected.start, row.expected.person
    assert row.found is not None
    return row.found.start, row.found.label


def _wrong_rows(rows: Sequence[Row]) -> list[str]:
    told = []
    for row in rows:
        if row.verdict == Verdict.MISSING and row.expected:
            told.append(f"{_span(row.expected)}: {row.expected.person} was not found")
        elif row.verdict == Verdict.UNEXPECTED and row.found:
            told.append(f"{_span(row.found)}: {row.found.label} was found, and is not there")
        elif row.verdict == Verdict.SHIFTED and row.expected and row.found:
            told.append(f"{_span(row.expected)}: {row.expected.person} was found at {_span(row.found)}")
    return told


def _wrong_labels(rows: Sequence[Row]) -> list[str]:
    """Two people who are not enrolled must not come out as one unknown."""
    people = defaultdict[str, set[str]](set)
    for row in rows:
        if row.expected and row.found:
            people[row.found.label].add(row.expected.person)
    return [
        f"{label} stands for {' and '.join(sorted(several))}" for label, several in people.items() if len(several) > 1
    ]


def _span(stretch: Expected | Found) -> str:
    return f"{float(stretch.start):.1f}–{float(stretch.end):.1f} s"
