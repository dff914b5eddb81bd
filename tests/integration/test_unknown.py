"""Unknown people are known again from video to video, named and ignored: on both kinds of database."""

import json
from pathlib import Path

import numpy as np
import pytest
from support.archive import add_done, add_enrolled, face_of, names, remove
from support.records import direction
from typer.testing import CliRunner

from cli.main import app
from config.errors import Conflict, NotFound
from config.face_settings import EnrolSettings
from config.settings import load_settings
from curation.naming import MOST_FACES, Named, name_unknown
from db import calibrations, casts, gallery, identities, links, rivals, spaces, unknown_people, videos
from db.schema import EmbeddingSpaceRow, FaceGroup, Rival, UnknownPerson, UnknownState
from db.unknown_people import Summary, code
from models.faces import Face
from models.linking import Links
from report.build import build
from worker.archive import Renewed, renew
from worker.linking import Linked, link_unknown
from worker.process import WorkerProcess
from worker.rematch import Rematched, rematch

SQLITE_ONLY = pytest.mark.parametrize("ledger_url", ["sqlite"], indirect=True)
"""For what does not depend on the kind of database."""


def face(person: int, seed: int = 0, noise: float = 0.005) -> Face:
    drawn = np.random.default_rng(seed).normal(0, noise, 128).astype(np.float32)
    return face_of(direction(person) + drawn, person)


def seen(process: WorkerProcess, title: str, *people: tuple[int, int]) -> int:
    """A video of ten samples that is done: (sample, person)."""
    return add_done(process, title, [(sample, face(person, sample)) for sample, person in people])


def listed(process: WorkerProcess, *states: UnknownState) -> list[Summary]:
    with process.database.reading() as session:
        return unknown_people.summaries(session, states or (UnknownState.OPEN,), None)


def codes(process: WorkerProcess, video_id: int) -> dict[int, str]:
    with process.database.reading() as session:
        return unknown_people.codes(session, video_id)


def say(process: WorkerProcess, person: str, name: str, *without: str) -> Named:
    return name_unknown(process.database, person, name, process.settings, without)


def test_whoever_is_seen_in_several_videos_has_one_number_and_keeps_it(process: WorkerProcess) -> None:
    first = seen(process, "first", (0, 1), (1, 1), (2, 2), (8, 1))
    second = seen(process, "second", (0, 2), (5, 3))
    assert link_unknown(process.database) == Linked(clusters=4, people=3)
    assert codes(process, first) == {1: "U-1", 2: "U-2"}
    assert codes(process, second) == {1: "U-2", 2: "U-3"}
    assert link_unknown(process.database) == Linked()
    third = seen(process, "third", (3, 3), (4, 4))
    assert link_unknown(process.database) == Linked(clusters=2, people=1)
    assert codes(process, third) == {1: "U-3", 2: "U-4"}
    told = {one.number: (one.appearances, one.videos) for one in listed(process)}
    assert told == {1: (2, 1), 2: (2, 2), 3: (2, 2), 4: (1, 1)}
    assert [one.number for one in listed(process)] == [1, 2, 3, 4]


def test_two_faces_of_one_frame_are_never_one_person(process: WorkerProcess) -> None:
    twins = [(0, face(1, 1)), (0, face_of(face(1, 2).embedding, 5)), (3, face(1, 3))]
    video_id = add_done(process, "twins", twins)
    link_unknown(process.database)
    assert len(set(codes(process, video_id).values())) == 2
    later = seen(process, "later", (0, 1))
    link_unknown(process.database)
    assert set(codes(process, later).values()) < set(codes(process, video_id).values())
    assert len(listed(process)) == 2


def test_a_name_is_given_wherever_the_person_was_seen_and_found_elsewhere(process: WorkerProcess) -> None:
    first, second = seen(process, "first", (0, 1), (3, 2)), seen(process, "second", (0, 1))
    link_unknown(process.database)
    other = seen(process, "other", (4, 1))
    assert say(process, "u-1", "Ann") == Named("Ann", places=2, faces=2)
    assert names(process, first) == ["Ann", None]
    assert names(process, second) == ["Ann"]
    assert names(process, other) == [None]
    assert rematch(process).named == 1
    assert names(process, other) == ["Ann"]
    assert [one.number for one in listed(process)] == [2]
    (done,) = listed(process, UnknownState.NAMED)
    assert (done.number, done.name, done.appearances) == (1, "Ann", 0)
    with process.database.reading() as session:
        report = build(session, videos.get(session, first))
        assert [(one.label, one.confirmed, one.unknown) for one in report.people] == [
            ("Ann", True, None), ("U-2", False, "U-2")
        ]  # fmt: skip
    with pytest.raises(Conflict, match="named already"):
        say(process, "U-1", "Bob")


