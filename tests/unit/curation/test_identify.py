from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image, ImageFilter

from config.errors import UnreadablePhotograph
from config.settings import Settings
from curation.enrol import Enrolment
from curation.identify import Identifier
from curation.offers import Offer
from db.session import Database
from demo.material import Material
from models.decision import Decision


@pytest.fixture
def enrolled(ledger: Database, settings: Settings, portraits: dict[str, Path]) -> Database:
    offers = [Offer("Barack Obama", portraits["obama"]), Offer("Joe Biden", portraits["biden"])]
    assert [outcome.code for outcome in Enrolment(ledger, settings).run(offers)] == ["enrolled", "enrolled"]
    return ledger


def test_faces_get_their_nearest_identities_and_the_decision(
    enrolled: Database, settings: Settings, portraits: dict[str, Path], material: Material, tmp_path: Path
) -> None:
    identifier = Identifier(enrolled, settings)
    asked = [portraits["obama2"], portraits["astronaut"], material.coffee, tmp_path / "missing.jpg"]
    known, stranger, faceless, missing = identifier.identify(asked)

    assert [one.path for one in (known, stranger, faceless, missing)] == asked
    (face,) = known.faces
    assert [known.width, known.height] == [216, 216]
    names = identifier.names(known)
    assert [names[candidate.identity_id] for candidate in face.candidates] == ["Barack Obama", "Joe Biden"]
    assert face.candidates[0].distance < 0.5 < face.candidates[1].distance
    assert names[face.verdict.identity_id or 0] == "Barack Obama"

    (face,) = stranger.faces
    assert face.verdict.identity_id is None
    assert len(face.candidates) == 2
    assert faceless.faces == ()
    assert faceless.error is None
    assert isinstance(missing.error, UnreadablePhotograph)


def test_as_many_candidates_are_listed_as_are_asked_for_and_the_decision_does_not_depend_on_it(
    enrolled: Database, settings: Settings, portraits: dict[str, Path]
) -> None:
    strict = {"neighbours": 1, "least_margin": 2.0}
    one = settings.model_copy(update={"match": settings.match.model_copy(update=strict)})
    (photograph,) = Identifier(enrolled, one).identify([portraits["obama"]])
    (face,) = photograph.faces
    assert len(face.candidates) == 1
    assert face.candidates[0].distance == 0
    # The second identity is nearer behind the first than the margin that is asked for.
    assert face.verdict.identity_id is None
    assert face.verdict.second is not None


def test_the_json_says_everything_but_the_embedding(
    enrolled: Database, settings: Settings, portraits: dict[str, Path], tmp_path: Path
) -> None:
    identifier = Identifier(enrolled, settings)
    known, missing = identifier.identify([portraits["obama2"], tmp_path / "missing.jpg"])
    told = identifier.as_json(known)
    (face,) = cast("list[dict[str, Any]]", told.pop("faces"))
    assert told == {
        "schema": "rollcall.identify/2",
        "photograph": str(portraits["obama2"]),
        "width": 216,
        "height": 216,
        "detector": "mmod/smallest60/pixels2073600",
        "space": "dlib-resnet-v1/chip150-0.25/mirror",
        "gallery_version": 2,
        "rule": "nearest/0.500/0.050",
    }
    assert set(face) == {"box", "score", "quality", "decision", "name", "rival", "confidence", "margin", "candidates"}
    assert set(face["box"]) == {"left", "top", "right", "bottom"}
    assert (face["decision"], face["name"]) == ("named", "Barack Obama")
    first, second = face["candidates"]
    assert (first["score"], face["confidence"]) == (first["distance"], None)
    assert face["margin"] == pytest.approx(second["distance"] - first["distance"], abs=1e-5)
    assert identifier.as_json(missing) == {
        "schema": "rollcall.identify/2",
        "photograph": str(tmp_path / "missing.jpg"),
        "error": {"code": "unreadable", "what": "does not exist", "remedy": "check its path and permissions"},
    }


def test_nobody_is_named_from_an_empty_gallery(
    ledger: Database, settings: Settings, portraits: dict[str, Path]
) -> None:
    identifier = Identifier(ledger, settings)
    (photograph,) = identifier.identify([portraits["biden"]])
    (face,) = photograph.faces
    assert face.candidates == ()
    assert face.verdict.identity_id is None
    assert np.isfinite(face.face.embedding).all()


def test_a_face_below_the_least_quality_is_not_named_however_near_it_is(
    enrolled: Database, settings: Settings, portraits: dict[str, Path], tmp_path: Path
) -> None:
    with Image.open(portraits["obama2"]) as image:
        image.convert("RGB").filter(ImageFilter.GaussianBlur(8)).save(tmp_path / "blurred.png")
    identifier = Identifier(enrolled, settings)
    (photograph,) = identifier.identify([tmp_path / "blurred.png"])
    (face,) = photograph.faces
    assert face.face.quality.overall < settings.faces.least_quality
    assert face.verdict.decision == Decision.UNRECOGNISABLE
    assert face.verdict.identity_id is face.verdict.likely is None
    assert len(face.candidates) == 2, "whom it is near to is told all the same"
    (told,) = cast("list[dict[str, Any]]", identifier.as_json(photograph)["faces"])
    assert (told["decision"], told["name"], told["confidence"]) == ("unrecognisable", None, None)
    assert set(told["quality"]) == {"sharpness", "size", "pose", "exposure", "certainty", "overall"}
