"""Which photographs are offered for whom: those of one named person, or a folder with a folder per person."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from curation.photographs import PHOTOGRAPH_ENDINGS, find_photographs, is_hidden, natural_key, shown


@dataclass(frozen=True, slots=True)
class Offer:
    """A photograph, and the name of whom it is said to show."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Offers:
    """Everything that is offered, and what lay beside it.

    `left_out` are files whose ending is no photograph's; `nameless` are photographs that lie in no person's folder;
    `empty` are the names of folders without photographs.
    """

    offers: list[Offer]
    left_out: list[Path]
    nameless: list[Path]
    empty: list[str]


def offers_of(name: str, places: Sequence[Path]) -> Offers:
    """Photographs, and photographs under folders, offered for one person."""
    found = find_photographs(places)
    return Offers([Offer(name, path) for path in found.photographs], found.left_out, [], [])


def offers_in(folder: Path) -> Offers:
    """A folder per person, in natural order.

    A folder's name is the person's name just as it is written: nothing tells whether an underscore stands for a space,
    and `rollcall identities rename` is there for who minds. Folders inside a person's folder are that person's too.
    """
    all_offers = Offers([], [], [], [])
    for entry in sorted(folder.iterdir(), key=lambda path: natural_key(path.name)):
        if is_hidden(entry.name):
            continue
        if entry.is_dir():
            _add_person(entry, all_offers)
        elif entry.suffix.lower() in PHOTOGRAPH_ENDINGS:
            all_offers.nameless.append(entry)
        else:
            all_offers.left_out.append(entry)
    return all_offers


def _add_person(folder: Path, all_offers: Offers) -> None:
    name = shown(Path(folder.name))
    found = find_photographs([folder])
    all_offers.offers.extend(Offer(name, path) for path in found.photographs)
    all_offers.left_out.extend(found.left_out)
    if not found.photographs:
        all_offers.empty.append(name)
