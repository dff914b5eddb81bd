"""The factor by which distances of another space mean the same."""

import numpy as np
import pytest
from numpy.typing import NDArray

from models.faces import Embeddings
from models.stretch import LEAST_PEOPLE, stretch_between


def people(count: int, length: int, spread: float, seed: int) -> tuple[NDArray[np.int64], Embeddings]:
    """Two faces each of people who are about the spread times 1.4 times the root of the length apart."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(0, spread, (count, length))
    noise = generator.normal(0, spread / 5, (2 * count, length))
    return np.repeat(np.arange(count), 2), (np.repeat(centres, 2, axis=0) + noise).astype(np.float32)


def test_a_space_that_is_another_one_stretched_is_stretched_back() -> None:
    ids, faces = people(60, 128, 0.06, 1)
    for factor in (0.25, 1, 3):
        assert stretch_between(ids, faces, faces * np.float32(factor)) == pytest.approx(1 / factor, rel=1e-4)


def test_afterwards_as_few_strangers_are_near_in_both() -> None:
    ids, faces = people(200, 128, 0.06, 1)
    _, other = people(200, 512, 0.11, 2)
    factor = stretch_between(ids, faces, other)
    assert factor is not None

    different = ids[:, np.newaxis] != ids
    here, there = (
        np.linalg.norm(vectors[:, np.newaxis] - vectors, axis=2)[different]
        for vectors in (faces, other * np.float32(factor))
    )
    assert (there < np.quantile(here, 0.01)).mean() == pytest.approx(0.01, abs=0.001)
    assert (other.shape[1], abs(factor - 1) > 0.1) == (512, True)


def test_too_few_people_tell_nothing() -> None:
    ids, faces = people(LEAST_PEOPLE - 1, 8, 1, 3)
    assert stretch_between(ids, faces, faces) is None


def test_vectors_that_are_all_one_tell_nothing() -> None:
    ids, faces = people(LEAST_PEOPLE, 8, 1, 3)
    assert stretch_between(ids, faces, np.zeros_like(faces)) is None
