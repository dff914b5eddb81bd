"""Files are there whole or not at all."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from config.files import PART, PRIVATE, unfinished, write_whole, writing_whole


def test_a_block_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "x.html"
    write_whole(path, b"old")

    def fail() -> None:
        with writing_whole(path) as file:
            file.write(b"new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_seen_before_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "x.html"
    with writing_whole(path) as file:
        file.write(b"new")
        file.flush()
        assert not path.exists()
        (part,) = tmp_path.iterdir()
        assert (part.name[0], part.suffix) == (".", PART)
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_several_processes_that_write_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    program = (
        "import sys; from pathlib import Path; from config.files import write_whole\n"
        "for _ in range(100): write_whole(Path(sys.argv[1]), sys.argv[2].encode() * 300_000, lasting=False)"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, str(path), letter]) for letter in "abcd"]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        if path.exists():
            content = path.read_bytes()
            assert len(content) == 300_000
            assert content == content[:1] * len(content)
            seen.add(content[:1])
    assert [writer.returncode for writer in writers] == [0] * 4
    assert seen
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_of_the_longest_length_can_be_written(tmp_path: Path) -> None:
    for name in ("x" * 255, "👩" * 63):
        write_whole(tmp_path / name, b"x")
        assert (tmp_path / name).read_bytes() == b"x"


def test_a_private_file_is_its_owners_alone_from_the_beginning(tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    path.touch(0o666)
    with writing_whole(path, mode=PRIVATE):
        (part,) = (entry for entry in tmp_path.iterdir() if entry != path)
        assert part.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.html"
    write_whole(path, b"old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "missing" / "x.html", b"new")


def test_a_link_keeps_leading_to_the_file(tmp_path: Path) -> None:
    real, link = tmp_path / "real.html", tmp_path / "link.html"
    write_whole(real, b"old")
    link.symlink_to(real)
    write_whole(link, b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"


def test_the_file_has_the_rights_that_the_user_gives_to_new_files(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "x.html", b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "x.html").stat().st_mode & 0o777 == 0o640


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_whole(pipe, b"through")
    reader.join()
    assert read == [b"through"]
    assert pipe.is_fifo()


def test_what_a_killed_writer_left_is_found_and_nothing_of_others(tmp_path: Path) -> None:
    killed = (
        "import os, sys; from pathlib import Path; from config.files import writing_whole\n"
        "with writing_whole(Path(sys.argv[1])) as file: file.write(b'x'); file.flush(); os._exit(9)"
    )
    paths = [tmp_path / name for name in ("a", "a.b", "ä[*]", "x" * 51)]
    for path in (*paths, tmp_path / "other", tmp_path / f"{'x' * 51}y"):
        subprocess.run([sys.executable, "-c", killed, str(path)], check=False)
    (tmp_path / ".a.part").touch()
    (tmp_path / ".a.b.c.01234567.part").touch()
    left = sorted(tmp_path.iterdir())
    assert len(left) == 8
    found = list(unfinished([*paths, tmp_path / "none" / "a"]))
    # Of a name that is too long nobody can tell what was left of it.
    assert sorted(part.name[:-14] for part in found) == [".a", ".a.b", ".ä[*]"]
    assert sorted(tmp_path.iterdir()) == left
