"""Places: written and read without loss, whatever is in a name."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import UnusablePlace
from storage.places import LocalPlace, ObjectPlace, parse, parse_root

_BUCKETS = st.text("abcdefghijklmnopqrstuvwxyz0123456789.-", min_size=1, max_size=63)
_KEYS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=250)
_NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=60)


@given(_BUCKETS, _KEYS)
def test_an_objects_place_is_read_as_it_was_written(bucket: str, key: str) -> None:
    place = parse(f"s3://{bucket}/{key}")
    assert place == ObjectPlace(bucket, key)
    assert str(place) == f"s3://{bucket}/{key}"
    assert parse(str(place.beside(".rollcall.json"))) == ObjectPlace(bucket, f"{key}.rollcall.json")


@given(st.lists(_NAMES.filter(lambda name: name not in {".", ".."}), min_size=1, max_size=5))
def test_a_local_place_is_read_as_it_was_written(names: list[str]) -> None:
    text = "/" + "/".join(names)
    place = parse(text)
    assert place == LocalPlace(Path(text))
    assert str(place) == text
    assert place.name == names[-1]
    assert str(place.beside(".rollcall.json")) == f"{text}.rollcall.json"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("s3://bucket/film.mp4", "film.mp4"),
        ("s3://bucket/2026/11/film 1#2?3%20.mp4", "film 1#2?3%20.mp4"),
        ("s3://bucket//film.mp4", "film.mp4"),
        ("s3://bucket/folder/", "folder"),
        ("s3://bucket//", "/"),
        ("/archive/фильм.mp4", "фильм.mp4"),
    ],
)
def test_the_name_is_what_stands_last(text: str, name: str) -> None:
    assert parse(text).name == name
    assert str(parse(text)) == text


def test_a_name_of_the_file_system_that_is_no_text_is_kept() -> None:
    path = Path(b"/archive/\xff.mp4".decode("utf-8", "surrogateescape"))
    assert parse(str(path)) == LocalPlace(path)


@pytest.mark.parametrize(("text", "bucket", "key"), [("s3://bucket", "bucket", ""), ("s3://bucket/", "bucket", "")])
def test_a_bucket_is_a_root_but_no_file(text: str, bucket: str, key: str) -> None:
    assert parse_root(text) == ObjectPlace(bucket, key)
    assert str(parse_root(text)) == "s3://bucket"
    with pytest.raises(UnusablePlace, match="no object"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("s3://", "names no bucket"),
        ("s3:///film.mp4", "names no bucket"),
        ("s3://bu cket/film.mp4", "no bucket can be called 'bu cket'"),
        ("s3://name:password@host/film.mp4", "no bucket can be called"),
        ("s3:/bucket/film.mp4", "neither an absolute path"),
        ("S3://bucket/film.mp4", "neither an absolute path"),
        ("https://host/film.mp4", "neither an absolute path"),
        ("film.mp4", "neither an absolute path"),
        ("", "neither an absolute path"),
        ("/film\0.mp4", "zero"),
        ("s3://bucket/" + "ü" * 513, "1026 bytes"),
        ("s3://bucket/\udcff", "UTF-8"),
    ],
)
def test_what_is_no_place_is_refused(text: str, told: str) -> None:
    with pytest.raises(UnusablePlace, match=told) as caught:
        parse(text)
    # It can be shown and stored.
    str(caught.value).encode()
    assert caught.value.permanent
