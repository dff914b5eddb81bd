"""Names below a root."""

import pytest

from config.errors import UnusablePlace
from storage.base import checked_name, is_hidden


@pytest.mark.parametrize("name", ["a", "a/b.jpg", "a b#?%20.mp4", "ü/ö", "...", ".hidden", "a..b"])
def test_names_that_can_be_written(name: str) -> None:
    assert checked_name(name) == name


@pytest.mark.parametrize("name", ["", "/a", "a/", "a//b", "..", "../a", "a/../b", ".", "a/./b"])
def test_no_name_leads_out_of_its_root(name: str) -> None:
    with pytest.raises(UnusablePlace, match="below"):
        checked_name(name)


@pytest.mark.parametrize("name", ["a\nb", "a\0", "\x7f", "\udcff", "\uffff"])
def test_names_that_no_list_of_keys_could_hold_are_refused(name: str) -> None:
    with pytest.raises(UnusablePlace, match="characters") as caught:
        checked_name(name)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("name", "hidden"), [(".a", True), ("a/.b", True), ("a/.b/c", True), ("a.b/c.d", False), ("a", False)]
)
def test_a_leading_dot_anywhere_hides(name: str, hidden: bool) -> None:
    assert is_hidden(name) is hidden
