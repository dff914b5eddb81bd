"""`rollcall enroll`: photographs enrol people, one named outcome for each photograph."""

import json
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import console
from cli.exits import Exit
from cli.ledger import opened
from config.errors import FaceTooBlurred, FaceTooSmall, FaceUnrecognisable, NearerToAnother
from config.face_settings import DetectorName
from config.settings import load_settings

if TYPE_CHECKING:
    from curation.enrol import Enrolment, Outcome
    from curation.offers import Offers


class Acceptable(StrEnum):
    """Reasons of refusal that a curator may overrule; their values are the codes of the errors."""

    NEARER_TO_ANOTHER = NearerToAnother.code
    TOO_SMALL = FaceTooSmall.code
    TOO_BLURRED = FaceTooBlurred.code
    UNRECOGNISABLE = FaceUnrecognisable.code


_NAMED_AT_MOST = 10


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("enroll")(run)


def run(
    name: Annotated[
        str | None, typer.Argument(help="Whom the photographs show.", metavar="NAME", show_default=False)
    ] = None,
    photographs: Annotated[
        list[Path] | None,
        typer.Argument(help="Photographs of this person, or folders of them.", metavar="PHOTO", show_default=False),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="DIR",
            help="A folder with a folder per person; the folder's name is the person's.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    accept: Annotated[
        list[Acceptable] | None,
        typer.Option(help="Enrol in spite of this reason, e.g. nearer-to-another for twins. May be repeated."),
    ] = None,
    engine: Annotated[DetectorName | None, typer.Option(help="Detector, instead of the set one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per photograph per line.")] = False,
) -> None:
    """Enrol people from photographs that each show one face.

    Each photograph is enrolled, or refused for one reason, and the rest goes on. Running the same again is safe: what
    is enrolled already stays as it is.
    """
    from curation.enrol import Enrolment  # noqa: PLC0415  the face models load only where faces are looked for

    offers = _offers(name, photographs or [], source)
    with opened(load_settings()) as database:
        enrolment = Enrolment(database, load_settings(), detector=engine, accepted=frozenset(accept or ()))
        outcomes: list[Outcome] = []
        try:
            _enrol(enrolment, offers, outcomes, as_json=as_json)
        finally:
            # Also after Ctrl-C: what was finished is kept, so it is told.
            _summarise(enrolment, offers, outcomes, as_json=as_json)
    if offers.nameless or any(outcome.error and not outcome.repeated for outcome in outcomes):
        raise typer.Exit(Exit.REFUSED)


def _offers(name: str | None, photographs: list[Path], source: Path | None) -> "Offers":
    from curation import offers  # noqa: PLC0415  as above
    from db.identities import clean_name  # noqa: PLC0415

    if source is not None:
        if name is not None:
            raise typer.BadParameter("give a name with photographs, or --from with a folder per person, not both")
        found = offers.offers_in(source)
        if not found.offers:
            raise typer.BadParameter(f"{source} holds no folder with photographs; one person: rollcall enroll NAME DIR")
        return found
    if name is None or not photographs:
        raise typer.BadParameter("give a name and that person's photographs, or --from with a folder per person")
    found = offers.offers_of(clean_name(name), photographs)
    if not found.offers:
        raise typer.BadParameter("no photograph lies there")
    return found


def _enrol(enrolment: "Enrolment", offers: "Offers", outcomes: list["Outcome"], *, as_json: bool) -> None:
    with console.progress("photographs", len(offers.offers), prints=as_json) as advance:
        for outcome in enrolment.run(offers.offers):
            outcomes.append(outcome)
            if as_json:
                typer.echo(json.dumps(_as_json(outcome), ensure_ascii=False))
            elif outcome.error is not None and not outcome.repeated:
                console.err.print(f"{outcome.code}: {outcome.error.subject}: {outcome.error.what}", markup=False)
            advance(len(outcomes))


def _as_json(outcome: "Outcome") -> dict[str, object]:
    from curation.photographs import shown  # noqa: PLC0415  as above

    error = outcome.error
    return {
        "photograph": shown(outcome.offer.path),
        "name": outcome.offer.name,
        "outcome": outcome.code,
        "repeated": outcome.repeated,
        "what": error.what if error else None,
        "remedy": error.remedy if error else None,
    }


def _summarise(enrolment: "Enrolment", offers: "Offers", outcomes: Sequence["Outcome"], *, as_json: bool) -> None:
    """Counts by reason with what to do on standard output, what else the curator should know beside it."""
    if not as_json:
        rows = Counter(
            ("already enrolled", "nothing to do") if outcome.repeated
            else (outcome.code, outcome.error.remedy if outcome.error else "")
            for outcome in outcomes
        )  # fmt: skip
        made = console.table("outcome", ">photographs", "what to do")
        for (code, remedy), count in sorted(rows.items(), key=lambda row: (row[0][1] != "", -row[1], row[0])):
            made.add_row(code, str(count), console.plain(remedy))
        console.out.print(made)
    for line in _remarks(enrolment, offers, outcomes):
        console.err.print(line, markup=False)


def _remarks(enrolment: "Enrolment", offers: "Offers", outcomes: Sequence["Outcome"]) -> list[str]:
    lines = []
    if missing := len(offers.offers) - len(outcomes):
        told = console.counted(missing, "photograph was", "photographs were")
        lines.append(f"{told} not looked at; run the same again to go on")
    enrolled = {outcome.offer.name for outcome in outcomes if outcome.error is None or outcome.repeated}
    names = [outcome.offer.name for outcome in outcomes if outcome.offer.name not in enrolled]
    if without := enrolment.without_photograph([*names, *offers.empty]):
        lines.append(
            f"{console.counted(len(without), 'person has', 'people have')} no enrolled photograph: {_some(without)}"
        )
    if offers.nameless:
        named = _some([path.name for path in offers.nameless])
        told = console.counted(len(offers.nameless), "photograph lies", "photographs lie")
        lines.append(f"{told} in no person's folder, so nobody was enrolled from there: {named}")
    if offers.left_out:
        endings = Counter(path.suffix.lower() or "no ending" for path in offers.left_out)
        told = ", ".join(f"{count} {ending}" for ending, count in endings.most_common())
        lines.append(f"left out, since their endings are no photograph's: {told}")
    return lines


def _some(words: Sequence[str]) -> str:
    more = len(words) - _NAMED_AT_MOST
    return ", ".join(words[:_NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")
