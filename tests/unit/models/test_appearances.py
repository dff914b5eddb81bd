from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.appearances import Sighting, appearances

seconds = st.fractions(min_value=-10, max_value=100, max_denominator=90_000)
lengths = st.one_of(st.just(Fraction(0)), st.fractions(min_value=0, max_value=8, max_denominator=1001))
gaps = st.fractions(min_value=0, max_value=10, max_denominator=1000)


@st.composite
def one_persons_sightings(draw: st.DrawFn) -> list[Sighting]:
    drawn = draw(st.lists(st.tuples(seconds, lengths, st.sampled_from([0.0, 0.25, 0.5, 1.0])), max_size=30))
    return [
        Sighting(face=100 - number, sample=number, first=first, last=first + length, quality=quality)
        for number, (first, length, quality) in enumerate(drawn)
    ]


def seen(face: int, first: str, last: str | None = None, quality: float = 0.5) -> Sighting:
    return Sighting(face, sample=face, first=Fraction(first), last=Fraction(last or first), quality=quality)


def test_sightings_join_over_a_gap_of_just_the_largest_length() -> None:
    [stretch] = appearances([seen(1, "0"), seen(2, "6.5")], Fraction("6.5"))
    assert (stretch.start, stretch.end, stretch.faces) == (Fraction(0), Fraction("6.5"), (1, 2))


def test_the_least_longer_gap_divides_them() -> None:
    later = Sighting(2, 2, Fraction("6.5") + Fraction(1, 10**9), Fraction(7), 0.5)
    assert [stretch.faces for stretch in appearances([seen(1, "0"), later], Fraction("6.5"))] == [(1,), (2,)]


def test_a_face_that_was_carried_forward_closes_the_gap() -> None:
    [stretch] = appearances([seen(1, "0", "60"), seen(2, "63")], Fraction(3))
    assert (stretch.start, stretch.end) == (Fraction(0), Fraction(63))


def test_a_short_sighting_inside_a_carried_one_does_not_end_it() -> None:
    [stretch] = appearances([seen(1, "0", "60"), seen(2, "10"), seen(3, "62")], Fraction(3))
    assert (stretch.end, stretch.faces) == (Fraction(62), (1, 2, 3))


def test_the_best_face_is_the_earliest_of_equals() -> None:
    [stretch] = appearances(
        [seen(3, "2", quality=0.9), seen(1, "0", quality=0.2), seen(2, "1", quality=0.9)], Fraction(3)
    )
    assert stretch.best == 2


def test_nobody_seen_gives_no_stretch() -> None:
    assert appearances([], Fraction(3)) == []


def test_a_sighting_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="face 1 ends"):
        appearances([seen(1, "5", "4")], Fraction(3))


@given(one_persons_sightings(), gaps)
def test_stretches_are_in_order_with_longer_gaps_between_them(sightings: list[Sighting], gap: Fraction) -> None:
    stretches = appearances(sightings, gap)
    assert all(stretch.start <= stretch.end for stretch in stretches)
    assert all(after.start - before.end > gap for before, after in pairwise(stretches))


@given(one_persons_sightings(), gaps)
def test_every_sighting_lies_in_the_one_stretch_that_lists_it(sightings: list[Sighting], gap: Fraction) -> None:
    stretches = appearances(sightings, gap)
    by_face = {sighting.face: sighting for sighting in sightings}
    assert sorted(face for stretch in stretches for face in stretch.faces) == sorted(by_face)
    for stretch in stretches:
        own = [by_face[face] for face in stretch.faces]
        assert stretch.start == min(sighting.first for sighting in own)
        assert stretch.end == max(sighting.last for sighting in own)
        assert by_face[stretch.best].quality == max(sighting.quality for sighting in own)


@given(one_persons_sightings(), gaps)
def test_inside_a_stretch_there_is_no_longer_gap(sightings: list[Sighting], gap: Fraction) -> None:
    by_face = {sighting.face: sighting for sighting in sightings}
    for stretch in appearances(sightings, gap):
        reached = stretch.start
        for sighting in (by_face[face] for face in stretch.faces):
            assert sighting.first - reached <= gap
            reached = max(reached, sighting.last)


@given(one_persons_sightings(), gaps, st.randoms(use_true_random=False))
def test_the_order_of_the_sightings_does_not_matter(sightings: list[Sighting], gap: Fraction, random: object) -> None:
    shuffled = list(sightings)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis declares its random as object
    assert appearances(shuffled, gap) == appearances(sightings, gap)
