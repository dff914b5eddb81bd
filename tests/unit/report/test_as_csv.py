"""CSV: what a spreadsheet reads from it."""

import csv
import io
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from report import as_csv
from report.model import Candidate, VideoReport


def rows(text: str) -> list[dict[str, str]]:
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True))


def renamed(report: VideoReport, name: str) -> VideoReport:
    """With another name for the first person, also as a candidate."""
    first = report.people[0]
    evidence = tuple(replace(one, first=Candidate(name, 0.5, 0.5)) for one in first.evidence)
    return replace(report, people=(replace(first, label=name, name=name, evidence=evidence), *report.people[1:]))


def test_one_row_per_appearance_in_order_of_time(broadcast: VideoReport) -> None:
    table = rows(as_csv.render(broadcast))
    assert [(row["person"], row["start"], row["faces"], row["group"]) for row in table] == [
        ("Barack Obama", "00:00:03.003", "4", "1"),
        ("Unknown 1, perhaps Joe Biden", "00:00:06.006", "1", "2"),
        ("Joe Biden", "00:00:09.009", "7", "3"),
        ("Barack Obama", "00:00:24.024", "4", "4"),
        ("Barack Obama", "00:00:54.021", "2", "1"),
        ("Not recognisable 1", "00:00:57.024", "1", "6"),
        ("Unknown 2", "00:00:57.024", "2", "5"),
    ]
    assert [row["end_seconds"] for row in table] == [
        "12.012", "6.006", "27.027", "33.033", "57.024", "57.024", "60.027"
    ]  # fmt: skip
    assert [row["decision"] for row in table[-2:]] == ["unrecognisable", "unknown"]


def test_each_row_has_the_evidence_of_its_own_group(broadcast: VideoReport) -> None:
    table = rows(as_csv.render(broadcast))
    assert [row["first_distance"] for row in table if row["person"] == "Barack Obama"] == [
        "0.312500", "0.406250", "0.312500"
    ]  # fmt: skip
    assert (table[1]["first_candidate"], table[1]["second_candidate"], table[1]["margin"]) == (
        "Joe Biden", "Barack Obama", "0.015625"
    )  # fmt: skip
    assert (table[6]["second_candidate"], table[6]["second_distance"], table[6]["margin"]) == ("", "", "")
    assert (table[5]["first_candidate"], table[5]["first_distance"], table[5]["confidence"]) == ("", "", "")


def test_lines_end_as_the_standard_says(broadcast: VideoReport) -> None:
    text = as_csv.render(broadcast)
    assert text.count("\n") == text.count("\r\n") == 8
    assert text.splitlines()[0].removeprefix("\ufeff").split(",") == list(as_csv.COLUMNS)


@pytest.mark.parametrize("name", ['=HYPERLINK("http://x")', "+1", "-2+3", "@SUM(A1)", "\tx", "\r=1", "＝1"])
def test_no_cell_is_a_formula(broadcast: VideoReport, name: str) -> None:
    table = rows(as_csv.render(replace(renamed(broadcast, name), title=name)))
    obama = next(row for row in table if row["group"] == "1")
    assert obama["person"] == obama["first_candidate"] == obama["video"] == f"'{name}"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(st.characters(codec="utf-8"), min_size=1))
def test_any_name_comes_back_and_none_is_a_formula(broadcast: VideoReport, name: str) -> None:
    table = rows(as_csv.render(replace(renamed(broadcast, name), title=name)))
    assert len(table) == 7
    for row in table:
        cells = [row["video"], *([row["person"], row["first_candidate"]] if row["group"] in "14" else [])]
        for cell in cells:
            assert cell in (name, f"'{name}")
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


def test_nobody_is_an_empty_table(broadcast: VideoReport) -> None:
    assert rows(as_csv.render(replace(broadcast, people=()))) == []
