import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from curation import likeness
from curation.likeness import EnrolledFaces, LikenessRule, Neighbour


def enrolled(vectors: NDArray[np.float32], owners: list[int], start: int) -> EnrolledFaces:
    """The first `start` vectors loaded, the others added one by one; the k-th face has id k + 1000."""
    face_ids = np.arange(1000, 1000 + start, dtype=np.int64)
    faces = EnrolledFaces(start, face_ids, np.array(owners[:start], np.int64), vectors[:start])
    for place in range(start, len(owners)):
        faces.add(place + 1, 1000 + place, owners[place], vectors[place])
    return faces


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    owners=st.lists(st.integers(1, 5), max_size=40),
    loaded=st.integers(0, 40),
    asked=st.integers(1, 6),
    tail=st.integers(1, 10),
)
def test_neighbours_are_those_of_an_exhaustive_search(
    seed: int, owners: list[int], loaded: int, asked: int, tail: int
) -> None:
    generator = np.random.default_rng(seed)
    vectors = generator.normal(size=(len(owners), 128)).astype(np.float32)
    probe = generator.normal(size=128).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(likeness, "_LARGEST_TAIL", tail)
        faces = enrolled(vectors, owners, min(loaded, len(owners)))
    distances = np.linalg.norm(vectors.astype(np.float64) - probe, axis=1)

    def expected(*, own: bool) -> Neighbour | None:
        among = [place for place, owner in enumerate(owners) if (owner == asked) == own]
        best = min(among, key=lambda place: distances[place], default=None)
        return None if best is None else Neighbour(1000 + best, owners[best], float(distances[best]))

    for found, wanted in (
        (faces.nearest_own(asked, probe), expected(own=True)),
        (faces.nearest_other(asked, probe), expected(own=False)),
    ):
        if wanted is None:
            assert found is None
        else:
            assert found is not None
            assert (found.face_id, found.identity_id) == (wanted.face_id, wanted.identity_id)
            assert found.distance == pytest.approx(wanted.distance)
    assert len(faces) == faces.version == len(owners)
    assert faces.last_face_id == (999 + len(owners) if owners else 0)
    assert faces.count(asked) == owners.count(asked)


def test_a_face_is_not_among_its_own() -> None:
    vectors = np.eye(3, 128, dtype=np.float32)
    faces = enrolled(vectors, [7, 8, 7], 2)
    assert faces.distances_to_own(0).tolist() == pytest.approx([2**0.5])
    assert faces.distances_to_own(1).tolist() == []
    assert faces.positions_of(7) == (0, 2)
    assert faces.positions_of(9) == ()
    assert faces.embedding(2).tolist() == vectors[2].tolist()


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    owners=st.lists(st.integers(1, 4), max_size=40),
    loaded=st.integers(0, 40),
    at_once=st.integers(1, 50),
    first=st.integers(1, 6),
)
def test_the_nearest_others_of_all_are_those_of_each(
    seed: int, owners: list[int], loaded: int, at_once: int, first: int
) -> None:
    vectors = np.random.default_rng(seed).normal(size=(len(owners), 128)).astype(np.float32)
    faces = enrolled(vectors, owners, min(loaded, len(owners)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(likeness, "_SEARCHED_AT_ONCE", at_once)
        patch.setattr(likeness, "_NEIGHBOURS_AT_FIRST", first)
        together = list(faces.nearest_others())
    assert together == [faces.nearest_other(owner, vector) for owner, vector in zip(owners, vectors, strict=True)]


def test_somebody_unknown_has_every_enrolled_face_for_a_neighbour() -> None:
    vectors = np.eye(2, 128, dtype=np.float32)
    faces = enrolled(vectors, [7, 8], 1)
    assert faces.nearest_other(None, vectors[1]) == Neighbour(1001, 8, 0.0)


@pytest.mark.parametrize(
    ("own", "other", "doubted"),
    [
        (None, 0.34, True),
        (None, 0.36, False),
        (0.60, 0.44, True),
        (0.60, 0.46, False),
        (0.80, 0.50, True),
        (0.80, 0.51, False),
        (0.30, 0.20, False),
        (0.30, 0.40, False),
    ],
)
def test_another_must_be_near_and_clearly_nearer(own: float | None, other: float, *, doubted: bool) -> None:
    assert LikenessRule(0.5).doubts(own, other) is doubted
