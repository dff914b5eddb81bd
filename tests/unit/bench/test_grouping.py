import numpy as np
import pytest

from bench.grouping import chosen, grouped, line
from evaluation.labelled import LabelledFaces


@pytest.fixture
def faces() -> LabelledFaces:
    """Ten people of four faces each, about 0.1 apart; two of the people are 0.3 apart, the others far."""
    generator = np.random.default_rng(2)
    centres = generator.normal(size=(10, 128))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    centres[1] = centres[0] + 0.3 * centres[1]
    people = np.repeat(np.arange(10), 4)
    return LabelledFaces(
        names=[str(number) for number in range(10)],
        people=people,
        photographs=[f"{number}.jpg" for number in range(40)],
        embeddings=(centres[people] + generator.normal(size=(40, 128)) * 0.1 / 16).astype(np.float32),
        qualities=np.ones(40),
        space="made up",
        detector="none",
        faceless=0,
    )


def test_limits_divide_join_and_confuse(faces: LabelledFaces) -> None:
    (everybody,) = chosen(faces, None, 1, 2)
    divided, right, confused = (grouped(faces, everybody, limit) for limit in (0.01, 0.2, 0.5))
    assert (divided.clusters, divided.precision, divided.recall, divided.homogeneity) == (40, None, 0, 1)
    assert (right.clusters, right.precision, right.recall, right.v_measure) == (10, 1, 1, 1)
    # Two people of four faces are one group: 12 of its 28 pairs are of one person.
    assert (confused.clusters, confused.precision, confused.completeness) == (9, (8 * 6 + 12) / (8 * 6 + 28), 1)


def test_a_draw_is_of_so_many_people_with_all_their_faces_and_can_be_repeated(faces: LabelledFaces) -> None:
    draws = list(chosen(faces, 3, 4, 2))
    assert [len(rows) for rows in draws] == [12] * 4
    assert all((first == second).all() for first, second in zip(draws, chosen(faces, 3, 4, 2), strict=True))
    assert len({tuple(rows) for rows in draws}) > 1


def test_a_line_holds_the_means(faces: LabelledFaces) -> None:
    draws = [grouped(faces, rows, 0.01) for rows in chosen(faces, 3, 2, 2)]
    assert line(0.01, draws).split() == ["limit", "0.01", "12.0", "groups", "1.000", "0.000", "V", "0.613"]
