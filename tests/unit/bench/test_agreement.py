"""How far results are said to be the same."""

import numpy as np
import pytest

from bench import agreement
from models.faces import Box, Detection


def test_embeddings_differ_by_their_most_different_number() -> None:
    first = np.zeros((2, 128), np.float32)
    own = first.copy()
    own[1, 5], own[0, 7] = -0.25, 0.125
    assert agreement.embeddings(first, own) == {"largest difference": 0.25}
    assert agreement.embeddings(first[:0], own[:0]) == {"largest difference": 0.0}


def test_boxes_match_where_they_nearly_cover_each_other() -> None:
    face, shifted, elsewhere = Box(0, 0, 100, 100), Box(1, 0, 101, 100), Box(300, 0, 400, 100)
    first = [[Detection(face, 1.0), Detection(elsewhere, 0.5)], [Detection(face, 0.9)]]
    own = [[Detection(shifted, 0.75)], [Detection(Box(20, 0, 120, 100), 0.9), Detection(face, 0.8)]]
    told = agreement.boxes(first, own)
    assert (told["boxes"], told["matched"], told["more"]) == (3, 2, 1)
    assert told["score difference"] == pytest.approx(0.25)


def test_a_box_counts_for_one_face_only() -> None:
    twice = [[Detection(Box(0, 0, 100, 100), 1.0), Detection(Box(0, 0, 100, 101), 0.9)]]
    once = [[Detection(Box(0, 0, 100, 100), 1.0)]]
    assert agreement.boxes(twice, once)["matched"] == 1
    assert agreement.boxes(once, twice) == {"boxes": 1, "matched": 1, "more": 1, "score difference": 0.0}


def test_no_boxes_agree_with_no_boxes() -> None:
    assert agreement.boxes([[]], [[]]) == {"boxes": 0, "matched": 0, "more": 0, "score difference": 0.0}


def test_frames_differ_by_their_most_different_pair() -> None:
    black, grey = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 40, np.uint8)
    assert agreement.pictures([black, black], [black, grey]) == {"frames": 2, "largest mean difference": 40.0}
