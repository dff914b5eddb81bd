"""Multi-index hashing: what is looked up is enough, and as much as was published."""

from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import multi_index
from models.multi_index import PARTS, distances, look_ups, parts, probes, radii

hashes = st.integers(0, 2**64 - 1)
bits = st.sets(st.integers(0, 63), max_size=8)


def flipped(value: int, places: set[int]) -> int:
    return value ^ sum(1 << place for place in places)


@given(hashes, bits, st.integers(0, 8))
def test_whatever_lies_within_the_radius_shares_a_looked_up_part(value: int, places: set[int], radius: int) -> None:
    near = np.array([flipped(value, places)], np.uint64)
    asked = probes(np.array([value], np.uint64), radius)
    found = any(part in values for part, values in zip(parts(near)[0], asked, strict=True))
    assert found or len(places) > radius


@pytest.mark.parametrize("radius", range(9))
def test_as_many_values_are_looked_up_as_were_published(radius: int) -> None:
    """Norouzi, Punjani, Fleet (2014): for r = m·a + b, (b + 1) parts of s bits up to a, the others up to a - 1."""
    shared, left = divmod(radius, 4)
    published = (left + 1) * sum(comb(16, flips) for flips in range(shared + 1))
    published += (4 - left - 1) * sum(comb(16, flips) for flips in range(shared))
    asked = probes(np.array([0x0123_4567_89AB_CDEF], np.uint64), radius)
    assert sum(len(values) for values in asked) == look_ups(radius) == published


def test_the_numbers_of_the_default_radius_and_its_neighbours() -> None:
    assert [look_ups(radius) for radius in (0, 3, 4, 6, 7, 8)] == [1, 4, 20, 52, 68, 188]
    assert radii(4) == [1, 0, 0, 0]
    assert radii(2) == [0, 0, 0, -1]


def test_several_hashes_are_asked_for_at_once_and_shared_values_once() -> None:
    asked = probes(np.array([1, 1, 2], np.uint64), 3)
    assert [len(values) for values in asked] == [2, 1, 1, 1]


def test_parts_put_together_are_the_hash() -> None:
    value = 0xFEDC_BA98_7654_3210
    together = sum((int(part) & 0xFFFF) << (16 * place) for place, part in enumerate(parts(np.array([value], "u8"))[0]))
    assert together == value
    assert parts(np.array([value], np.uint64)).shape == (1, PARTS)


@given(st.lists(hashes, max_size=5), st.lists(hashes, max_size=5))
def test_distances_count_bits(some: list[int], others: list[int]) -> None:
    table = distances(np.array(some, np.uint64), np.array(others, np.uint64))
    assert table.tolist() == [[(one ^ other).bit_count() for other in others] for one in some]


def test_the_masks_of_a_part_are_all_of_so_few_bits() -> None:
    masks = multi_index.probes(np.zeros(1, np.uint64), 8)[0].view(np.uint16).tolist()
    few = {sum(1 << bit for bit in some) for flips in range(3) for some in combinations(range(16), flips)}
    assert set(masks) == few
