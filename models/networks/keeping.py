"""Graphs kept on disk between processes: in the user's cache folder, each behind the SHA-256 of its content.

A graph appears whole or not at all, so that processes that start together may all build it. One that was damaged
since is built anew; where the folder cannot be used, each process builds its own.
"""

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from config.files import write_whole

_DIGEST = hashlib.sha256


def kept(name: str, build: Callable[[], bytes]) -> bytes:
    """The graph of a name, built when no good one is there.

    Args:
        name: says all that the graph follows from: weights, and the version of the code.
        build: gives the graph.
    """
    folder = cache_folder()
    path = folder and folder / f"{name}.graph"
    if path and (graph := _read(path)):
        return graph
    graph = build()
    if path:
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, _DIGEST(graph).digest() + graph)
    return graph


def cache_folder() -> Path | None:
    """`rollcall` below the user's cache folder; None for a user without a home."""
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rollcall"
    except RuntimeError:
        return None


def _read(path: Path) -> bytes | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    size = _DIGEST().digest_size
    digest, graph = content[:size], content[size:]
    return graph if graph and _DIGEST(graph).digest() == digest else None
