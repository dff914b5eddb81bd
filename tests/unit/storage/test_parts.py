"""Parts of files: whatever is asked for, each part is what lies there."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.storage_settings import StorageSettings
from storage.parts import Part, read_parts

CONTENT = {"a": bytes(range(256)) * 4000, "b/c": b"short", "empty": b""}
LENGTHS = st.one_of(st.integers(1, 40), st.integers(260_000, 270_000))
PLACES = st.one_of(st.integers(0, 100), st.integers(500_000, 540_000), st.integers(1_023_900, 1_024_100))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("files")
    for name, content in CONTENT.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    return str(folder)


@given(asked=st.lists(st.tuples(st.sampled_from([*CONTENT, "missing"]), PLACES, LENGTHS), max_size=12))
def test_each_part_is_what_lies_there(root: str, asked: list[tuple[str, int, int]]) -> None:
    parts = [Part(root, *each) for each in asked]
    read = read_parts(parts, StorageSettings())
    assert read.found == {
        part: CONTENT[part.name][part.first : part.end]
        for part in parts
        if part.end <= len(CONTENT.get(part.name, b""))
    }
    assert read.trouble is None


def test_a_root_that_has_gone_is_told(tmp_path: Path) -> None:
    parts = [Part(str(tmp_path / "gone"), name, 0, 1) for name in "abc"]
    read = read_parts(parts, StorageSettings())
    assert read.found == {}
    assert read.trouble is not None
    assert read.trouble.subject == str(tmp_path / "gone")
