"""Graphs come back as they were built, whatever has happened to their files."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.networks.keeping import cache_folder, kept

GRAPH = bytes(range(256))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "rollcall"


def never() -> bytes:
    raise AssertionError("built again")


def test_what_was_built_is_found_by_its_name_alone(folder: Path) -> None:
    assert kept("one", lambda: GRAPH) == GRAPH
    assert kept("one", never) == GRAPH
    assert kept("two", lambda: b"another") == b"another"
    assert len(list(folder.iterdir())) == 2


@pytest.mark.usefixtures("folder")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(at=st.integers(0, len(GRAPH) + 31), change=st.sampled_from(["flipped", "cut", "emptied"]))
def test_what_is_damaged_is_built_anew(folder: Path, at: int, change: str) -> None:
    kept("one", lambda: GRAPH)
    [path] = folder.iterdir()
    content = bytearray(path.read_bytes())
    if change == "flipped":
        content[at] ^= 0x10
    else:
        del content[at if change == "cut" else 0 :]
    path.write_bytes(content)
    assert kept("one", lambda: GRAPH) == GRAPH
    assert kept("one", never) == GRAPH


def test_where_nothing_can_be_written_it_is_built_each_time(folder: Path) -> None:
    folder.write_text("a file where the folder should be")
    assert kept("one", lambda: GRAPH) == GRAPH
    assert kept("one", lambda: b"built again") == b"built again"


def test_a_user_without_a_home_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    assert cache_folder() is None
    assert kept("one", lambda: GRAPH) == GRAPH
