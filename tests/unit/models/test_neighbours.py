from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.faces import Embeddings
from models.neighbours import FlatIndex


def vectors(count: int, seed: int, length: int = 128) -> Embeddings:
    return np.random.default_rng(seed).normal(scale=0.1, size=(count, length)).astype(np.float32)


@given(
    held=st.integers(1, 300),
    # FAISS searches many at once another way than few.
    asked=st.integers(1, 40),
    count=st.integers(1, 40),
    length=st.sampled_from([1, 4, 128, 129]),
    doubled=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_neighbours_are_those_of_brute_force(
    held: int, asked: int, count: int, length: int, doubled: bool, seed: int
) -> None:
    there = vectors(held, seed, length)
    there[held // 2 :] = there[: held - held // 2] if doubled else there[held // 2 :]
    queries = vectors(asked, seed + 1, length)
    distances, positions = FlatIndex(there).nearest(queries, count)
    expected = np.linalg.norm(there.astype(np.float64) - queries[:, np.newaxis], axis=2)
    assert distances.shape == positions.shape == (asked, min(count, held))
    assert np.allclose(distances, np.take_along_axis(expected, positions, 1), rtol=0, atol=1e-12)
    # FAISS's choice is made in single precision.
    assert np.allclose(distances, np.sort(expected, axis=1)[:, :count], rtol=0, atol=1e-6)
    for row, order in zip(distances, positions, strict=True):
        assert len(set(order.tolist())) == len(order)
        assert np.all((row[1:] > row[:-1]) | ((row[1:] == row[:-1]) & (order[1:] > order[:-1])))


def test_a_mapped_file_is_searched_where_it_lies_and_cannot_be_changed(tmp_path: Path) -> None:
    there = vectors(5000, 1)
    there.tofile(tmp_path / "vectors")
    mapped = np.memmap(tmp_path / "vectors", np.float32, "r", shape=there.shape)
    index = FlatIndex(mapped)
    assert np.shares_memory(index._vectors, mapped)
    assert not index._vectors.flags.writeable
    for asked in (1, 64):
        for found, expected in zip(
            index.nearest(there[:asked], 9), FlatIndex(there).nearest(there[:asked], 9), strict=True
        ):
            assert np.array_equal(found, expected)


def test_rows_that_do_not_lie_one_after_another_are_found_too() -> None:
    wide = vectors(50, 3, 256)
    distances, positions = FlatIndex(wide[:, ::2]).nearest(wide[7:8, ::2], 1)
    assert (distances.tolist(), positions.tolist()) == ([[0.0]], [[7]])


def test_vectors_that_compare_with_nothing_are_an_error_and_never_neighbours() -> None:
    there = vectors(3, 1)
    there[1] = np.nan
    index = FlatIndex(there)
    assert index.nearest(there[2:], 2)[1].tolist() == [[2, 0]]
    with pytest.raises(ValueError, match="fewer than 3 of 3"):
        index.nearest(there[2:], 3)


@pytest.mark.parametrize(("held", "asked"), [(0, 3), (3, 0), (0, 0)])
def test_nothing_finds_nothing(held: int, asked: int) -> None:
    distances, positions = FlatIndex(vectors(held, 1)).nearest(vectors(asked, 2), 5)
    assert distances.shape == positions.shape == (asked, min(5, held))
