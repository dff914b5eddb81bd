"""`python -m db.states_page` draws docs/states.md from the moves between states."""

from collections.abc import Iterator
from pathlib import Path

from db.states import ARRIVAL_MOVES, NEW, SEGMENT_MOVES, VIDEO_MOVES, Moves

PAGE = Path(__file__).resolve().parents[1] / "docs" / "states.md"

_HEAD = """# States

Drawn by `make docs` from `db/states.py`; a test holds this page to it, and another one lets the database watch that no
other move ever happens.
"""

_VIDEOS = """One content, however often it was uploaded. *done*, *partial*, *failed*, *quarantined* and *rejected* are
ends."""
_PARTS: tuple[tuple[str, str, Moves], ...] = (
    ("Videos", _VIDEOS, VIDEO_MOVES),
    ("Segments", "A part of a video that one worker takes at a time.", SEGMENT_MOVES),
    ("Arrivals", "A file of a watched place, until it is a video.", ARRIVAL_MOVES),
)


def markdown() -> str:
    """The page."""
    return _HEAD + "".join(f"\n## {title}\n\n{told}\n\n{_drawing(moves)}" for title, told, moves in _PARTS)


def _drawing(moves: Moves) -> str:
    return "```mermaid\nstateDiagram-v2\n" + "".join(f"    {line}\n" for line in _lines(moves)) + "```\n"


def _lines(moves: Moves) -> Iterator[str]:
    for start, ends in moves.items():
        for end, why in ends.items():
            yield f"{'[*]' if start == NEW else start} --> {end}: {why}"


def main() -> None:
    """Write the page."""
    PAGE.write_text(markdown(), encoding="utf-8")


if __name__ == "__main__":
    main()
