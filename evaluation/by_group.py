"""False names by group of people: a limit that is right for strangers on average may be far too loose for some.

The groups are those of a JSON file: `{"sisters": ["Ann Lee", "Bea Lee"]}`, names as the folders of people are called.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter, ValidationError

from config.errors import BadTruth
from evaluation.searches import Searches

FPIR = 0.01
"""The share of all strangers that gets a name at the limit that groups are judged by."""

_GROUPS = TypeAdapter(dict[str, list[str]])


@dataclass(frozen=True, slots=True)
class GroupRates:
    """What searches of a group's people ended in, all draws together; None where there were none.

    Args:
        group: its name; None for everybody.
        strangers: non-mated searches.
        named: the share of them that ended in a name.
        enrolled: mated searches.
        wrongly_named: the share of them that ended in another's name.
    """

    group: str | None
    strangers: int
    named: float | None
    enrolled: int
    wrongly_named: float | None


def read_groups(file: Path, names: Sequence[str]) -> dict[int, str]:
    """The group of each grouped person, by the person's number.

    Args:
        file: of groups.
        names: of the people, by their numbers.

    Raises:
        BadTruth: it cannot be read, names somebody of whom there is no folder, or somebody twice.
    """
    try:
        given = _GROUPS.validate_python(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError) as error:
        told = "cannot be read" if isinstance(error, OSError) else "is no JSON object of groups, each a list of names"
        raise BadTruth(str(file), told, 'write e.g. {"sisters": ["Ann Lee", "Bea Lee"]}') from None
    numbers = {name: number for number, name in enumerate(names)}
    found: dict[int, str] = {}
    for group, people in given.items():
        for person in people:
            if person not in numbers:
                raise BadTruth(str(file), f"{person} of {group} has no folder", "write the folder's name")
            if numbers[person] in found:
                raise BadTruth(str(file), f"{person} is named twice", "a person is in one group at most")
            found[numbers[person]] = group
    return found


def by_group(draws: Sequence[Searches], groups: Mapping[int, str]) -> list[GroupRates]:
    """The rates of everybody and of each group, at each draw's own limit; none where there are no groups."""
    if not groups:
        return []
    return [_rates(draws, None, None)] + [
        _rates(draws, group, [person for person, one in groups.items() if one == group])
        for group in sorted(set(groups.values()))
    ]


def _rates(draws: Sequence[Searches], group: str | None, people: Sequence[int] | None) -> GroupRates:
    named, wrong = [], []
    for searches in draws:
        limit = searches.limit(FPIR)
        strange, mated = (
            np.ones(len(who), np.bool_) if people is None else np.isin(who, people)
            for who in (searches.strange_people, searches.mated_people)
        )
        named += (searches.strangers[strange] < limit).tolist()
        wrong += (~searches.right & (searches.mated < limit))[mated].tolist()
    return GroupRates(group, len(named), _share(named), len(wrong), _share(wrong))


def _share(happened: Sequence[bool]) -> float | None:
    return sum(happened) / len(happened) if happened else None
