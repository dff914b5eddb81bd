"""What the people of a report are called."""

from collections.abc import Container, Iterator, Sequence
from itertools import count

_UNKNOWN = "Unknown"
_UNRECOGNISABLE = "Not recognisable"


def labels(
    names: Sequence[str | None],
    proposed: Sequence[str | None],
    codes: Sequence[str | None],
    unrecognisable: Sequence[bool],
) -> list[str]:
    """A label for each person, unique as long as the names are: the name, the code, or `Unknown 1`, `Unknown 2` ….

    A number or code that an enrolled person uses as a name is passed over: somebody may have enrolled an `Unknown 1`.

    Args:
        names: None for people who are not named.
        proposed: whom a reviewer is asked about, e.g. `Unknown 2, perhaps Ann`; None for all others.
        codes: of unknown people who are known from other videos, e.g. `U-12`; None for all others.
        unrecognisable: who is `Not recognisable 1` and so on.
    """
    taken = {name.casefold() for name in names if name is not None}
    unknown, poor = _numbered(_UNKNOWN, taken), _numbered(_UNRECOGNISABLE, taken)
    found = []
    for name, perhaps, code, is_poor in zip(names, proposed, codes, unrecognisable, strict=True):
        label = name or _free(code, taken) or next(poor if is_poor else unknown)
        found.append(label if perhaps is None else f"{label}, perhaps {perhaps}")
    return found


def _free(code: str | None, taken: Container[str]) -> str | None:
    return None if code is None or code.casefold() in taken else code


def _numbered(word: str, taken: Container[str]) -> Iterator[str]:
    labels = (f"{word} {number}" for number in count(1))
    return (label for label in labels if label.casefold() not in taken)


def initials(name: str | None) -> str:
    """One or two letters that stand for a person of whom there is no picture; a question mark for an unknown one."""
    words = name.split() if name else []
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "?"
