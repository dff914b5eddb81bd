"""The page of unknown people: pictures, so that somebody may know them, and the commands that say so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crops.reading import Pictures
from db.unknown_people import Place, Summary, code
from report.pictures import Album, pictures_each
from report.templating import rendered
from report.timecodes import amount, clock
from report.words import number_of


@dataclass(frozen=True, slots=True)
class UnknownOnPage:
    """Somebody to be shown: the line of the list, who it may be, and where they were seen."""

    summary: Summary
    perhaps: str | None
    places: Sequence[Place]


@dataclass(frozen=True, slots=True)
class _Shot:
    """A picture, and where it is from."""

    address: str | None
    when: str
    title: str
    written: str


@dataclass(frozen=True, slots=True)
class _Someone:
    """One section of the page."""

    code: str
    perhaps: str | None
    summary: str
    total: str
    shots: Sequence[_Shot]
    more: int


def render(people: Sequence[UnknownOnPage], pictures: Pictures[int], *, total: int) -> str:
    """The page's text.

    Args:
        people: in their order.
        pictures: of the best faces of their places, by the face's id.
        total: how many unknown people there are, shown or not.
    """
    each = pictures_each([len(one.places) for one in people])
    album = Album(sum(min(each, len(one.places)) for one in people))
    return rendered(
        "unknown.html",
        "",
        people=[_someone(one, pictures.jpegs, album, each) for one in people],
        headline=number_of(total, "unknown person").replace("persons", "people"),
        left=total - len(people),
        unreached=pictures.trouble.subject if pictures.trouble else None,
    )


def _someone(one: UnknownOnPage, pictures: Mapping[int, bytes], album: Album, each: int) -> _Someone:
    line = one.summary
    shots = [
        _Shot(
            address=album.address(pictures.get(place.best_face_id or 0)),
            when=clock(place.times[0][0]) if place.times else "",
            title=place.title,
            written=place.written,
        )
        for place in one.places[:each]
    ]
    seen = f"{number_of(line.appearances, 'appearance')} in {number_of(line.videos, 'video')}"
    return _Someone(code(line.number), one.perhaps, seen, amount(line.seconds), shots, len(one.places) - len(shots))
