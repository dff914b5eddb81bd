"""What the people of a report are called."""

from collections.abc import Iterable, Sequence

_UNKNOWN = "Unknown"


def labels(names: Sequence[str | None], proposed: Sequence[str | None], codes: Sequence[str | None]) -> list[str]:
    """A label for each person, unique as long as the names are: the name, the code, or `Unknown 1`, `Unknown 2` ….

    A number or code that an enrolled person uses as a name is passed over: somebody may have enrolled an `Unknown 1`.

    Args:
        names: None for people who are not named.
        proposed: whom a reviewer is asked about, e.g. `Unknown 2, perhaps Ann`; None for all others.
        codes: of unknown people who are known from other videos, e.g. `U-12`; None for all others.
    """
    taken = {name.casefold() for name in names if name is not None}
    unknown = (label for label in _numbered() if label.casefold() not in taken)
    return [
        name or _free(code, taken) or (next(unknown) if perhaps is None else f"{next(unknown)}, perhaps {perhaps}")
        for name, perhaps, code in zip(names, proposed, codes, strict=True)
    ]


def _free(code: str | None, taken: set[str]) -> str | None:
    return None if code is None or code.casefold() in taken else code


def _numbered() -> Iterable[str]:
    number = 0
    while True:
        number += 1
        yield f"{_UNKNOWN} {number}"


def initials(name: str | None) -> str:
    """One or two letters that stand for a person of whom there is no picture; a question mark for an unknown one."""
    words = name.split() if name else []
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "?"
