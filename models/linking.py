"""Which groups of faces, each of one video, show one person: unknown people are known again from video to video.

Average linkage as within a video (`models.grouping`), of normalised distances (`models.cohort`): the root mean square
of the distances between the groups of one person and those of another, less the mean terms of both. What was linked
before stays linked, so that an unknown person keeps the number; groups that nobody was found for yet join known people
or make new ones. Two groups whose faces were seen in one frame are never one person, and neither are the people that
hold them.

People who have been decided on (somebody said to ignore them) take in new groups, but no known people: a large one must
not vanish in one that nobody looks at.

The result is that of joining the nearest two again and again. Only pairs within the limit are held: the score of a
joined pair to a third one is at least the smaller of its parts' scores, so that none that may join later is missed.

Labelled Faces in the Wild, mirrored space, groups of one to three photographs (`python -m bench.linking`),
pairwise precision and recall in %, means of two draws:

| | distance 0.40 | 0.44 | 0.48 | score −0.14 | −0.12 | −0.10 (default) | −0.08 |
|---|---|---|---|---|---|---|---|
| 100 people, cohort 106 | 100, 77 | 100, 89 | 100, 96 | 98, 96 | 96, 100 | 87, 100 | 82, 100 |
| 300 people, cohort 318 | 100, 70 | 100, 85 | 97, 94 | 100, 85 | 99, 87 | 98, 91 | 95, 94 |
| 1,000 people, cohort 1,060 | 99, 68 | 94, 83 | 89, 94 | 100, 75 | 99, 82 | 99, 86 | 98, 92 |
| 2,322 people, cohort 2,388 | 98, 70 | 91, 83 | 74, 93 | 100, 68 | 100, 76 | 99, 83 | 98, 88 |

With a cohort of 300 for 2,322 people precision falls to 83 % at −0.10, and is 97 % at the limit that `limit` gives.

The task, and its name, are from archives of speech: van Leeuwen, "Speaker linking in large data sets" (Odyssey 2010).
The sparse form of average linkage rests on its being reducible (Murtagh 1983, see `models.grouping`).
"""

import heapq
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from models.faces import Embeddings

NOBODY = 0
"""The person of a group that nobody was found for yet."""

LEAST_COHORT = 500
"""Members below which distances tell more than normalised scores."""

_LIMIT, _LIMIT_BY_DISTANCE = -0.10, 0.44

# Of the lowest scores of two people: e times as many are below a score that is larger by this.
_TAIL = 0.019

_PAIRS_AT_ONCE = 1 << 23

# More than single precision can be off, of squared distances.
_ROUNDING = 1e-4

Apart = Callable[[int, int], bool]
"""Whether two groups of one video, by their positions, were seen in one frame."""


def limit(people: int, cohort: int) -> float:
    """The score up to which two people are one.

    The more people, the more of them look alike by chance. A cohort that grows with them makes up for that; where they
    are more than the cohort, the limit falls, so that the share of false pairs stays.

    Args:
        people: how many there may be.
        cohort: members that the terms were taken from; below `LEAST_COHORT` scores are taken for distances.
    """
    if cohort < LEAST_COHORT:
        return _LIMIT_BY_DISTANCE
    return _LIMIT - _TAIL * math.log(max(1.0, people / cohort))


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """N groups of faces. Personal data: never log one."""

    templates: Embeddings
    """(n, 128)."""
    terms: NDArray[np.float64]
    """(n,) of the templates, see `Cohort.terms`; zeros where scores are distances."""
    weights: NDArray[np.float64]
    """(n,) above 0: their faces."""
    videos: NDArray[np.int64]
    """(n,)."""
    people: NDArray[np.int64]
    """(n,) number of the person that each was linked to, or `NOBODY`."""


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """Who the groups show now.

    Args:
        people: (n,) number of the known person, or −1, −2, … for new ones, in order of their first groups.
        joined: known people who turned out to be others, and whom: the older number stays.
    """

    people: NDArray[np.int64]
    joined: Mapping[int, int]


