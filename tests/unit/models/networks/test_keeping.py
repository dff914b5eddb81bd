"""Graphs come back as they were built, whatever has happened to their files."""

from collections.abc import Callable
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


def content(name: str, build: Callable[[], bytes]) -> bytes:
    found = kept(name, build)
    return found if isinstance(found, bytes) else found.read_bytes()


def never() -> bytes:
    raise AssertionError("built again")


def test_what_was_built_is_found_by_its_name_alone(folder: Path) -> None:
    assert content("one", lambda: GRAPH) == GRAPH
    assert content("one", never) == GRAPH
    assert content("two", lambda: b"another") == b"another"
    assert len(list(folder.iterdir())) == 2


@pytest.mark.usefixtures("folder")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, len(GRAPH) - 1), change=st.sampled_from(["flipped", "cut", "emptied"]))
def test_what_is_damaged_is_built_anew(folder: Path, at: int, change: str) -> None:
    content("one", lambda: GRAPH)
    [path] = folder.iterdir()
    damaged = bytearray(path.read_bytes())
    if change == "flipped":
        damaged[at] ^= 0x10
    else:
        del damaged[at if change == "cut" else 0 :]
    path.write_bytes(damaged)
    assert content("one", lambda: GRAPH) == GRAPH
    assert content("one", never) == GRAPH


def test_where_nothing_can_be_written_it_is_built_each_time(folder: Path) -> None:
    folder.write_text("a file where the folder should be")
    assert content("one", lambda: GRAPH) == GRAPH
    assert content("one", lambda: b"built again") == b"built again"


def test_a_user_without_a_home_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    assert cache_folder() is None
    assert content("one", lambda: GRAPH) == GRAPH
