"""JSON: held to its schema, and to a file that stands for its readers."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from db.states import VideoState
from report import as_json
from report.model import Coverage, Provenance, VideoReport

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((REPOSITORY / "docs" / "report.schema.json").read_text())
    return loaded


def check(document: object, schema: dict[str, Any]) -> None:
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
    validator.validate(document)


def rejected(report: VideoReport) -> VideoReport:
    return replace(
        report,
        state=VideoState.REJECTED,
        cause="not-a-video",
        facts=None,
        sampling=None,
        length=Fraction(0),
        people=(),
        coverage=Coverage(()),
        provenance=Provenance("0.0.0", None, None, None, None, None, None),
    )


def test_the_report_fits_the_schema(broadcast: VideoReport, schema: dict[str, Any]) -> None:
    check(json.loads(as_json.render(broadcast)), schema)


def test_a_rejected_file_fits_the_schema(broadcast: VideoReport, schema: dict[str, Any]) -> None:
    document = json.loads(as_json.render(rejected(broadcast)))
    check(document, schema)
    assert document["sampling"] is None
    assert document["coverage"]["planned"] == 0


def objects(schema: Any, path: str = "#") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every part of the schema that describes an object."""
    if isinstance(schema, dict):
        if "properties" in schema and "type" in schema:
            yield path, schema
        for key, value in schema.items():
            yield from objects(value, f"{path}/{key}")


def test_the_schema_lets_nothing_through_that_it_does_not_describe(schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)
    described = list(objects(schema))
    assert len(described) >= 12
    for path, part in described:
        assert part["additionalProperties"] is False, path
        assert sorted(part["required"]) == sorted(part["properties"]), path
        for name, value in part["properties"].items():
            assert value.get("description"), f"{path}/{name} has no description"


SPOILT: dict[str, Callable[[dict[str, Any]], object]] = {
    "a property is missing": lambda d: d.pop("people"),
    "one inside is missing": lambda d: d["people"][0]["appearances"][0].pop("start_pts"),
    "one too many": lambda d: d["people"][0].update(embedding=[0.1]),
    "not an end": lambda d: d["video"].update(state="running"),
    "another version": lambda d: d.update(schema="rollcall.report/3"),
}


@pytest.mark.parametrize("how", SPOILT)
def test_the_schema_notices_what_does_not_fit(broadcast: VideoReport, schema: dict[str, Any], how: str) -> None:
    document = as_json.document(broadcast)
    SPOILT[how](document)
    with pytest.raises(jsonschema.ValidationError):
        check(document, schema)


def test_seconds_are_those_of_the_ticks(broadcast: VideoReport) -> None:
    document = json.loads(as_json.render(broadcast))
    base = document["video"]["time_base"]
    tick = Fraction(base["numerator"], base["denominator"])
    seen = [appearance for person in document["people"] for appearance in person["appearances"]]
    assert len(seen) == 7
    for appearance in seen:
        for end in ("start", "end", "earliest_start", "latest_end"):
            assert appearance[end] == round(float(appearance[f"{end}_pts"] * tick), 3)
    assert document["sampling"] == {
        "interval": 3.0,
        "tolerance": 0.3,
        "border_uncertainty": 3.6,
        "key_frames": 8,
        "reused": 3,
    }


def test_counts_add_up(broadcast: VideoReport) -> None:
    coverage = json.loads(as_json.render(broadcast))["coverage"]
    assert coverage["planned"] == sum(coverage[name] for name in ("analysed", "carried", "flat", "undecodable")) == 21


def test_text_stays_text(broadcast: VideoReport) -> None:
    text = as_json.render(replace(broadcast, title='نشرة "الأخبار" 📺 </script>'))
    assert "نشرة" in text
    assert json.loads(text)["video"]["title"] == 'نشرة "الأخبار" 📺 </script>'
    assert text.endswith("}\n")
