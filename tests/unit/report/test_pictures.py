"""Pictures inside the page."""

import base64
import io
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from report.pictures import Album, pictures_each


def decoded(address: str | None) -> bytes:
    assert address
    head, data = address.split(",")
    assert head == "data:image/jpeg;base64"
    return base64.b64decode(data, validate=True)


def test_few_pictures_keep_what_was_recorded(crops: Mapping[str, bytes]) -> None:
    assert decoded(Album(10).address(crops["Joe Biden"])) == crops["Joe Biden"]


def test_many_pictures_are_made_small(crops: Mapping[str, bytes]) -> None:
    small = decoded(Album(500).address(crops["Joe Biden"]))
    assert len(small) < len(crops["Joe Biden"]) / 1.5
    with Image.open(io.BytesIO(small)) as shown, Image.open(io.BytesIO(crops["Joe Biden"])) as recorded:
        assert max(shown.size) == 96
        # It is the same picture.
        pairs = zip(shown.convert("L").tobytes(), recorded.convert("L").resize(shown.size).tobytes(), strict=True)
        assert sum(abs(one - other) for one, other in pairs) / (96 * 96) < 5


def test_what_is_no_picture_is_not_shown(crops: Mapping[str, bytes]) -> None:
    for broken in (None, b"", b"<svg onload=alert(1)>", crops["Joe Biden"][:300]):
        assert Album(1).address(broken) is None


@given(st.lists(st.integers(min_value=1, max_value=3000), max_size=400))
def test_a_page_shows_as_many_pictures_as_it_can_carry(appearances: list[int]) -> None:
    each = pictures_each(appearances)
    assert 1 <= each <= 24
    if each > 1:
        assert sum(min(each, count) for count in appearances) <= 800
    if each < 24:
        assert sum(min(each + 1, count) for count in appearances) > 800
