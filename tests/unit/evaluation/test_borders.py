from fractions import Fraction

import pytest

from evaluation.borders import BorderError, summary


def test_errors_keep_their_sign_in_the_median_only() -> None:
    errors = [BorderError("start", Fraction(error), Fraction(2)) for error in (-4, 1, 1, 2, 3)]
    assert summary(errors) == {
        "borders": 5,
        "median": 1,
        "absolute": {"median": 2, "p90": pytest.approx(3.6), "largest": 4},
        "within_stated": 3 / 5,
    }


def test_each_border_has_its_own_uncertainty_and_an_error_of_that_size_is_within() -> None:
    errors = [
        BorderError("start", Fraction(1, 3), Fraction(1, 3)),
        BorderError("end", Fraction(-1, 3), Fraction(1, 4)),
    ]
    found = summary(errors)
    assert found is not None
    assert found["within_stated"] == 0.5


def test_without_borders_there_is_nothing_to_tell() -> None:
    assert summary([]) is None
