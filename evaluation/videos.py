"""`rollcall evaluate videos`: all labelled videos together, as rates with intervals."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from evaluation.borders import summary
from evaluation.clustering import agreement
from evaluation.comparison import STRICT, Compared, FalseName, Tally, Whose
from evaluation.intervals import LEAST_UNITS, REPLICATES, rate_by_units, share_by_units

SCHEMA = "rollcall.evaluate.videos/1"

_SHARES = {
    "per_frame": {
        "precision": ("right_seconds", "named_seconds"),
        "recall": ("right_seconds", "on_camera_seconds"),
    },
    "per_appearance": {"precision": ("right", "appearances"), "recall": ("found", "presences")},
    "per_appearance_strict": {"precision": ("strict", "appearances"), "recall": ("strict", "presences")},
}


@dataclass(frozen=True, slots=True)
class Units:
    """What a bootstrap draws from: tallies and hours of video of each unit; `kind` says which units these are."""

    kind: str
    tallies: Sequence[Tally]
    hours: Sequence[float]


@dataclass(frozen=True)
class Evaluation:
    """Labelled videos that were compared with the ledger.

    Args:
        compared: one or more.
        names: everybody's name by key.
        enrolled: keys of those whom the gallery knows.
        groups: the group of each grouped person, by key.
    """

    compared: Sequence[Compared]
    names: Mapping[str, str]
    enrolled: Collection[str]
    groups: Mapping[str, str]

    @cached_property
    def people(self) -> Mapping[str, Tally]:
        """The tally of everybody who is enrolled and on camera, or named."""
        found: dict[str, Tally] = {}
        for one in self.compared:
            for key, tally in one.tallies.items():
                found[key] = found.get(key, Tally()) + tally
        return found

    @cached_property
    def whole(self) -> Tally:
        """Of all people and videos."""
        return sum(self.people.values(), Tally())

    @property
    def hours(self) -> float:
        """Of labelled video."""
        return float(sum(one.seconds for one in self.compared)) / 3600

    @property
    def false_names(self) -> list[FalseName]:
        """Of all videos."""
        return [name for one in self.compared for name in one.false_names]

    @cached_property
    def on_camera(self) -> Mapping[str, float]:
        """Labelled seconds on camera of everybody, strangers too, by key."""
        found: dict[str, float] = {}
        for one in self.compared:
            for key, seconds in one.on_camera.items():
                found[key] = found.get(key, 0.0) + float(seconds)
        return found

    @cached_property
    def units(self) -> Units | None:
        """The videos; where they are too few, the people; None where those are, too."""
        if len(self.compared) >= LEAST_UNITS:
            tallies = [sum(one.tallies.values(), Tally()) for one in self.compared]
            return Units("videos", tallies, [float(one.seconds) / 3600 for one in self.compared])
        if len(self.people) >= LEAST_UNITS:
            # Nobody has hours of their own: drawing people must not change them.
            return Units("people", list(self.people.values()), [self.hours / len(self.people)] * len(self.people))
        return None


def as_json(found: Evaluation, left_out: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The document that docs/evaluate.md describes.

    Args:
        found: what was compared.
        left_out: what the truth calls each video that could not be compared, and why.
    """
    return {
        "schema": SCHEMA,
        "videos": [one.video for one in found.compared],
        "left_out": [{"video": video, "why": why} for video, why in left_out],
        "hours": found.hours,
        "interval": _interval_as_json(found),
        "per_frame": {
            **_shares(found, "per_frame"),
            "seconds": {
                "on_camera": found.whole.on_camera_seconds,
                "named": found.whole.named_seconds,
                "right": found.whole.right_seconds,
                "not_looked_at": found.whole.blind_seconds,
            },
        },
        "per_appearance": {
            **_shares(found, "per_appearance"),
            "on_camera": found.whole.presences,
            "found": found.whole.found,
            "named": found.whole.appearances,
            "right": found.whole.right,
            "strict": {"overlap": float(STRICT), **_shares(found, "per_appearance_strict")},
        },
        "false_names": _false_names(found),
        "borders": _borders(found),
        "people": [_person(found, key) for key in sorted({*found.people, *found.on_camera})],
        "grouping": _grouping(found),
    }


def _interval_as_json(found: Evaluation) -> dict[str, Any]:
    if found.units is None:
        few = f"fewer than {LEAST_UNITS} videos ({len(found.compared)}) and people ({len(found.people)})"
        return {"method": None, "why": few}
    return {"method": f"bootstrap over {found.units.kind}", "confidence": 0.95, "replicates": REPLICATES}


