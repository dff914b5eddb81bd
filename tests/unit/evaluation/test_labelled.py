from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from config.errors import ForeignEmbeddings, NotEnoughPeople
from evaluation.labelled import labelled_faces, people_of


def arrays(paths: list[str], boxes: list[tuple[int, int, int, int]]) -> dict[str, NDArray[Any]]:
    count = len(paths)
    return {
        "path": np.array(paths, np.str_),
        "size": np.tile(np.array([250, 250], np.int32), (count, 1)),
        "box": np.array(boxes, np.int32).reshape(-1, 4),
        "score": np.ones(count, np.float32),
        "quality": np.linspace(0, 1, count, dtype=np.float32),
        "landmarks": np.zeros((count, 5, 2), np.float32),
        "embedding": np.arange(count * 128, dtype=np.float32).reshape(-1, 128),
        "space": np.array("made up"),
        "detector": np.array("none"),
    }


CENTRAL, CORNER, LARGE_CORNER = (85, 85, 165, 165), (0, 0, 70, 70), (0, 0, 240, 240)


@pytest.mark.parametrize(
    ("boxes", "chosen"),
    [
        pytest.param([CORNER, CENTRAL], 1, id="the one in the middle, though another is surer"),
        pytest.param([CENTRAL, CORNER], 0, id="the one in the middle"),
        pytest.param([CENTRAL, (100, 100, 120, 120)], 0, id="the larger of two in the middle"),
        pytest.param([CENTRAL, LARGE_CORNER], 1, id="one that fills the picture, though a little aside"),
    ],
)
def test_of_several_faces_the_largest_and_most_central_is_taken(
    boxes: list[tuple[int, int, int, int]], chosen: int
) -> None:
    faces = labelled_faces(arrays(["a/1.jpg"] * 2, boxes), {"a/1.jpg": "a"})
    assert len(faces) == 1
    assert faces.embeddings[0, 0] == 128 * chosen


def test_faces_carry_the_names_of_their_photographs() -> None:
    given = arrays(["x/b/1.jpg", "x/a/1.jpg", "elsewhere/1.jpg"], [CENTRAL] * 3)
    people = {"x/a/../a/1.jpg": "a", str(Path("x/b/1.jpg").absolute()): "b", "x/b/2.jpg": "b"}
    faces = labelled_faces(given, people)
    assert [faces.names[person] for person in faces.people] == ["a", "b"]
    assert faces.embeddings[:, 0].tolist() == [128, 0]
    assert faces.qualities.tolist() == [0.5, 0]
    assert faces.faceless == 1
    assert "128" not in repr(faces)


@pytest.mark.parametrize("name", ["embedding", "size", "space"])
def test_a_file_that_lacks_an_array_is_refused(name: str) -> None:
    given = arrays(["a/1.jpg"], [CENTRAL])
    del given[name]
    with pytest.raises(ForeignEmbeddings, match=name):
        labelled_faces(given, {"a/1.jpg": "a"})


def test_arrays_of_other_shapes_are_refused() -> None:
    for name, wrong in (("box", np.zeros((1, 3))), ("quality", np.zeros(2)), ("embedding", np.zeros(1))):
        given = {**arrays(["a/1.jpg"], [CENTRAL]), name: wrong}
        with pytest.raises(ForeignEmbeddings, match=name):
            labelled_faces(given, {"a/1.jpg": "a"})


def test_a_file_of_other_photographs_is_refused() -> None:
    with pytest.raises(ForeignEmbeddings, match="no face of the photographs"):
        labelled_faces(arrays(["b/1.jpg"], [CENTRAL]), {"a/1.jpg": "a"})


def test_a_person_is_the_folder_under_the_top() -> None:
    tops = [Path("x"), Path("y")]
    photographs = [Path("x/a/1.jpg"), Path("x/a/deep/2.jpg"), Path("x/loose.jpg"), Path("y/a/1.jpg"), Path("y/b/1.jpg")]
    assert people_of(photographs, tops) == dict(
        zip((photographs[0], photographs[1], photographs[3], photographs[4]), "aaab", strict=True)
    )
    with pytest.raises(NotEnoughPeople, match="x, y"):
        people_of([Path("x/loose.jpg")], tops)
