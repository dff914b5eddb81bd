"""A process that searches a gallery, for tests of what several of them share.

Run as `python -m support.searcher URL FOLDER SPACE`: it loads the gallery, searches it, prints a line of JSON, and says
what its memory is made of each time it is sent a line, until there are no more.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from db.session import Database
from db.shared_galleries import SharedGalleries
from models.gallery import Gallery

TESTS = Path(__file__).resolve().parents[1]


class Searcher:
    """Such a process, from outside."""

    def __init__(self, url: str, folder: Path, space: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "support.searcher", url, str(folder), space],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(TESTS)},
        )  # fmt: skip

    def told(self) -> dict[str, Any]:
        """The next line that it prints, waited for."""
        assert self.process.stdout is not None
        line: dict[str, Any] = json.loads(self.process.stdout.readline())
        return line

    def ask(self) -> dict[str, Any]:
        """What its memory is made of now: kB of the file's map, and of its own."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
        return self.told()


@contextmanager
def searchers(count: int, url: str, folder: Path, space: str) -> Iterator[list[Searcher]]:
    """Several of them, started at once."""
    started = [Searcher(url, folder, space) for _ in range(count)]
    try:
        yield started
    finally:
        for searcher in started:
            searcher.process.communicate()


def _own_memory() -> int:
    """KB of memory that no file stands behind."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


def _map_of(ending: str) -> dict[str, int]:
    """Inode and counts in kB of the one mapped file whose name ends so; a deleted one counts, too."""
    found: list[dict[str, int]] = []
    inside = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        words = line.split()
        if not words[0].endswith(":"):
            inside = line.removesuffix(" (deleted)").endswith(ending)
            if inside:
                found.append({"inode": int(words[4])})
        elif inside and words[-1] == "kB":
            found[-1][words[0].rstrip(":")] = int(words[1])
    assert len(found) == 1, f"{len(found)} maps of files *{ending}"
    return found[0]


def main(url: str, folder: str, space: str) -> None:
    """The process."""
    database = Database(url, galleries=Path(folder))
    # What is loaded with the first search and the first query is no gallery's.
    probe = np.zeros(128, np.float32)
    Gallery(0, space, np.zeros(1, np.int64), probe[np.newaxis]).candidates(probe, 1)
    with database.reading() as session:
        SharedGalleries(database).current(session, "none of this name")
    before = _own_memory()
    with database.reading() as session:
        gallery = SharedGalleries(database).current(session, space)
    found = [candidate.identity_id for candidate in gallery.candidates(probe, 2)]
    print(json.dumps({"faces": len(gallery), "version": gallery.version, "found": found}), flush=True)  # noqa: T201  what it is for
    for _ in sys.stdin:
        print(json.dumps({**_map_of(".gallery"), "own": _own_memory() - before}), flush=True)  # noqa: T201  as above
    database.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