def test_what_somebody_has_said_outlives_what_the_gallery_says(process: WorkerProcess) -> None:
    video_id = seen(process, "film", (0, 1), (3, 2))
    link_unknown(process.database)
    say(process, "U-1", "Ann")
    # Everything that the gallery knows of Ann goes, and somebody who looks just like that is enrolled.
    with process.database.writing() as session:
        identity = identities.get(session, "Ann")
        gallery.remove(session, [one.id for one in gallery.faces_of(session, identity.id)])
    add_enrolled(process, [("Double", face(1, 99))])
    for _ in range(2):
        rematch(process)
        assert names(process, video_id) == ["Ann", None]
    with process.database.reading() as session:
        (group, _) = session.query(FaceGroup).order_by(FaceGroup.number).all()
        first = identities.names(session, [group.first_id or 0])
        assert group.confirmed
        assert list(first.values()) == ["Double"]


def test_a_merged_identity_keeps_what_was_said_and_a_removed_one_leaves_unknown_people(process: WorkerProcess) -> None:
    video_id = seen(process, "film", (0, 1))
    link_unknown(process.database)
    say(process, "U-1", "Ann")
    add_enrolled(process, [("Anna", face(1, 99))])
    with process.database.writing() as session:
        ann, anna = identities.get(session, "Ann").id, identities.get(session, "Anna").id
        identities.merge(session, ann, anna)
    rematch(process)
    assert names(process, video_id) == ["Anna"]
    assert [one.name for one in listed(process, UnknownState.NAMED)] == ["Anna"]
    remove(process, "Anna")
    assert names(process, video_id) == [None]
    rematch(process)
    assert listed(process, UnknownState.NAMED) == []
    link_unknown(process.database)
    assert codes(process, video_id) == {1: "U-2"}


@SQLITE_ONLY
def test_places_that_show_somebody_else_stay_unknown(process: WorkerProcess) -> None:
    first, second = seen(process, "first", (0, 1)), seen(process, "second", (0, 1))
    link_unknown(process.database)
    with pytest.raises(NotFound, match="99:1"):
        say(process, "U-1", "Ann", "99:1")
    assert say(process, "U-1", "Ann", f"{second}:1").places == 1
    assert (names(process, first), names(process, second)) == (["Ann"], [None])


@SQLITE_ONLY
def test_few_of_many_faces_are_enrolled_from_as_many_videos_as_there_are(process: WorkerProcess) -> None:
    for number in range(MOST_FACES + 3):
        seen(process, f"film {number}", (number, 1))
    link_unknown(process.database)
    assert say(process, "U-1", "Ann") == Named("Ann", places=MOST_FACES + 3, faces=MOST_FACES)
    with process.database.reading() as session:
        enrolled = gallery.faces_of(session, identities.get(session, "Ann").id)
        assert len({one.photograph for one in enrolled}) == MOST_FACES
        assert all(one.photograph.startswith("video ") and one.photograph.endswith(" s") for one in enrolled)


@SQLITE_ONLY
def test_poor_faces_name_nobody_else(process: WorkerProcess) -> None:
    seen(process, "film", (0, 1))
    link_unknown(process.database)
    strict = process.settings.model_copy(update={"enrol": EnrolSettings(smallest_face=200)})
    assert name_unknown(process.database, "U-1", "Ann", strict) == Named("Ann", places=1, faces=0)


def test_who_is_ignored_is_not_listed_and_takes_in_whoever_looks_like_it(process: WorkerProcess) -> None:
    seen(process, "first", (0, 1))
    link_unknown(process.database)
    with process.database.writing() as session:
        unknown_people.ignore(session, unknown_people.get(session, "U-1"))
    later = seen(process, "later", (0, 1))
    assert link_unknown(process.database) == Linked(clusters=1)
    assert codes(process, later) == {1: "U-1"}
    assert listed(process) == []
    with process.database.writing() as session:
        unknown_people.restore(session, unknown_people.get(session, "U-1"))
    assert [(one.number, one.videos) for one in listed(process)] == [(1, 2)]


def test_known_people_who_turn_out_to_be_one_are_found_by_both_codes(process: WorkerProcess) -> None:
    at = 0.5 * direction(2)
    add_done(process, "one", [(0, face_of(direction(1)))])
    add_done(process, "other", [(0, face_of(direction(1) + at))])
    link_unknown(process.database)
    assert len(listed(process)) == 2
    for number in range(4):
        add_done(process, f"between {number}", [(0, face_of(direction(1) + 0.6 * at))])
    assert link_unknown(process.database) == Linked(clusters=4, people=0, joined=1)
    (one,) = listed(process)
    assert (one.number, one.videos) == (1, 6)
    with process.database.reading() as session:
        assert unknown_people.get(session, "U-2").number == 1
        assert [place.title for place in unknown_people.places(session, unknown_people.get(session, "u2").id)]