def _shares(found: Evaluation, kind: str) -> dict[str, dict[str, float | None]]:
    return {name: _share(found, *attributes) for name, attributes in _SHARES[kind].items()}


def _share(found: Evaluation, part: str, whole: str) -> dict[str, float | None]:
    """None where there is nothing to have a share of."""
    total = getattr(found.whole, whole)
    if not total:
        return {"value": None, "low": None, "high": None}
    rate = {"value": float(getattr(found.whole, part) / total), "low": None, "high": None}
    if found.units is None:
        return rate
    parts, wholes = (np.array([getattr(one, name) for one in found.units.tallies], float) for name in (part, whole))
    interval = share_by_units(parts, wholes)
    return rate if interval is None else {**rate, "low": interval.low, "high": interval.high}


def _false_names(found: Evaluation) -> dict[str, Any]:
    false = found.false_names
    rate: dict[str, float | None] = {"value": len(false) / found.hours, "low": None, "high": None}
    if found.units is not None:
        counts = np.array([one.false for one in found.units.tallies], float)
        interval = rate_by_units(counts, np.array(found.units.hours))
        rate |= {"low": interval.low, "high": interval.high}
    whose = Counter(name.whose for name in false)
    return {
        "count": len(false),
        "per_hour": rate,
        "whose": {kind.value: whose[kind] for kind in Whose},
        "by_group": _by_group(found),
        "list": [
            {
                "video": name.video,
                "name": name.name,
                "start": float(name.start),
                "end": float(name.end),
                "whose": name.whose.value,
                "people": [found.names[key] for key in name.people],
            }
            for name in false
        ],
    }


def _by_group(found: Evaluation) -> list[dict[str, Any]]:
    """False names that faces of a group's people were given, by the hours that these are on camera."""
    if not found.groups:
        return []
    whole = _group_row(None, found.on_camera, found)
    groups = [
        _group_row(group, [key for key in found.on_camera if found.groups.get(key) == group], found)
        for group in sorted(set(found.groups.values()))
    ]
    rate = whole["per_hour_on_camera"]
    return [{**row, "times_the_whole": _ratio(row["per_hour_on_camera"], rate)} for row in (whole, *groups)]


def _group_row(group: str | None, keys: Collection[str], found: Evaluation) -> dict[str, Any]:
    count = sum(any(key in keys for key in name.people) for name in found.false_names)
    hours = sum(found.on_camera[key] for key in keys) / 3600
    return {
        "group": group,
        "people": len(keys),
        "hours_on_camera": hours,
        "false_names": count,
        "per_hour_on_camera": _ratio(count, hours),
    }


def _ratio(part: float | None, whole: float | None) -> float | None:
    return None if part is None or not whole else part / whole


def _borders(found: Evaluation) -> dict[str, Any]:
    errors = [error for one in found.compared for error in one.borders]
    return {
        "all": summary(errors),
        "start": summary([error for error in errors if error.border == "start"]),
        "end": summary([error for error in errors if error.border == "end"]),
    }


def _person(found: Evaluation, key: str) -> dict[str, Any]:
    tally = found.people.get(key, Tally())
    there = [one for one in found.compared if key in one.on_camera]
    return {
        "name": found.names[key],
        "group": found.groups.get(key),
        "enrolled": key in found.enrolled,
        "seconds_on_camera": found.on_camera.get(key, 0.0),
        "recall_per_frame": _ratio(tally.right_seconds, tally.on_camera_seconds),
        "appearances_on_camera": tally.presences,
        "appearances_found": tally.found,
        "videos": len(there),
        "videos_found_in": sum(one.tallies[key].found > 0 for one in there if key in one.tallies),
        "named_falsely": tally.false,
        "face_named_falsely": sum(key in name.people for name in found.false_names),
    }


def _grouping(found: Evaluation) -> dict[str, Any] | None:
    measured = agreement([one.faces for one in found.compared])
    if measured is None:
        return None
    return {
        "faces": measured.elements,
        "people": measured.classes,
        "groups": measured.clusters,
        "pairwise_precision": measured.precision,
        "pairwise_recall": measured.recall,
        "homogeneity": measured.homogeneity,
        "completeness": measured.completeness,
        "v_measure": measured.v_measure,
    }
