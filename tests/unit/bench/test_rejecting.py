import numpy as np
import pytest

from bench import rejecting
from bench.probes import PLAIN, PROBE, REFERENCE, Faces
from bench.rejecting import Compared, Searches
from models.faces import PARTS


def compared(name: str, seed: int, weights: tuple[float, ...], constant: float = -1.0, count: int = 6000) -> Compared:
    """Comparisons that fail by the very rule that is fitted."""
    generator = np.random.default_rng(seed)
    parts = generator.uniform(0.2, 1, (count, 2, len(PARTS)))
    log_odds = constant - np.log(parts).sum(axis=1) @ np.array(weights)
    return Compared(name, parts, generator.random(count) < 1 / (1 + np.exp(-log_odds)))


def test_a_fit_finds_the_weights_and_a_useless_part_gets_none() -> None:
    sets = [compared("easy", 1, (1.0, 0.0, 0.5, 1.5, 0.3), -2.0), compared("hard", 2, (1.0, 0.0, 0.5, 1.5, 0.3), 0.0)]
    weights, constants = rejecting.fit(sets)
    np.testing.assert_allclose(weights, [1.0, 0.0, 0.5, 1.5, 0.3], atol=0.2)
    np.testing.assert_allclose(constants, [-2.0, 0.0], atol=0.3)
    assert rejecting.fit(sets, "exposure")[0][PARTS.index("exposure")] == 0


def test_a_part_that_is_worse_when_it_is_better_gets_no_weight() -> None:
    weights, _ = rejecting.fit([compared("odd", 3, (1.0, -1.0, 0.0, 0.0, 0.0))])
    assert weights[PARTS.index("size")] == 0


def test_rejecting_by_what_decides_leaves_fewer_failures_and_by_chance_as_many() -> None:
    one = compared("one", 4, (2.0, 0.0, 0.0, 0.0, 0.0))
    shares = (0.0, 0.25, 0.5)
    rates = rejecting.kept(one, rejecting.mean(one.parts, np.eye(5)[0]), shares)
    assert rates[0] == pytest.approx(one.failed.mean())
    assert rates[0] > rates[1] + 0.05 > rates[2] + 0.1
    useless = rejecting.kept(one, rejecting.mean(one.parts, np.eye(5)[1]), shares)
    assert useless == pytest.approx([rates[0]] * 3, abs=0.03)


def test_the_poorer_face_decides() -> None:
    parts = np.ones((4, 2, 5))
    qualities = np.array([(1.0, 0.1), (0.2, 1.0), (0.3, 0.3), (0.9, 0.9)])
    one = Compared("one", parts, np.array([True, False, True, False]))
    assert rejecting.kept(one, qualities, (0.0, 0.25, 0.5, 0.75)) == [0.5, pytest.approx(1 / 3), 0.5, 0.0]


def made_up(people: int = 40) -> Faces:
    """Everybody's reference and probe, near each other. Every other probe is spoiled; one reference has no face."""
    generator = np.random.default_rng(5)
    centres = generator.normal(size=(people, 128))
    names = [f"person {number}" for number in range(people)]
    return Faces(
        sets=np.array([REFERENCE] * people + [PROBE] * people),
        people=np.array(names * 2),
        photographs=np.array([f"{name}.jpg" for name in names * 2]),
        kinds=np.array([PLAIN] * people + [PLAIN, "blurred"] * (people // 2)),
        found=np.array([True] * (people - 1) + [False] + [True] * people),
        parts=np.ones((2 * people, 5)),
        embeddings=(np.tile(centres, (2, 1)) + generator.normal(0, 0.1, (2 * people, 128))).astype(np.float32),
    )


def test_everybody_is_compared_with_the_own_reference() -> None:
    faces = made_up()
    searches = Searches.of(faces)
    assert len(searches.probes) == len(searches.references) == 39, "whoever has no reference is not searched for"
    limit = searches.limit(faces.kinds[searches.probes] == PLAIN)
    assert searches.mated.max() < limit < np.median(searches.distances)
    halves = [searches.compared(faces, "half", limit, ["blurred"], half) for half in (0, 1)]
    assert [len(half.failed) for half in halves] == [20, 19]
    assert not any(half.failed.any() for half in halves)
    assert len(searches.compared(faces, "plain", limit, [], 1).failed) == 0, "of that half all are spoiled"
