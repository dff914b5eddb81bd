"""Graphs kept on disk between processes: in the user's cache folder, the SHA-256 of each in its name.

A graph appears whole or not at all, so that processes that start together may all build it. One that was damaged
since is built anew; where the folder cannot be used, each process builds its own.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from config.files import write_whole


def kept(name: str, build: Callable[[], bytes]) -> Path | bytes:
    """The file of a graph, built when no good one is there; the graph itself where it cannot be kept.

    Args:
        name: says all that the graph follows from: weights, and the version of the code.
        build: gives the graph.
    """
    folder = cache_folder()
    if folder is None:
        return build()
    try:
        for path in folder.glob(f"{name}-*.onnx"):
            if path.stem == f"{name}-{_digest(path.read_bytes())}":
                return path
    except OSError:
        return build()
    graph = build()
    path = folder / f"{name}-{_digest(graph)}.onnx"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, graph)
    except OSError:
        return graph
    return path


def cache_folder() -> Path | None:
    """`rollcall` below the user's cache folder; None for a user without a home."""
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rollcall"
    except RuntimeError:
        return None


def _digest(graph: bytes) -> str:
    return hashlib.sha256(graph).hexdigest()[:16]
