"""The tree of exceptions: complete, picklable, with a stable code each."""

import pickle
from collections.abc import Iterator

import pytest

from config import errors
from config.errors import RollcallError


def tree(kind: type[RollcallError]) -> Iterator[type[RollcallError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from tree(child)


@pytest.mark.parametrize("kind", list(tree(RollcallError)))
def test_an_error_survives_pickling_and_says_its_subject(kind: type[RollcallError]) -> None:
    error = pickle.loads(pickle.dumps(kind("film.mp4", "is empty", "copy it again")))
    assert type(error) is kind
    assert (error.subject, error.what, error.remedy) == ("film.mp4", "is empty", "copy it again")
    assert str(error) == "film.mp4: is empty; copy it again"
    assert str(kind("film.mp4", "is empty")) == "film.mp4: is empty"


def test_codes_are_distinct_and_the_drawing_is_complete() -> None:
    kinds = list(tree(RollcallError))
    assert len({kind.code for kind in kinds}) == len(kinds)
    drawn = errors.__doc__ or ""
    for kind in kinds:
        assert kind.__name__ in drawn
