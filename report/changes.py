"""What another embedder would change, as one HTML file: each face beside photographs of who it is said to be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from report.pictures import Album
from report.templating import rendered

MOST_SHOWN: Final = 400
"""Changes on one page; each may show three pictures."""


@dataclass(frozen=True, slots=True)
class ChangedStretch:
    """A stretch of a video in which names would change.

    `before` and `after`: names, or what is said of nobody; the pictures are JPEGs of an enrolled photograph's face.
    """

    title: str
    when: str
    kind: str
    before: str
    after: str
    note: str
    face: bytes | None
    before_photograph: bytes | None
    after_photograph: bytes | None


def render(changes: Sequence[ChangedStretch], totals: Sequence[str], unreached: str | None = None) -> bytes:
    """The page.

    Args:
        changes: all of them; the first `MOST_SHOWN` are shown.
        totals: lines of text.
        unreached: the store that pictures are missing of because it cannot be reached.
    """
    shown = changes[:MOST_SHOWN]
    album = Album(3 * len(shown))
    rows = [_row(change, album) for change in shown]
    left_out = len(changes) - len(shown)
    text = rendered("changes.html", "", "changes.css", rows=rows, totals=totals, left_out=left_out, unreached=unreached)
    return text.encode()


def _row(change: ChangedStretch, album: Album) -> Mapping[str, str | None]:
    return {
        "title": change.title,
        "when": change.when,
        "kind": change.kind,
        "before": change.before,
        "after": change.after,
        "note": change.note,
        "face": album.address(change.face),
        "before_photograph": album.address(change.before_photograph),
        "after_photograph": album.address(change.after_photograph),
    }