@SQLITE_ONLY
def test_whoever_is_enrolled_meanwhile_is_unknown_no_more(process: WorkerProcess) -> None:
    video_id = seen(process, "film", (0, 1), (4, 2))
    link_unknown(process.database)
    add_enrolled(process, [("Ann", face(1, 99))])
    rematch(process)
    assert codes(process, video_id) == {2: "U-2"}
    link_unknown(process.database)
    seen(process, "next", (0, 3))
    link_unknown(process.database)
    # Nobody shows U-1 any more; its number is not given again.
    assert [one.number for one in listed(process)] == [2, 3]


def test_what_has_changed_meanwhile_is_not_written_over(process: WorkerProcess) -> None:
    video_id = seen(process, "film", (0, 1))
    with process.database.reading() as session:
        (space,) = links.to_link(session)
        read = links.clusters(session, space)
        video = videos.get(session, video_id)
        before = casts.clusters(session, video_id, 128)
        matched = video.matched_version
    link_unknown(process.database)
    late = Links(np.array([-1]), {})
    with pytest.raises(Conflict), process.database.writing() as session:
        links.write(session, read, late)
    say(process, "U-1", "Ann")
    assert matched is not None
    with pytest.raises(Conflict, match="somebody has said"), process.database.writing() as session:
        casts.replace(session, video_id, casts.Cast((), (), (), before))
    assert names(process, video_id) == ["Ann"]


@SQLITE_ONLY
def test_each_unknown_person_counts_once_for_a_calibration(process: WorkerProcess) -> None:
    for number in range(3):
        seen(process, f"film {number}", (0, 1), (5, 2))
    with process.database.reading() as session:
        space = spaces.find(session, process.engine.space.name)
        assert space is not None
        assert calibrations.unknown_count(session, space.id) == 6
    link_unknown(process.database)
    with process.database.reading() as session:
        assert calibrations.unknown_count(session, space.id) == 2
        assert len(calibrations.unknown_ids(session, space.id)) == 2


@SQLITE_ONLY
def test_normalised_scores_link_whom_distances_cannot(process: WorkerProcess) -> None:
    """A crowd of strangers on both sides makes a cohort: two at 0.5 who stand apart from all are one person."""
    generator = np.random.default_rng(5)
    crowd = generator.normal(0, 0.9 / np.sqrt(256), (600, 128)).astype(np.float32)
    add_done(process, "crowd", [(number % 10, face_of(one)) for number, one in enumerate(crowd)])
    lonely = direction(3) * 1.2
    first = add_done(process, "first", [(0, face_of(lonely))])
    second = add_done(process, "second", [(0, face_of(lonely + 0.5 * direction(4)))])
    linked = link_unknown(process.database)
    assert linked.clusters == linked.people + 1
    assert codes(process, first) == codes(process, second)


def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_HOME", str(tmp_path))
    load_settings.cache_clear()
    runner = CliRunner()
    try:
        assert "nobody is unknown" in runner.invoke(app, ["unknown"]).stdout
        process = WorkerProcess(load_settings())
        seen(process, "film <b>", (0, 1), (7, 1), (8, 2))
        assert "2 unknown people more" in runner.invoke(app, ["rematch"]).stdout
        table = runner.invoke(app, ["unknown", "--most", "1"])
        assert "U-1" in table.stdout
        assert "U-2" not in table.stdout
        assert "1 more" in table.stderr
        lines = [json.loads(line) for line in runner.invoke(app, ["unknown", "--json"]).stdout.splitlines()]
        assert [(one["code"], one["appearances"], one["videos"]) for one in lines] == [("U-1", 2, 1), ("U-2", 1, 1)]
        shown = json.loads(runner.invoke(app, ["unknown", "show", "U-1", "--json"]).stdout)
        assert [(one["title"], len(one["seen"])) for one in shown["places"]] == [("film <b>", 2)]
        page = tmp_path / "page.html"
        assert runner.invoke(app, ["unknown", "page", "--output", str(page)]).exit_code == 0
        text = page.read_text()
        assert "film &lt;b&gt;" in text
        assert "rollcall unknown name U-1 NAME" in text
        assert "2 appearances in 1 video" in text
        assert "no unknown person" in str(runner.invoke(app, ["unknown", "show", "U-9"]).exception)
        assert "e.g. U-12" in str(runner.invoke(app, ["unknown", "show", "Ann"]).exception)
        assert "Ann: 1 place of videos, 1 face enrolled" in runner.invoke(app, ["unknown", "name", "U-1", "Ann"]).stdout
        assert "ignored: U-2" in runner.invoke(app, ["unknown", "ignore", "U-2"]).stdout
        assert "U-2" in runner.invoke(app, ["unknown", "--state", "ignored"]).stdout
        assert "listed again: U-2" in runner.invoke(app, ["unknown", "restore", "U-2"]).stdout
        add_enrolled(process, [("Bob", face(2, 99))])
        assert "Bob" in runner.invoke(app, ["unknown"]).stdout
        process.database.close()
    finally:
        load_settings.cache_clear()