def link(groups: Groups, largest: float, apart: Apart, decided: Collection[int] = ()) -> Links:
    """Link groups that nobody was found for, to known people and to each other.

    Args:
        groups: all of one embedding space.
        largest: score up to which two are one, see `limit`.
        apart: asked about two groups of one video.
        decided: numbers of people who take in groups, but no known people.
    """
    people = _People(groups, frozenset(decided), apart)
    queue = people.candidates(largest)
    near: dict[int, set[int]] = {}
    for _, one, other in queue:
        near.setdefault(one, set()).add(other)
        near.setdefault(other, set()).add(one)
    heapq.heapify(queue)
    while queue:
        score, one, other = heapq.heappop(queue)
        # Scores of those who have grown since are in the queue again.
        if one not in near or other not in near[one] or score != people.score(one, other):
            continue
        if not people.may_join(one, other):
            near[one].discard(other)
            near[other].discard(one)
            continue
        people.join(one, other)
        around = (near[one] | near.pop(other)) - {one, other}
        near[one] = set()
        for third in sorted(around):
            near[third].discard(other)
            near[third].discard(one)
            score = people.score(one, third)
            if score <= largest:
                near[one].add(third)
                near[third].add(one)
                heapq.heappush(queue, (score, min(one, third), max(one, third)))
    return people.links()


