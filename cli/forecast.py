"""`rollcall forecast`: when the queue will be empty, what may be late, and what would help."""

import dataclasses
import json
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.exits import Exit
from cli.ledger import opened
from config.settings import Settings, load_settings
from db.schema import Priority
from db.session import Database

if TYPE_CHECKING:
    from db.schema import ForecastRow
    from scheduler.forecast import Forecast, Outlook, VideoForecast
    from scheduler.forecasting import Foretold

_RECENT = 30


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("forecast")(run)


def run(
    workers: Annotated[
        int | None, typer.Option(min=1, max=4096, help="Worker processes; by default as many as the ledger tells of.")
    ] = None,
    at_risk: Annotated[
        float, typer.Option(help="Probability of being late from which a video, and the night, is at risk.")
    ] = 0.05,
    record: Annotated[
        bool, typer.Option("--record", help="Keep the forecast, to be compared with the result.")
    ] = False,
    history: Annotated[
        bool, typer.Option("--history", help="Forecasts that were kept, what became of them, how often they held.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Say when the queue will be empty, which videos may miss their deadlines, and what would help.

    Exit code 0: everything is on time, but for the probability --at-risk; 7: something may be late; 8: it is more
    likely than not that something is.
    """
    if not 0 < at_risk < 1:
        raise typer.BadParameter("a probability lies between 0 and 1", param_hint="--at-risk")
    settings = load_settings()
    with opened(settings) as database:
        if history:
            _tell_history(database, settings, as_json=as_json)
            return
        from scheduler import forecasting  # noqa: PLC0415  loads NumPy

        foretold = forecasting.forecast_now(database, settings, workers=workers, risk=at_risk)
        if record:
            forecasting.record(database, foretold)
    if as_json:
        typer.echo(json.dumps(_as_json(foretold), ensure_ascii=False, indent=2, default=_plain))
    else:
        from cli import forecast_page  # noqa: PLC0415  as above

        forecast_page.show(foretold, settings.schedule.time_zone)
    raise typer.Exit(_exit(foretold.forecast))


def _exit(made: "Forecast | None") -> Exit:
    if made is None or made.outlook.on_time >= 1 - made.risk:
        return Exit.OK
    return Exit.AT_RISK if made.outlook.on_time >= 0.5 else Exit.LATE


def _tell_history(database: Database, settings: Settings, *, as_json: bool) -> None:
    from cli import forecast_page  # noqa: PLC0415  as above
    from scheduler import forecasting  # noqa: PLC0415

    rows, coverage = forecasting.history(database, settings, most=_RECENT)
    if as_json:
        told = {
            "schema": "rollcall.forecasts/1",
            "coverage": dataclasses.asdict(coverage),
            "forecasts": [_row_as_json(row) for row in rows],
        }
        typer.echo(json.dumps(told, indent=2, default=_plain))
    else:
        forecast_page.show_history(rows, coverage, settings.schedule.time_zone)


def _as_json(foretold: "Foretold") -> dict[str, Any]:
    made, estimate = foretold.forecast, foretold.estimate
    learnt = {"videos": estimate.videos, "nights": estimate.nights, "stretch": estimate.stretch}
    if made is None:
        return {"schema": "rollcall.forecast/1", "queue": {"videos": 0}, "learnt_from": learnt}
    return {
        "schema": "rollcall.forecast/1",
        "made_at": made.made_at,
        "begins_at": made.begins,
        "processes": {"count": made.processes, "source": foretold.source, "enough": made.enough},
        "queue": {
            "videos": len(made.videos),
            "video_seconds": round(made.video_seconds, 3),
            "work_seconds": round(made.work_seconds, 3),
            "coarse": made.coarse,
        },
        "horizon": made.horizon,
        **_outlook_as_json(made.outlook),
        "at_risk_from": made.risk,
        "measures": [{"name": each.name, **_outlook_as_json(each.outlook)} for each in made.measures],
        "videos": [_video_as_json(each) for each in made.videos],
        "learnt_from": learnt,
    }


def _outlook_as_json(outlook: "Outlook") -> dict[str, Any]:
    return {
        "empty": dataclasses.asdict(outlook.empty),
        "on_time": round(outlook.on_time, 4),
        "at_risk": outlook.at_risk,
        "postponed": outlook.postponed,
    }


def _video_as_json(video: "VideoForecast") -> dict[str, Any]:
    told = dataclasses.asdict(video)
    return {**told, "priority": Priority(video.priority).name.lower(), "late": round(video.late, 4)}


def _row_as_json(row: "ForecastRow") -> dict[str, Any]:
    left_out = {"id", "last_video_id"}
    return {name.key: getattr(row, name.key) for name in row.__table__.columns if name.key not in left_out}


def _plain(value: object) -> str:
    assert isinstance(value, datetime | StrEnum)
    return value.isoformat() if isinstance(value, datetime) else str(value)
