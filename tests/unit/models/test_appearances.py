from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.appearances import Sighting, appearances

INTERVAL = Fraction(3)
gaps = st.floats(min_value=0, max_value=6)


@st.composite
def one_persons_sightings(draw: st.DrawFn) -> list[Sighting]:
    """Of frames that lie up to half an interval from their instants."""
    shifts = draw(st.lists(st.integers(-1500, 1500), min_size=40, max_size=40))
    frames = [number * INTERVAL + Fraction(shift, 1001) for number, shift in enumerate(shifts)]
    drawn = draw(st.lists(st.tuples(st.integers(0, 30), st.sampled_from([0, 0, 0, 1, 2, 9])), max_size=30))
    return [
        Sighting(
            face=100 - number,
            quality=draw(st.sampled_from([0.0, 0.25, 0.5, 1.0])),
            first_sample=first,
            last_sample=first + length,
            first=frames[first],
            last=frames[first + length],
        )
        for number, (first, length) in enumerate(drawn)
    ]


def seen(face: int, first: int, last: int | None = None, quality: float = 0.5) -> Sighting:
    last = first if last is None else last
    return Sighting(face, quality, first, last, first * INTERVAL, last * INTERVAL)


def test_sightings_join_over_a_gap_of_just_the_largest_length() -> None:
    [stretch] = appearances([seen(1, 0), seen(2, 2)], 2.0)
    assert (stretch.start, stretch.end, stretch.faces) == (Fraction(0), Fraction(6), (1, 2))


def test_a_longer_gap_divides_them() -> None:
    assert [stretch.faces for stretch in appearances([seen(1, 0), seen(2, 3)], 2.2)] == [(1,), (2,)]


def test_samples_are_counted_however_far_apart_their_frames_are() -> None:
    early, late = Sighting(1, 0.5, 0, 0, Fraction(0), Fraction(0)), Sighting(2, 0.5, 2, 2, Fraction(9), Fraction(9))
    assert len(appearances([early, late], 2.2)) == 1


def test_a_face_that_was_carried_forward_closes_the_gap() -> None:
    [stretch] = appearances([seen(1, 0, 20), seen(2, 21)], 1)
    assert (stretch.start, stretch.end) == (Fraction(0), Fraction(63))


def test_a_short_sighting_inside_a_carried_one_does_not_end_it() -> None:
    [stretch] = appearances([seen(1, 0, 20), seen(2, 3), seen(3, 21)], 1)
    assert (stretch.end, stretch.faces) == (Fraction(63), (1, 2, 3))


def test_the_best_face_is_the_earliest_of_equals() -> None:
    [stretch] = appearances([seen(3, 2, quality=0.9), seen(1, 0, quality=0.2), seen(2, 1, quality=0.9)], 1)
    assert stretch.best == 2


def test_nobody_seen_gives_no_stretch() -> None:
    assert appearances([], 3) == []


def test_a_sighting_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="face 1 ends"):
        appearances([seen(1, 5, 4)], 3)


@given(one_persons_sightings(), gaps)
def test_stretches_are_in_order_with_longer_gaps_between_them(sightings: list[Sighting], gap: float) -> None:
    stretches = appearances(sightings, gap)
    by_face = {sighting.face: sighting for sighting in sightings}
    assert all(stretch.start <= stretch.end for stretch in stretches)
    for before, after in pairwise(stretches):
        assert before.end < after.start
        last = max(by_face[face].last_sample for face in before.faces)
        assert by_face[after.faces[0]].first_sample - last > gap


@given(one_persons_sightings(), gaps)
def test_every_sighting_lies_in_the_one_stretch_that_lists_it(sightings: list[Sighting], gap: float) -> None:
    stretches = appearances(sightings, gap)
    by_face = {sighting.face: sighting for sighting in sightings}
    assert sorted(face for stretch in stretches for face in stretch.faces) == sorted(by_face)
    for stretch in stretches:
        own = [by_face[face] for face in stretch.faces]
        assert stretch.start == min(sighting.first for sighting in own)
        assert stretch.end == max(sighting.last for sighting in own)
        assert by_face[stretch.best].quality == max(sighting.quality for sighting in own)


@given(one_persons_sightings(), gaps)
def test_inside_a_stretch_there_is_no_longer_gap(sightings: list[Sighting], gap: float) -> None:
    by_face = {sighting.face: sighting for sighting in sightings}
    for stretch in appearances(sightings, gap):
        own = [by_face[face] for face in stretch.faces]
        reached = own[0].first_sample
        for sighting in own:
            assert sighting.first_sample - reached <= gap
            reached = max(reached, sighting.last_sample)


@given(one_persons_sightings(), gaps, st.randoms(use_true_random=False))
def test_the_order_of_the_sightings_does_not_matter(sightings: list[Sighting], gap: float, random: object) -> None:
    shuffled = list(sightings)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis declares its random as object
    assert appearances(shuffled, gap) == appearances(sightings, gap)
