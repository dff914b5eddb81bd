"""Which build of dlib this interpreter has. Imports nothing else: NumPy brings an OpenBLAS of its own."""

from pathlib import Path
from typing import TypedDict

_MAPS = Path("/proc/self/maps")


class Build(TypedDict):
    """`file`: dlib's own; `libraries`: shared libraries that came with it into the process."""

    file: str
    version: str
    cuda: bool
    libraries: list[str]


def describe() -> Build:
    """Load dlib, and tell what came with it. Must be the first to load it in its process."""
    before = _mapped()
    import dlib  # noqa: PLC0415  what it brings is seen by what was there before

    return Build(
        file=dlib.__file__,
        version=dlib.__version__,
        cuda=dlib.DLIB_USE_CUDA,
        libraries=sorted(path for path in _mapped() - before if ".so" in path),
    )


def _mapped() -> set[str]:
    """Files that are mapped into this process, by their real paths."""
    fields = (line.split(maxsplit=5) for line in _MAPS.read_text(encoding="utf-8").splitlines())
    return {parts[5] for parts in fields if len(parts) == 6}
