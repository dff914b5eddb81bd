"""The report as JSON, `rollcall.report/2`; `docs/report.schema.json` describes every property."""

import json
from datetime import UTC, datetime
from typing import Any

from db.schema import SampleOutcome
from report.model import Appearance, BestFace, Candidate, Evidence, Person, Provenance, Stretch, Upload, VideoReport
from report.timecodes import decimal

SCHEMA = "rollcall.report/2"
_DIGITS = 6
"""Decimals of distances, scores and qualities: what the vector units of two machines agree on."""


def render(report: VideoReport) -> str:
    """The JSON text, with a final newline."""
    return json.dumps(document(report), ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def document(report: VideoReport) -> dict[str, Any]:
    """The report as JSON's own values, the properties in a fixed order."""
    coverage = report.coverage
    return {
        "schema": SCHEMA,
        "video": _video(report),
        "sampling": _sampling(report),
        "provenance": _provenance(report.provenance),
        "coverage": {
            "planned": coverage.planned,
            **{outcome.value: coverage.count(outcome) for outcome in SampleOutcome},
            "left_out": coverage.left_out,
            "refill": None if coverage.refill is None else coverage.refill.value,
            "stretches": [_stretch(stretch) for stretch in coverage.stretches],
        },
        "people": [_person(person) for person in report.people],
        "processing": {
            "video_id": report.processing.video_id,
            "path": report.processing.path,
            "submitted_at": _instant(report.processing.submitted_at),
            "ended_at": _instant(report.processing.ended_at),
            "uploads": [_upload(upload) for upload in report.processing.uploads],
        },
    }


def _upload(upload: Upload) -> dict[str, Any]:
    return {
        "place": upload.place,
        "submitted_at": _instant(upload.submitted_at),
        "channel": upload.channel,
        "recorded_at": _instant(upload.recorded_at),
    }


def _sampling(report: VideoReport) -> dict[str, Any] | None:
    sampling = report.sampling
    if sampling is None:
        return None
    return {
        "interval": decimal(sampling.interval),
        "tolerance": decimal(sampling.tolerance),
        "border_uncertainty": decimal(report.border_uncertainty),
        "key_frames": sampling.key_frames,
        "reused": sampling.reused,
    }


def _video(report: VideoReport) -> dict[str, Any]:
    facts = report.facts
    duration = facts.duration if facts else None
    return {
        "title": report.title,
        "content_sha256": report.content_sha256,
        "byte_size": report.byte_size,
        "state": report.state.value,
        "cause": report.cause,
        "detail": report.detail,
        "container": facts.container if facts else None,
        "codec": facts.codec if facts else None,
        "width": facts.width if facts else None,
        "height": facts.height if facts else None,
        "rotation": facts.rotation if facts else None,
        "time_base": None
        if facts is None
        else {"numerator": facts.time_base.numerator, "denominator": facts.time_base.denominator},
        "origin_pts": facts.origin_pts if facts else None,
        "duration_pts": facts.duration_pts if facts else None,
        "duration": None if duration is None else decimal(duration),
        "length": decimal(report.length),
    }


def _provenance(provenance: Provenance) -> dict[str, Any]:
    space = None
    if provenance.space_name is not None:
        space = {
            "name": provenance.space_name,
            "length": provenance.space_length,
            "weights_sha256": provenance.weights_sha256,
        }
    return {
        "rollcall_version": provenance.rollcall_version,
        "detector": provenance.detector,
        "embedding_space": space,
        "gallery_version": provenance.gallery_version,
        "rule": provenance.rule,
    }


def _stretch(stretch: Stretch) -> dict[str, Any]:
    return {
        "outcome": stretch.outcome.value,
        "first_sample": stretch.first_sample,
        "end_sample": stretch.end_sample,
        "stride": stretch.stride,
        "start": decimal(stretch.start),
        "end": decimal(stretch.end),
        "first_pts": stretch.first_pts,
        "last_pts": stretch.last_pts,
        "cause": stretch.cause,
        "detail": stretch.detail,
    }


def _person(person: Person) -> dict[str, Any]:
    return {
        "label": person.label,
        "name": person.name,
        "proposed": person.proposed,
        "unknown": person.unknown,
        "decision": person.decision.value,
        "confidence": _rounded(person.confidence),
        "time_on_camera": decimal(person.time_on_camera),
        "face_count": person.face_count,
        "evidence": [_evidence(evidence) for evidence in person.evidence],
        "appearances": [_appearance(appearance) for appearance in person.appearances],
        "best_face": _face(person.best_face),
    }


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {
        "group": evidence.group,
        "face_count": evidence.face_count,
        "confirmed": evidence.confirmed,
        "rival": evidence.rival,
        "confidence": _rounded(evidence.confidence),
        "first": _candidate(evidence.first),
        "second": _candidate(evidence.second),
        "margin": _rounded(evidence.margin),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


def _candidate(candidate: Candidate | None) -> dict[str, Any] | None:
    if candidate is None:
        return None
    return {"name": candidate.name, "distance": _rounded(candidate.distance), "score": _rounded(candidate.score)}


def _appearance(appearance: Appearance) -> dict[str, Any]:
    return {
        "start": decimal(appearance.start),
        "end": decimal(appearance.end),
        "start_pts": appearance.start_pts,
        "end_pts": appearance.end_pts,
        "earliest_start": decimal(appearance.earliest_start),
        "latest_end": decimal(appearance.latest_end),
        "earliest_start_pts": appearance.earliest_start_pts,
        "latest_end_pts": appearance.latest_end_pts,
        "group": appearance.group,
        "face_count": appearance.face_count,
        "best_face": _face(appearance.best_face),
    }


def _face(face: BestFace | None) -> dict[str, Any] | None:
    if face is None:
        return None
    box, quality = face.box, face.quality
    return {
        "time": decimal(face.time),
        "pts": face.pts,
        "box": {"left": box.left, "top": box.top, "right": box.right, "bottom": box.bottom},
        "score": round(face.score, _DIGITS),
        "quality": quality.rounded(_DIGITS),
    }


def _instant(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
