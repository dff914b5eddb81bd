"""Files: named by titles that may hold anything, there whole or not at all."""

import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from report.model import VideoReport
from report.output import Format, file_name, render, write


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
    write(path, b"x")
    assert path.read_bytes() == b"x"


def test_every_format_is_utf_8_text(broadcast: VideoReport) -> None:
    beginnings = {form: render(broadcast, form).decode()[:15] for form in Format}
    assert beginnings[Format.HTML].startswith("<!doctype html>")
    assert beginnings[Format.JSON].startswith("{\n")
    assert beginnings[Format.CSV].startswith("\ufeffperson,")
    assert beginnings[Format.VTT].startswith("WEBVTT\n")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.html"
    write(path, b"old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write(tmp_path / "missing" / "x.html", b"new")


def test_a_link_keeps_leading_to_the_file(tmp_path: Path) -> None:
    real, link = tmp_path / "real.html", tmp_path / "link.html"
    write(real, b"old")
    link.symlink_to(real)
    write(link, b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"


def test_the_file_has_the_rights_that_the_user_gives_to_new_files(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write(tmp_path / "x.html", b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "x.html").stat().st_mode & 0o777 == 0o640


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write(pipe, b"through")
    reader.join()
    assert read == [b"through"]
    assert pipe.is_fifo()
