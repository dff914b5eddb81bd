"""What the names of files and folders tell, and what sidecars tell."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from config.errors import BadSidecar
from config.night_settings import ScheduleSettings, UploadRule
from db.facts import UploadFacts
from db.schema import Priority
from intake import facts, sidecars
from intake.rules import Rules

VIENNA = ZoneInfo("Europe/Vienna")
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def told(place: str, *rules: dict[str, Any]) -> UploadFacts:
    return Rules([UploadRule(**rule) for rule in rules], VIENNA).facts(place, NOW)


def test_channel_and_time_come_from_folder_and_name() -> None:
    found = told("/up/News 24/20261119_1805.ts", {"path": "{channel}/{recorded:%Y%m%d_%H%M}.{}"})
    assert found == UploadFacts("News 24", datetime(2026, 11, 19, 17, 5, tzinfo=UTC))


def test_a_time_that_names_its_zone_keeps_it_and_a_day_begins_at_midnight() -> None:
    aware = told("/a_2026-11-19T18:05+0000.mp4", {"path": "{}_{recorded:%Y-%m-%dT%H:%M%z}.mp4"})
    assert aware.recorded_at == datetime(2026, 11, 19, 18, 5, tzinfo=UTC)
    day = told("/2026-11-19/a.mp4", {"path": "{recorded:%Y-%m-%d}/{}"})
    assert day.recorded_at == datetime(2026, 11, 18, 23, tzinfo=UTC)


def test_the_first_rule_that_fits_counts_and_its_constants_stand_where_the_path_tells_nothing() -> None:
    rules: list[dict[str, Any]] = [
        {"path": "urgent/{}", "priority": "urgent", "deadline": "+2h"},
        {"path": "{priority}/{channel}-{}", "channel": "never"},
        {"path": "{}", "channel": "Elsewhere"},
    ]
    assert told("/up/urgent/a.mp4", *rules) == UploadFacts(priority=Priority.URGENT, deadline=NOW + timedelta(hours=2))
    assert told("/up/low/one-a.mp4", *rules) == UploadFacts("one", priority=Priority.LOW)
    assert told("/up/none/one-a.mp4", *rules).channel == "Elsewhere", "there is no such priority: the rule does not fit"


def test_a_date_that_cannot_be_does_not_fit() -> None:
    assert told("/20260230_1000.ts", {"path": "{recorded:%Y%m%d_%H%M}.ts"}) == UploadFacts()
    assert told("s3://bucket/ORF/x.ts", {"path": "{channel}/{}.ts"}) == UploadFacts("ORF")
    assert told("/x.ts", {"path": "a/b/c/{}.ts"}) == UploadFacts()


@pytest.mark.parametrize(
    ("path", "why"),
    [("{chanel}/{}", "names chanel; known are channel, deadline"), ("{recorded:%Q}", "is no pattern")],
)
def test_a_rule_that_cannot_be_is_refused_with_the_settings(path: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        UploadRule(path=path)


def test_a_sidecar_tells_the_same_by_name() -> None:
    content = b'{"channel": " News ", "recorded": "2026-11-19T18:05", "priority": "High", "deadline": "06:00"}'
    assert sidecars.read(content, "/a.mp4.rollcall.json", VIENNA, NOW) == UploadFacts(
        "News", datetime(2026, 11, 19, 17, 5, tzinfo=UTC), Priority.HIGH, datetime(2026, 11, 21, 5, tzinfo=UTC)
    )
    assert sidecars.read(b"{}", "/x", VIENNA, NOW) == UploadFacts()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\xff\xfe", "is no JSON"),
        (b"[" * 70_000, "is no JSON"),
        (b"[]", "is no JSON object"),
        (b'{"chanel": "x"}', "tells 'chanel'; known are channel, recorded, priority, deadline"),
        (b'{"priority": 3}', "priority is no text"),
        (b'{"priority": "very"}', "'very' is no priority; there are low, normal, high, urgent"),
        (b'{"recorded": "yesterday"}', "'yesterday' is no date and time"),
        (b'{"channel": "' + b"x" * 201 + b'"}', "is longer than 200 letters"),
    ],
)
def test_what_is_wrong_with_a_sidecar_is_told(content: bytes, why: str) -> None:
    with pytest.raises(BadSidecar, match=why) as caught:
        sidecars.read(content, "/a.mp4.rollcall.json", VIENNA, NOW)
    assert caught.value.subject == "/a.mp4.rollcall.json"


@pytest.mark.parametrize(
    ("hour", "expected"),
    [(12, datetime(2026, 11, 21, 5, tzinfo=UTC)), (22, datetime(2026, 11, 22, 5, tzinfo=UTC))],
)
def test_the_default_deadline_is_that_of_the_night_to_come(hour: int, expected: datetime) -> None:
    """The nightly run begins at 22:00 in Vienna, 21:00 here: what comes later belongs to the next night."""
    schedule = ScheduleSettings(zone="Europe/Vienna")
    assert facts.by_default(schedule, NOW.replace(hour=hour)).deadline == expected


def test_what_is_told_first_stands() -> None:
    mine = UploadFacts("mine", priority=Priority.LOW)
    theirs = UploadFacts("theirs", NOW, Priority.HIGH)
    assert mine.or_else(theirs) == UploadFacts("mine", NOW, Priority.LOW)
