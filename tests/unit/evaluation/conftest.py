from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from evaluation.labelled import LabelledFaces


def labelled(people: Sequence[int], embeddings: NDArray[np.float32]) -> LabelledFaces:
    people_array = np.array(people, np.int64)
    return LabelledFaces(
        names=[f"person {number}" for number in range(max(people) + 1)],
        people=people_array,
        photographs=[f"/photographs/{number}.jpg" for number in range(len(people))],
        embeddings=embeddings,
        qualities=np.ones(len(people)),
        space="made up",
        detector="none",
        faceless=3,
    )


@pytest.fixture(scope="session")
def crowded() -> LabelledFaces:
    """300 people of three faces each, half of them in a crowd: ten times as near to each other as the other half.

    A person's faces lie near each other by the measure of their half. So no distance parts one person's faces from two
    people's in both halves, and it takes a look at each face's neighbourhood to do so.
    """
    generator = np.random.default_rng(5)
    scale = np.repeat([0.1, 1.0], 150)
    centres = generator.normal(size=(300, 128)) * scale[:, np.newaxis]
    faces = np.repeat(centres, 3, axis=0) + generator.normal(size=(900, 128)) * np.repeat(scale, 3)[:, np.newaxis] * 0.6
    return labelled(np.repeat(np.arange(300), 3).tolist(), faces.astype(np.float32))
