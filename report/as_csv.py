"""The report as a table for spreadsheets: one row per appearance, RFC 4180 with CRLF, comma, UTF-8.

The text begins with a byte order mark: without one Excel reads UTF-8 as the code page of its country and breaks every
accent. A cell that a spreadsheet would run as a formula is made text by an apostrophe before it (OWASP, CSV injection).
"""

import csv
import io
from fractions import Fraction

from report.model import Candidate, Evidence, VideoReport
from report.timecodes import decimal, timecode

COLUMNS = (
    "person",
    "decision",
    "start",
    "end",
    "start_seconds",
    "end_seconds",
    "earliest_start_seconds",
    "latest_end_seconds",
    "faces",
    "group",
    "first_candidate",
    "first_distance",
    "second_candidate",
    "second_distance",
    "margin",
    "video",
    "content_sha256",
    "proposed",
    "confidence",
)
_BYTE_ORDER_MARK = "\ufeff"
_BEGINNING = Fraction(0)
# Spreadsheets begin a formula at these, some also at their full-width forms.
_BEGINS_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def render(report: VideoReport) -> str:
    """The table, appearances in order of time, then of the person's first appearance."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    rows = [(appearance, person) for person in report.people for appearance in person.appearances]
    for appearance, person in sorted(rows, key=lambda row: (row[0].start, row[0].end)):
        evidence = next(evidence for evidence in person.evidence if evidence.group == appearance.group)
        writer.writerow(
            [
                _text(person.label),
                person.decision.value,
                timecode(max(_BEGINNING, appearance.start)),
                timecode(max(_BEGINNING, appearance.end)),
                f"{decimal(appearance.start):.3f}",
                f"{decimal(appearance.end):.3f}",
                f"{decimal(appearance.earliest_start):.3f}",
                f"{decimal(appearance.latest_end):.3f}",
                appearance.face_count,
                appearance.group,
                *_candidates(evidence),
                _text(report.title),
                report.content_sha256,
                _text(person.proposed or ""),
                "" if evidence.confidence is None else f"{evidence.confidence:.6f}",
            ]
        )
    return _BYTE_ORDER_MARK + text.getvalue()


def _candidates(evidence: Evidence) -> list[str]:
    margin = "" if evidence.margin is None else f"{evidence.margin:.6f}"
    return [*_candidate(evidence.first), *_candidate(evidence.second), margin]


def _candidate(candidate: Candidate | None) -> tuple[str, str]:
    return ("", "") if candidate is None else (_text(candidate.name or ""), f"{candidate.distance:.6f}")


def _text(value: str) -> str:
    return f"'{value}" if value.startswith(_BEGINS_FORMULA) else value