@SQLITE_ONLY
def test_codes(process: WorkerProcess) -> None:
    with process.database.writing() as session:
        space_id = spaces.ensure(session, process.engine.space)
        now = session.get_one(EmbeddingSpaceRow, space_id)
        assert now.id == space_id
        for written in ("", "U", "U-0", "U-01", "U-1e9", "U-" + "9" * 30):
            with pytest.raises(NotFound):
                unknown_people.get(session, written)
        assert session.query(UnknownPerson).count() == 0
    assert code(12) == "U-12"


def decisions(process: WorkerProcess, video_id: int) -> list[tuple[str, int | None]]:
    with process.database.reading() as session:
        groups = session.query(FaceGroup).where(FaceGroup.video_id == video_id).order_by(FaceGroup.number).all()
        known = unknown_people.numbers(session, [group.rival_id for group in groups if group.rival_id])
        return [(group.decision, known.get(group.rival_id or 0)) for group in groups]


def test_a_double_who_was_seen_before_contests_the_name(process: WorkerProcess) -> None:
    """Ann is enrolled. Somebody 0.55 away is unknown, and then seen at 0.45 from Ann and 0.1 from there."""
    ann, double = direction(1), direction(1) + 0.55 * direction(2)
    add_enrolled(process, [("Ann", face_of(ann))])
    mistaken = add_done(process, "mistaken", [(0, face_of(ann + 0.45 * direction(2)))])
    herself = add_done(process, "herself", [(0, face_of(ann + 0.1 * direction(3)))])
    assert (names(process, mistaken), names(process, herself)) == (["Ann"], ["Ann"])
    add_done(process, "double", [(0, face_of(double))])
    renewed = renew(process)
    assert renewed.linked.people == 1
    assert renewed.rematched.unnamed == 1
    assert decisions(process, mistaken) == [("review", 1)]
    assert names(process, herself) == ["Ann"]
    with process.database.reading() as session:
        (person,) = build(session, videos.get(session, mistaken)).people
        assert (person.label, person.evidence[0].rival) == ("Unknown 1, perhaps Ann", "U-1")
    assert renew(process) == Renewed(Rematched(), Linked())
    # Another gallery: asked without rivals first, then with those that hold for it.
    add_enrolled(process, [("Bob", face(9))])
    renew(process)
    assert decisions(process, mistaken) == [("review", 1)]
    # Whoever is ignored is still not Ann; and if it was Ann after all, all of them are hers.
    with process.database.writing() as session:
        unknown_people.ignore(session, unknown_people.get(session, "U-1"))
    renew(process)
    assert decisions(process, mistaken) == [("review", 1)]
    say(process, "U-1", "Ann")
    renew(process)
    assert names(process, mistaken) == ["Ann"]
    with process.database.reading() as session:
        assert session.query(Rival).count() == 0


def test_rivals_go_with_the_people_that_they_are(process: WorkerProcess) -> None:
    add_enrolled(process, [("Ann", face(1))])
    seen(process, "film", (0, 2), (5, 3))
    renew(process)
    with process.database.reading() as session:
        assert session.query(Rival).count() == 2
    add_enrolled(process, [("Bob", face(2, 99))])
    renew(process)
    with process.database.reading() as session:
        (rival,) = session.query(Rival).all()
        assert unknown_people.numbers(session, [rival.unknown_id]) == {rival.unknown_id: 2}
        (space,) = session.query(EmbeddingSpaceRow).all()
        state = rivals.state(session, space)
    with pytest.raises(Conflict), process.database.writing() as session:
        rivals.write(session, space, state + "0", [], {}, [])


def test_whoever_is_enrolled_at_last_does_not_contest_the_own_name(process: WorkerProcess) -> None:
    """Unknown for a while, and a rival of somebody: enrolled, they are named in all past videos at once."""
    add_enrolled(process, [("Bob", face(2))])
    films = [seen(process, f"film {number}", (number, 1)) for number in range(3)]
    renew(process)
    with process.database.reading() as session:
        assert session.query(Rival).count() == 1
    add_enrolled(process, [("Ann", face(1, 99))])
    assert renew(process).rematched.named == 3
    assert [decisions(process, film) for film in films] == [[("named", None)]] * 3
    assert listed(process) == []
