"""Who of one video is seen in others."""

from itertools import combinations
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models import linking
from models.linking import NOBODY, Groups, link

LIMIT = 0.44


def groups_of(
    templates: NDArray[np.float32],
    *,
    people: list[int] | None = None,
    videos: list[int] | None = None,
    weights: list[float] | None = None,
    terms: list[float] | None = None,
) -> Groups:
    count = len(templates)
    return Groups(
        templates,
        np.array([0.0] * count if terms is None else terms),
        np.array([1.0] * count if weights is None else weights),
        np.array(range(count) if videos is None else videos, np.int64),
        np.array([NOBODY] * count if people is None else people, np.int64),
    )


def never(_one: int, _other: int) -> bool:
    return False


def places(*at: float) -> NDArray[np.float32]:
    """Templates on one line."""
    made = np.zeros((len(at), 128), np.float32)
    made[:, 0] = at
    return made


def test_groups_that_are_near_are_one_person_and_new_people_are_counted_in_order() -> None:
    found = link(groups_of(places(0, 1, 0.1, 2, 1.1)), LIMIT, never)
    assert found.people.tolist() == [-1, -2, -1, -3, -2]
    assert found.joined == {}


def test_a_known_person_keeps_the_number_and_takes_in_new_groups() -> None:
    found = link(groups_of(places(0, 0.1, 1), people=[7, NOBODY, NOBODY]), LIMIT, never)
    assert found.people.tolist() == [7, 7, -1]


def test_what_was_linked_stays_linked_however_far_apart() -> None:
    found = link(groups_of(places(0, 3), people=[7, 7]), LIMIT, never)
    assert found.people.tolist() == [7, 7]


def test_a_group_between_two_known_people_joins_them_and_the_older_number_stays() -> None:
    apart = groups_of(places(0, 0.5), people=[9, 4])
    assert link(apart, LIMIT, never).joined == {}
    # Average linkage: four groups at 0.3 bring the mean square of the distances to 0.5 within the limit.
    between = groups_of(places(0, 0.3, 0.3, 0.3, 0.3, 0.5), people=[9, *[NOBODY] * 4, 4])
    found = link(between, LIMIT, never)
    assert found.people.tolist() == [4] * 6
    assert found.joined == {9: 4}


def test_people_who_are_decided_on_take_in_groups_but_no_known_people() -> None:
    between = groups_of(places(0, 0.3, 0.3, 0.3, 0.3, 0.5), people=[9, *[NOBODY] * 4, 4])
    found = link(between, LIMIT, never, decided={4})
    assert found.joined == {}
    assert {found.people[0], found.people[5]} == {9, 4}
    assert set(found.people[1:5].tolist()) <= {9, 4}


def test_two_who_are_seen_in_one_frame_are_two_and_so_are_those_who_hold_them() -> None:
    together = groups_of(places(0, 0.1, 0.05), videos=[1, 1, 2])
    asked = []

    def apart(one: int, other: int) -> bool:
        asked.append((one, other))
        return True

    found = link(together, LIMIT, apart)
    assert found.people[0] != found.people[1]
    assert found.people[2] in found.people[:2]
    assert {frozenset(pair) for pair in asked} == {frozenset({0, 1})}


def test_terms_are_taken_off_the_distances() -> None:
    near = groups_of(places(0, 0.6), terms=[0.3, 0.3])
    assert link(near, -0.1, never).people.tolist() == [-1, -2]
    assert link(near, 0.01, never).people.tolist() == [-1, -1]


def test_many_faces_weigh_more() -> None:
    heavy = groups_of(places(0, 0.4, 0.75), weights=[1, 9, 1], people=[5, 5, NOBODY])
    light = groups_of(places(0, 0.4, 0.75), weights=[9, 1, 1], people=[5, 5, NOBODY])
    assert link(heavy, LIMIT, never).people.tolist() == [5, 5, 5]
    assert link(light, LIMIT, never).people.tolist() == [5, 5, -1]


def test_the_limit_falls_where_people_are_more_than_the_cohort() -> None:
    assert linking.limit(10, 100) == linking.limit(10**6, 499) > 0
    assert linking.limit(10, 500) == linking.limit(500, 500) < 0
    assert linking.limit(50_000, 5000) < linking.limit(5000, 5000)


def test_nothing_to_link() -> None:
    assert link(groups_of(places()), LIMIT, never).people.tolist() == []
    assert link(groups_of(places(0, 1), people=[3, 8]), LIMIT, never).people.tolist() == [3, 8]


