"""`rollcall calibrate`: limits by which only a set share of strangers gets a name."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from cli import console
from cli.ledger import opened
from config.settings import Settings, load_settings
from db import identities

if TYPE_CHECKING:
    from models.calibration import Estimate
    from worker.calibrating import Calibration

_MOST_FPIR = 0.5
_NAMED_AT_MOST = 5


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("calibrate")(run)


def run(
    fpir: Annotated[
        float | None, typer.Option(help="Share of strangers that may get a name; by default that of the settings.")
    ] = None,
    review_fpir: Annotated[
        float | None, typer.Option(help="Share of strangers that may be put before a reviewer, or named.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell the limits; the rule stays as it is.")] = False,
    off: Annotated[bool, typer.Option("--off", help="Give names by distance again.")] = False,
) -> None:
    """Find the scores at which only a set share of strangers would get a name with this gallery.

    `rollcall work`, and the nightly run, do this by themselves when the gallery has changed enough; they keep to the
    shares that were given here last. No video and no photograph is opened.
    """
    settings = load_settings()
    if off:
        _switch_off(settings)
        return
    from worker.calibrating import Targets, calibrate  # noqa: PLC0415  loads NumPy

    wanted = settings.match.fpir if fpir is None else fpir
    review = max(wanted, settings.match.review_fpir) if review_fpir is None else review_fpir
    if not 0 < wanted <= review or wanted > _MOST_FPIR or review >= 1:
        raise typer.BadParameter(f"a share is above 0 and at most {_MOST_FPIR}, and the reviewers' not smaller")
    with opened(settings) as database:
        found = calibrate(database, _space(settings), Targets(wanted, review), keep=not dry_run)
        with database.reading() as session:
            names = identities.names(session, [identity for couple in found.alike for identity in couple])
    console.lines([*_told(found), *_alike(found, names)])
    console.lines(
        ["nothing was changed"]
        if dry_run
        else ["past videos are matched again by the next `rollcall work`, or by `rollcall rematch`"]
    )


def _space(settings: Settings) -> str:
    from models.engine import build_engine  # noqa: PLC0415  loads the face models' libraries

    return build_engine(settings.faces).space.name


def _switch_off(settings: Settings) -> None:
    from config.errors import NotFound  # noqa: PLC0415  needed here only
    from db import calibrations, spaces  # noqa: PLC0415  as above

    name = _space(settings)
    with opened(settings) as database, database.writing() as session:
        space = spaces.find(session, name)
        if space is None or space.calibration_id is None:
            raise NotFound(name, "its gallery is not calibrated", "`rollcall calibrate` does that")
        calibrations.clear(session, space.id)
    console.lines(["names are given by distance; set `match.calibrate` to `never` to keep it so"])


def _told(found: "Calibration") -> list[str]:
    rule, targets = found.rule, found.targets
    beside = f", beside {found.unknown} unknown people of past videos" if found.unknown else ""
    missed = "not known: nobody has two photographs"
    if found.missed is not None:
        missed = f"{_share(found.missed)}, from {found.missed.people} people with several photographs"
    review = "not known: no video has ended yet"
    if found.review_per_day is not None:
        review = f"about {found.review_per_day:.0f} a day, by the videos that ended last"
    return [
        f"gallery   {found.identities} people, {found.photographs} photographs{beside}",
        f"named     score below {rule.limit:.4f}: {_share(found.named)} of strangers, wanted {targets.fpir:.1%}",
        f"review    score below {rule.review_limit:.4f}: {targets.review_fpir:.1%} with the named; {review}",
        f"missed    {missed}",
        f"rule      {rule.name}",
    ]


def _alike(found: "Calibration", names: Mapping[int, str]) -> list[str]:
    told = [f"{names.get(one, '?')} and {names.get(other, '?')}" for one, other in found.alike[:_NAMED_AT_MOST]]
    if not told:
        return []
    more = len(found.alike) - len(told)
    return [
        f"alike     {'; '.join(told)}{f' and {more} more couples' if more else ''}",
        "          one person under two names? `rollcall identities merge` makes them one; such people narrow limits",
    ]


def _share(estimate: "Estimate") -> str:
    return f"{estimate.value:.1%} (95 %: {estimate.low:.1%} to {estimate.high:.1%})"
