from pathlib import Path

import numpy as np
import pytest

from bench import damage
from curation.photographs import read_photograph
from demo.material import Material
from models.faces import Box, RgbImage

FACE = Box(381, 148, 614, 382)


@pytest.fixture(scope="module")
def portrait(material: Material) -> RgbImage:
    return read_photograph(Path(material.obama))


@pytest.mark.parametrize("kind", [*damage.FITTED, *damage.UNSEEN])
def test_damage_is_done_where_the_face_is_and_a_seed_repeats_it(portrait: RgbImage, kind: str) -> None:
    spoil = (damage.FITTED | damage.UNSEEN)[kind]  # type: ignore[operator]  # both are dicts
    before = portrait.copy()
    once, again, other = (spoil(portrait, FACE, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(portrait, before)
    np.testing.assert_array_equal(once, again)
    assert once.dtype == np.uint8
    assert once.ndim == 3
    assert once.shape != other.shape or (once != other).any()
    if kind != "small":
        assert once.shape == portrait.shape
        face = np.s_[FACE.top : FACE.bottom, FACE.left : FACE.right]
        assert np.abs(once[face].astype(int) - portrait[face]).mean() > 0.5


def test_nothing_is_fitted_to_what_it_is_judged_by() -> None:
    assert not set(damage.FITTED) & set(damage.UNSEEN)