class _People:
    """Groups in disjoint sets; each set is named by its place: sets of one new group come first, then known people."""

    def __init__(self, groups: Groups, decided: frozenset[int], apart: Apart) -> None:
        self._groups, self._decided, self._apart = groups, decided, apart
        new = np.flatnonzero(groups.people == NOBODY)
        numbers, rows = np.unique(groups.people[groups.people != NOBODY], return_inverse=True)
        self.new = len(new)
        self._numbers: list[int] = [NOBODY] * self.new + numbers.tolist()
        places = np.empty(len(groups.people), np.int64)
        places[new] = np.arange(self.new)
        places[groups.people != NOBODY] = self.new + rows
        self._sums(places)
        self._members: list[list[int]] = [[] for _ in self._numbers]
        self._in_video: list[dict[int, list[int]]] = [{} for _ in self._numbers]
        for group, (place, video) in enumerate(zip(places.tolist(), groups.videos.tolist(), strict=True)):
            self._members[place].append(group)
            self._in_video[place].setdefault(video, []).append(group)
        self._joined: dict[int, int] = {}

    def _sums(self, places: NDArray[np.int64]) -> None:
        groups, count = self._groups, len(self._numbers)
        weights = groups.weights
        self._weights = np.bincount(places, weights, count)
        self._means = np.zeros((count, groups.templates.shape[1]))
        np.add.at(self._means, places, groups.templates * weights[:, np.newaxis])
        self._means /= self._weights[:, np.newaxis]
        away = groups.templates - self._means[places]
        self._variances = np.bincount(places, weights * np.einsum("ij,ij->i", away, away), count) / self._weights
        self._terms = np.bincount(places, weights * groups.terms, count) / self._weights

    def candidates(self, largest: float) -> list[tuple[float, int, int]]:
        """Score and places, the smaller first, of every two sets within a limit that new groups may bring together.

        One of them is new, or known and near to a new one: known people whom nothing new is near to stay as they are.
        """
        pairs = self._near(np.arange(self.new), 0, largest)
        touched = np.unique(pairs[pairs >= self.new])
        among_known = self._near(touched, self.new, largest)
        pairs = np.unique(np.sort(np.concatenate([pairs, among_known]), axis=1), axis=0)
        scored = [(self.score(one, other), one, other) for one, other in pairs[pairs[:, 0] < pairs[:, 1]].tolist()]
        return [entry for entry in scored if entry[0] <= largest]

    def _near(self, places: NDArray[np.int64], first: int, largest: float) -> NDArray[np.int64]:
        """(k, 2) each of some sets, and a set from `first` on whose score to it may be within a limit; some twice.

        The score is within the limit where the squared distance is at most (limit + term + term)², and the difference
        of both sides is one product of matrices.
        """
        squares = np.einsum("ij,ij->i", self._means, self._means) + self._variances
        ours, ones = largest + self._terms[places], np.ones(len(squares))
        constant = squares[places] - ours**2
        left = np.column_stack((-2 * self._means[places], -2 * ours, constant, ones[places])).astype(np.float32)
        right = np.column_stack((self._means, self._terms, ones, squares - self._terms**2))[first:].astype(np.float32)
        found = [np.empty((0, 2), np.int64)]
        at_once = max(1, _PAIRS_AT_ONCE // max(1, len(right)))
        for start in range(0, len(places), at_once):
            within = left[start : start + at_once] @ right.T <= _ROUNDING
            rows, columns = np.nonzero(within)
            found.append(np.column_stack((places[rows + start], columns + first)))
        return np.concatenate(found)

    def score(self, one: int, other: int) -> float:
        """Of two sets; to the last bit the same whichever comes first."""
        difference = self._means[one] - self._means[other]
        within = float(self._variances[one] + self._variances[other])
        return math.sqrt(float(difference @ difference) + within) - float(self._terms[one] + self._terms[other])

    def may_join(self, one: int, other: int) -> bool:
        """Whether no frame shows both, and nobody has decided on a known one of two."""
        numbers = self._numbers[one], self._numbers[other]
        if NOBODY not in numbers and not self._decided.isdisjoint(numbers):
            return False
        few, many = sorted((self._in_video[one], self._in_video[other]), key=len)
        return not any(
            self._apart(*pair) for video in few if video in many for pair in product(few[video], many[video])
        )

    def join(self, one: int, other: int) -> None:
        """Make one set of two, at the place of the first."""
        total = self._weights[one] + self._weights[other]
        share = self._weights[other] / total
        difference = self._means[other] - self._means[one]
        between = share * (1 - share) * float(difference @ difference)
        self._variances[one] += (self._variances[other] - self._variances[one]) * share + between
        self._terms[one] += (self._terms[other] - self._terms[one]) * share
        self._means[one] += difference * share
        self._weights[one] = total
        older, younger = sorted((self._numbers[one], self._numbers[other]))
        if older != NOBODY:
            self._joined[younger] = older
        self._numbers[one], self._numbers[other] = older or younger, NOBODY
        self._hand_over(other, one)

    def _hand_over(self, giver: int, taker: int) -> None:
        """All members of a set to another one; the fewer are moved, whosever they are."""
        if len(self._members[taker]) < len(self._members[giver]):
            self._members[taker], self._members[giver] = self._members[giver], self._members[taker]
            self._in_video[taker], self._in_video[giver] = self._in_video[giver], self._in_video[taker]
        self._members[taker] += self._members[giver]
        for video, groups in self._in_video[giver].items():
            self._in_video[taker].setdefault(video, []).extend(groups)
        self._members[giver], self._in_video[giver] = [], {}

    def links(self) -> Links:
        """Who the groups are in the end."""
        people = np.empty(len(self._groups.people), np.int64)
        unnumbered = sorted(
            (min(members), place)
            for place, (number, members) in enumerate(zip(self._numbers, self._members, strict=True))
            if members and number == NOBODY
        )
        for at, (_, place) in enumerate(unnumbered, start=1):
            self._numbers[place] = -at
        for number, members in zip(self._numbers, self._members, strict=True):
            people[members] = number
        joined = {younger: self._last(older) for younger, older in self._joined.items()}
        return Links(people, joined)

    def _last(self, number: int) -> int:
        while number in self._joined:
            number = self._joined[number]
        return number
