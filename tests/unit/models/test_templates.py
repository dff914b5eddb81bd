"""Means of faces, whole and in parts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.templates import TemplateSums, template, templates_by_identity, variance


@given(
    owners=st.lists(st.integers(-5, 2**40), min_size=0, max_size=40),
    size=st.integers(1, 15),
    seed=st.integers(0, 1000),
)
def test_templates_are_each_identitys_mean_in_whatever_parts_its_faces_come(
    owners: list[int], size: int, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    identity_ids = np.array(owners, np.int64)
    embeddings = generator.normal(size=(len(owners), 8)).astype(np.float32)
    weights = generator.choice([0.0, 0.2, 1.0], size=len(owners))
    sums = TemplateSums(8)
    for start in range(0, len(owners), size):
        part = slice(start, start + size)
        sums.add(identity_ids[part], embeddings[part], weights[part])
    for found, templates in (sums.templates(), templates_by_identity(identity_ids, embeddings, weights)):
        assert found.tolist() == sorted(set(owners))
        for identity, one in zip(found.tolist(), templates, strict=True):
            own = identity_ids == identity
            assert one == pytest.approx(template(embeddings[own], weights[own]), abs=1e-5)


@given(size=st.integers(1, 12), seed=st.integers(0, 1000))
def test_the_variance_is_what_a_mean_takes_off_the_squared_distances_of_its_faces(size: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    embeddings = generator.normal(size=(size, 8)).astype(np.float32)
    weights = generator.choice([0.1, 0.5, 1.0], size=size)
    other = generator.normal(size=8)
    mean = template(embeddings, weights)
    of_faces = np.average(((embeddings - other) ** 2).sum(axis=1), weights=weights)
    assert float(((mean - other) ** 2).sum()) + variance(embeddings, weights, mean) == pytest.approx(of_faces, rel=1e-4)
    assert variance(embeddings[:1], weights[:1], embeddings[0]) == 0
