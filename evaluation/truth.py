"""A truth: who is on camera in some videos, and when, as a person has labelled it (`rollcall.truth/1`).

    {"schema": "rollcall.truth/1",
     "groups": {"sisters": ["Ann", "Bea"]},
     "videos": [{"video": "evening.mp4",
                 "people": [{"name": "Ann", "start": 4.4, "end": "68/5"}],
                 "unlabelled": [{"start": 60, "end": 90}]}]}

docs/evaluate.md describes every property.
"""

import json
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, ValidationError, model_validator

from config.errors import BadName, BadTruth
from db.identities import clean_name, name_key

SCHEMA = "rollcall.truth/1"

_SECONDS = re.compile(r"\d{1,8}(\.\d{1,12})?|\d{1,15}/0*[1-9]\d{0,14}", re.ASCII)
_LONGEST = 10**8


def _seconds(value: object) -> Fraction:
    """Exact seconds; the numbers of the file arrive as int and Decimal, fractions as text."""
    if isinstance(value, Fraction):
        return value
    text = format(value, "f") if isinstance(value, Decimal) and value.adjusted() in range(-13, 9) else value
    if isinstance(text, int) and not isinstance(text, bool):
        text = str(text)
    if not isinstance(text, str) or not _SECONDS.fullmatch(text) or Fraction(text) >= _LONGEST:
        raise ValueError(f"{value} is no time; give seconds from the video's start, as 83.4 or '417/5'")
    return Fraction(text)


def _name(value: str) -> str:
    try:
        return clean_name(value)
    except BadName as error:
        raise ValueError(f"the name {error.what}; {error.remedy}") from None


Seconds = Annotated[Fraction, PlainValidator(_seconds)]
Name = Annotated[str, AfterValidator(_name)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Stretch(_Entry):
    """Seconds of a video: from `start` until just before `end`."""

    start: Seconds
    end: Seconds

    @model_validator(mode="after")
    def _ends_later(self) -> "Stretch":
        if self.end <= self.start:
            raise ValueError(f"ends at {float(self.end):g} s, not later than it starts; give the later time as its end")
        return self


class Presence(Stretch):
    """A person is on camera, enrolled or not."""

    name: Name

    @cached_property
    def key(self) -> str:
        """The person, however the name is spelled."""
        return name_key(self.name)


class LabelledVideo(_Entry):
    """Who is on camera in one video. Nobody else is, but in its unlabelled stretches, where nothing is known."""

    video: Annotated[str, Field(min_length=1)] | None = None
    """The path that it was submitted from, or its title."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """Of its content."""
    people: list[Presence]
    unlabelled: list[Stretch] = []

    @model_validator(mode="after")
    def _is_consistent(self) -> "LabelledVideo":
        if (self.video is None) == (self.sha256 is None):
            raise ValueError("which video is it? give either `video`, its title or path, or `sha256`")
        gaps = joined(self.unlabelled)
        for number, one in enumerate(self.people):
            if any(one.start < gap.end and gap.start < one.end for gap in gaps):
                told = f"people[{number}], {one.name}, is on camera in a stretch that is unlabelled"
                raise ValueError(f"{told}; end the one where the other starts")
        return self

    @property
    def told(self) -> str:
        """What the truth calls the video."""
        return self.video or self.sha256 or ""

    def presences(self) -> list[Presence]:
        """Each person's uninterrupted presences, by start: stretches that overlap or touch are one."""
        by_person: dict[str, list[Presence]] = {}
        for one in self.people:
            by_person.setdefault(one.key, []).append(one)
        found = [
            Presence(name=labelled[0].name, start=one.start, end=one.end)
            for labelled in by_person.values()
            for one in joined(labelled)
        ]
        return sorted(found, key=lambda one: (one.start, one.key))


class Truth(_Entry):
    """Labelled videos, and groups of people within whom false names are told apart."""

    schema_: Literal["rollcall.truth/1"] = Field(alias="schema")
    groups: dict[Annotated[str, Field(min_length=1)], list[Name]] = {}
    videos: Annotated[list[LabelledVideo], Field(min_length=1)]

    @model_validator(mode="after")
    def _nobody_is_in_two_groups(self) -> "Truth":
        keys = sorted(name_key(name) for names in self.groups.values() for name in names)
        for one, other in pairwise(keys):
            if one == other:
                raise ValueError(f"groups: {one} stands in them twice; a person is in one group at most")
        return self

    def group_of(self) -> dict[str, str]:
        """Each grouped person's group, by key."""
        return {name_key(name): group for group, names in self.groups.items() for name in names}


def joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    """The union of stretches, by start."""
    union: list[Stretch] = []
    for one in sorted(stretches, key=lambda stretch: stretch.start):
        if union and one.start <= union[-1].end:
            union[-1] = Stretch(start=union[-1].start, end=max(union[-1].end, one.end))
        else:
            union.append(Stretch(start=one.start, end=one.end))
    return union


def read_truth(file: Path) -> Truth:
    """The truth that a file holds.

    Raises:
        BadTruth: the file cannot be read, or an entry is off; the message names it.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8"), parse_float=Decimal, object_pairs_hook=_once)
    except (OSError, ValueError, RecursionError) as error:
        raise BadTruth(str(file), f"cannot be read ({error})", "give a JSON file as docs/evaluate.md tells") from None
    try:
        return Truth.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        message = first["msg"].removeprefix("Value error, ")
        raise BadTruth(f"{file}, {_place(first['loc'])}", message, "see docs/evaluate.md") from None


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object, none of whose names stands in it twice: JSON itself would take the last silently."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f"an object names one property twice: {', '.join(name for name, _ in pairs)}")
    return found


def _place(location: Sequence[str | int]) -> str:
    """E.g. `videos[2].people[0].start`."""
    told = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return told.removeprefix(".") or "the whole"
