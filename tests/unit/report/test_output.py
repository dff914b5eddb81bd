"""Formats, and files named by titles that may hold anything."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from report.model import VideoReport
from report.output import Format, file_name, render


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Evening news", "Evening news.report.html"),
        ("a/b\\c:d", "a_b_c_d.report.html"),
        ("../../etc/passwd", "_.._etc_passwd.report.html"),
        ("...", "video.report.html"),
        ("", "video.report.html"),
        ("--help", "help.report.html"),
        ("line\nbreak", "line_break.report.html"),
        ("نشرة 👩‍🚀", "نشرة 👩‍🚀.report.html"),
        ("invoice\u202elmth.exe", "invoice_lmth.exe.report.html"),
    ],
)
def test_file_names(title: str, name: str) -> None:
    assert file_name(title, Format.HTML) == name


@given(st.text(st.characters(exclude_categories=()), max_size=400))
def test_any_title_gives_a_name_that_can_be_written(title: str) -> None:
    name = file_name(title, Format.JSON)
    assert name.endswith(".report.json")
    assert len(name.encode()) <= 200
    assert Path(name).name == name
    assert not name.startswith((".", "-", " "))
    assert name.isprintable() or "\u200d" in name or not name.isascii()


def test_long_titles_are_cut_between_characters(tmp_path: Path) -> None:
    path = tmp_path / file_name("👩" * 500, Format.HTML)
    path.write_bytes(b"x")
    assert list(tmp_path.iterdir()) == [path]


def test_every_format_is_utf_8_text(broadcast: VideoReport) -> None:
    beginnings = {form: render(broadcast, form).decode()[:15] for form in Format}
    assert beginnings[Format.HTML].startswith("<!doctype html>")
    assert beginnings[Format.JSON].startswith("{\n")
    assert beginnings[Format.CSV].startswith("\ufeffperson,")
    assert beginnings[Format.VTT].startswith("WEBVTT\n")
