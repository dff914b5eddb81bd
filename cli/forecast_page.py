"""The forecast as text: a page that a person reads in ten seconds."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from cli import console
from cli.console import counted
from cli.moments import told_moment
from db.schema import ForecastRow
from scheduler.coverage import Coverage
from scheduler.experience import Source
from scheduler.forecast import Forecast, Measure, Span, VideoForecast
from scheduler.forecasting import Foretold

_LISTED: Final = 15
_ENOUGH_NIGHTS: Final = 10
_SOURCES: Final = {
    Source.TOLD: "",
    Source.WORKING: " that work now",
    Source.LATELY: ", as many as worked lately",
    Source.CORES: ", one for each core of this machine: nobody has worked yet",
}
_MEASURES: Final = {
    "one-more-process": "one process more",
    "coarser-low": "half the samples of low priority",
    "coarser-low-normal": "half the samples of low and normal priority",
    "postpone-low": "low priority later",
}


def show(foretold: Foretold, zone: ZoneInfo) -> None:
    """Print a forecast; times are told in the zone."""
    made = foretold.forecast
    if made is None:
        console.lines(["The queue is empty."])
        return
    console.lines(_heading(foretold, made, zone))
    risky = made.at_risk
    if risky:
        console.lines(["", f"at risk   {counted(len(risky), 'video')}, {_share(made.risk)} and more likely to be late"])
        console.out.print(_videos(risky[:_LISTED], made.made_at, zone))
        if len(risky) > _LISTED:
            console.lines([f"and {len(risky) - _LISTED} more; --json lists them all"])
    if made.outlook.on_time < 1 - made.risk:
        console.lines(["", "what would help"])
        console.out.print(_measures(made.measures, made.made_at, zone))
        console.lines([_enough(made)])


def show_history(rows: Sequence[ForecastRow], coverage: Coverage, zone: ZoneInfo) -> None:
    """Print past forecasts, newest first, and how good they were."""
    if not rows:
        console.lines(["No forecast was kept yet; `rollcall forecast --record` keeps one."])
        return
    made = console.table(
        "made", ">videos", ">processes", "empty", "80 %", "95 %", "was empty", "held", ">late", ">came in"
    )
    for row in rows:
        made.add_row(*_past(row, zone))
    console.out.print(made)
    console.lines(["", *_told_coverage(coverage)])


def _heading(foretold: Foretold, made: Forecast, zone: ZoneInfo) -> Iterator[str]:
    now = made.made_at
    yield (
        f"queue     {counted(len(made.videos), 'video')}, {_hours(made.video_seconds)} of video to be scanned, "
        f"about {_hours(made.work_seconds)} of work"
    )
    if made.coarse:
        yield f"coarse    samples are left out of {counted(made.coarse, 'video')} until there is time for them"
    yield f"workers   {counted(made.processes, 'process', 'processes')}{_SOURCES[foretold.source]}"
    if made.begins > now:
        yield f"begins    {told_moment(made.begins, now, zone)}, with the nightly run"
    empty = made.outlook.empty
    yield f"empty     {told_moment(empty.median, now, zone)} ({_spans(empty, now, zone)}), {zone.key}"
    if made.horizon is None:
        yield "deadline  none of them has one"
    else:
        told = f"{_share(made.outlook.on_time)} sure that everything is on time"
        yield f"deadline  {told_moment(made.horizon, now, zone)}: {told}"
    estimate = foretold.estimate
    if not estimate.videos:
        yield "learnt    from nothing yet: the times of another machine, and a wide interval"
    else:
        yield f"learnt    from {counted(estimate.videos, 'video')} of {counted(estimate.nights, 'night')}"


def _videos(videos: Sequence[VideoForecast], now: datetime, zone: ZoneInfo) -> object:
    made = console.table(">video", "title", "deadline", "expected", ">late")
    for each in videos:
        deadline = told_moment(each.deadline, now, zone) if each.deadline else ""
        late = _share(each.late)
        made.add_row(str(each.id), console.plain(each.title), deadline, told_moment(each.end, now, zone), late)
    return made


def _measures(measures: Sequence[Measure], now: datetime, zone: ZoneInfo) -> object:
    made = console.table("", "empty", "80 %", "95 %", ">on time", ">at risk", ">postponed")
    for each in measures:
        outlook, empty = each.outlook, each.outlook.empty
        made.add_row(
            _MEASURES[each.name],
            told_moment(empty.median, now, zone),
            _span(empty.low_80, empty.high_80, now, zone),
            _span(empty.low_95, empty.high_95, now, zone),
            _share(outlook.on_time),
            str(outlook.at_risk),
            str(outlook.postponed or ""),
        )
    return made


def _enough(made: Forecast) -> str:
    if made.enough is None:
        return "no number of processes would make everything on time"
    return (
        f"{counted(made.enough, 'process', 'processes')} would make everything on time ({_share(1 - made.risk)} sure)"
    )


def _past(row: ForecastRow, zone: ZoneInfo) -> list[str]:
    made = row.made_at
    told = [
        f"{made.astimezone(zone):%Y-%m-%d %H:%M}",
        str(row.videos),
        str(row.processes),
        told_moment(row.median_at, made, zone),
        _span(row.low_80_at, row.high_80_at, made, zone),
        _span(row.low_95_at, row.high_95_at, made, zone),
    ]
    if row.emptied_at is None:
        return [*told, "", "", "", ""]
    held = "no"
    if row.low_95_at <= row.emptied_at <= row.high_95_at:
        held = "80 %" if row.low_80_at <= row.emptied_at <= row.high_80_at else "95 %"
    return [*told, told_moment(row.emptied_at, made, zone), held, str(row.late), str(row.overtaken)]


def _told_coverage(coverage: Coverage) -> Iterator[str]:
    if not coverage.nights:
        yield "no queue of these has been emptied yet"
        return
    nights = coverage.nights
    yield (
        f"{counted(nights, 'night')} with a result: the interval of 80 % held in {coverage.held_80}, that of 95 % in "
        f"{coverage.held_95}; the median was off by {100 * coverage.off:.0f} % (half of the nights by less)"
    )
    if nights < _ENOUGH_NIGHTS:
        yield f"from {_ENOUGH_NIGHTS} nights on, intervals are corrected by them"
    else:
        yield f"intervals are {coverage.stretch:.2f} times as wide as costs alone would make them"


def _span(low: datetime, high: datetime, now: datetime, zone: ZoneInfo) -> str:
    """The date of the first only where it is another one than the second's."""
    first, last = told_moment(low, now, zone), told_moment(high, now, zone)
    same = low.astimezone(zone).date() == high.astimezone(zone).date()
    return f"{first.partition(' on ')[0] if same else first} to {last}"


def _spans(span: Span, now: datetime, zone: ZoneInfo) -> str:
    wide, wider = _span(span.low_80, span.high_80, now, zone), _span(span.low_95, span.high_95, now, zone)
    return f"80 %: {wide}; 95 %: {wider}"


def _share(share: float) -> str:
    """Never more certain than a thousand draws can tell."""
    return "over 99 %" if share > 0.995 else "under 1 %" if 0 <= share < 0.005 else f"{share:.0%}".replace("%", " %")


def _hours(seconds: float) -> str:
    if seconds < 5400:
        return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
    return f"{seconds / 3600:.1f} h"