@st.composite
def archives(draw: st.DrawFn) -> tuple[Groups, frozenset[frozenset[int]], frozenset[int]]:
    """Groups in few dimensions, pairs of one video that a frame shows together, people who are decided on."""
    count = draw(st.integers(0, 14))
    seed = draw(st.integers(0, 2**32 - 1))
    generator = np.random.default_rng(seed)
    templates = np.zeros((count, 128), np.float32)
    templates[:, :2] = generator.normal(0, draw(st.sampled_from([0.2, 0.5])), (count, 2))
    videos = [draw(st.integers(1, 6)) for _ in range(count)]
    people = [draw(st.sampled_from([NOBODY, NOBODY, 3, 5, 8])) for _ in range(count)]
    same_video = [pair for pair in combinations(range(count), 2) if videos[pair[0]] == videos[pair[1]]]
    together = {
        frozenset(pair)
        for pair in same_video
        if draw(st.booleans()) and (people[pair[0]] != people[pair[1]] or people[pair[0]] == NOBODY)
    }
    made = groups_of(templates, people=people, videos=videos, weights=generator.integers(1, 9, count).tolist())
    return made, frozenset(together), frozenset(draw(st.sets(st.sampled_from([3, 5, 8]))))


def scores(groups: Groups, people: NDArray[np.int64]) -> dict[tuple[int, int], float]:
    """Root mean square of the distances of the groups of every two people, worked out pair by pair."""
    found = {}
    for one, other in combinations(sorted(set(people.tolist())), 2):
        ours, theirs = np.flatnonzero(people == one), np.flatnonzero(people == other)
        away = groups.templates[ours, np.newaxis].astype(float) - groups.templates[np.newaxis, theirs]
        weights = np.outer(groups.weights[ours], groups.weights[theirs])
        found[one, other] = float(np.sqrt(np.average((away**2).sum(axis=2), weights=weights)))
    return found


@given(archives())
def test_constraints_hold_and_nobody_who_may_join_is_left(
    archive: tuple[Groups, frozenset[frozenset[int]], frozenset[int]],
) -> None:
    groups, together, decided = archive
    found = link(groups, LIMIT, lambda one, other: frozenset({one, other}) in together, decided)
    people = found.people
    for one, other in together:
        assert people[one] != people[other]
    for number in set(groups.people.tolist()) - {NOBODY}:
        (now,) = set(people[groups.people == number].tolist())
        assert now == found.joined.get(number, number)
    assert all(older < younger and younger not in decided for younger, older in found.joined.items())
    assert not decided & set(found.joined.values())
    numbers = {number for number in people.tolist() if number < 0}
    assert numbers == set(range(-len(numbers), 0))
    grown = set(people[groups.people == NOBODY].tolist()) | set(found.joined.values())
    for (one, other), score in scores(groups, people).items():
        excluded = any(
            frozenset(pair) in together
            for pair in ((a, b) for a in np.flatnonzero(people == one) for b in np.flatnonzero(people == other))
        )
        both_known = one > 0 and other > 0
        barred = both_known and bool(decided & {one, other})
        if {one, other} & grown and not excluded and not barred:
            assert score > LIMIT - 1e-6


@given(archives(), st.randoms())
def test_the_order_of_the_groups_does_not_matter(
    archive: tuple[Groups, frozenset[frozenset[int]], frozenset[int]], generator: Random
) -> None:
    groups, together, decided = archive
    order = list(range(len(groups.people)))
    generator.shuffle(order)
    mixed = groups_of(
        groups.templates[order],
        people=groups.people[order].tolist(),
        videos=groups.videos[order].tolist(),
        weights=groups.weights[order].tolist(),
    )
    before = link(groups, LIMIT, lambda one, other: frozenset({one, other}) in together, decided).people[order]
    after = link(mixed, LIMIT, lambda one, other: frozenset({order[one], order[other]}) in together, decided).people
    for one, other in combinations(range(len(order)), 2):
        assert (before[one] == before[other]) == (after[one] == after[other])
    known = before > 0
    assert (after[known] == before[known]).all()


@pytest.mark.parametrize("count", [40, 300])
def test_pairs_that_are_held_are_enough(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linking, "_PAIRS_AT_ONCE", 64)
    generator = np.random.default_rng(count)
    centres = generator.normal(0, 0.05, (count // 4, 128))
    people = generator.integers(0, len(centres), count)
    templates = (centres[people] + generator.normal(0, 0.02, (count, 128))).astype(np.float32)
    found = link(groups_of(templates), LIMIT, never).people
    assert all((people[a] == people[b]) == (found[a] == found[b]) for a, b in combinations(range(count), 2))
