import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from config.errors import BadName, NameTaken, NotFound
from db import erasure, gallery, identities, parts, spaces
from db.schema import EnrolledFace, FaceGroup, Video
from db.session import Database
from db.vectors import to_bytes
from models.decision import Decision
from models.faces import Box, Embedding, EmbeddingSpace, Face, Quality

PLAIN = EmbeddingSpace("plain", 128, "0" * 64)
OTHER = EmbeddingSpace("other", 128, "1" * 64)


def vector(seed: int) -> Embedding:
    return np.random.default_rng(seed).normal(size=128).astype(np.float32)


def face(seed: int) -> Face:
    quality = Quality(sharpness=0.5, size=0.75, pose=1.0)
    return Face(Box(1, 2, 61, 63), 1.25, np.zeros((5, 2), np.float32), quality, vector(seed))


def enrol(session: Session, name: str, seed: int, space: EmbeddingSpace = PLAIN) -> int:
    return gallery.add(
        session,
        identity_id=identities.ensure(session, name).id,
        space_id=spaces.ensure(session, space),
        photograph=f"/photographs/{seed}.jpg",
        photograph_hash=f"{seed:064x}",
        face=face(seed),
    ).id


names = st.text(min_size=1, max_size=60)


@given(names)
def test_the_key_of_a_key_is_itself(name: str) -> None:
    key = identities.name_key(name)
    assert identities.name_key(key) == key


@given(names)
def test_spellings_of_one_name_have_one_key(name: str) -> None:
    key = identities.name_key(name)
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert identities.name_key(unicodedata.normalize(form, name)) == key
    assert identities.name_key(name.casefold()) == key
    assert identities.name_key(f"\t {name}\u3000 ") == key
    assert identities.name_key(name.replace(" ", " \u00a0")) == key
    assert identities.name_key("\u200b".join(name)) == key


@given(names)
def test_a_name_that_is_kept_is_printable_and_keeps_its_key(name: str) -> None:
    try:
        kept = identities.clean_name(name)
    except BadName:
        return
    assert identities.clean_name(kept) == kept
    assert identities.name_key(kept) == identities.name_key(name)
    assert kept == kept.strip()
    assert "\n" not in kept
    assert 0 < len(kept) <= identities.LONGEST_NAME
    kept.encode()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ann Lee", "  ann   LEE "),
        ("Müller", "Mu\u0308ller"),
        ("Straße", "STRASSE"),
        ("Ｆｕｌｌ", "full"),
        ("ﬁnn", "Finn"),
        ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
        ("Ann\u200bLee", "annlee"),
    ],
)
def test_these_spellings_are_one_name(one: str, other: str) -> None:
    assert identities.name_key(one) == identities.name_key(other)


@pytest.mark.parametrize(("one", "other"), [("Ann Lee", "AnnLee"), ("Ann_Lee", "Ann Lee"), ("Ana", "Aña"), ("A", "B")])
def test_these_are_two_names(one: str, other: str) -> None:
    assert identities.name_key(one) != identities.name_key(other)


@pytest.mark.parametrize("name", ["", "  ", "\u200b", "a\x00b", "bell\x07", "\ud800", "x" * 201, "\ufdfa" * 200])
def test_these_are_no_names(name: str) -> None:
    with pytest.raises(BadName):
        identities.clean_name(name)


def test_an_identity_is_found_in_any_spelling_and_keeps_its_first(ledger: Database) -> None:
    with ledger.writing() as session:
        first = identities.ensure(session, " Zoë  Müller ")
        assert first.name == "Zoë Müller"
        assert identities.ensure(session, "ZOË MÜLLER").id == first.id
    with ledger.reading() as session:
        assert identities.get(session, "zoë müller").name == "Zoë Müller"
        assert identities.find(session, "zoe muller") is None


def test_who_is_not_enrolled_is_not_found_but_near_names_are_proposed(ledger: Database) -> None:
    with ledger.writing() as session:
        identities.ensure(session, "Tom_Hanks")
        identities.ensure(session, "100% Wolf")
    with ledger.reading() as session:
        with pytest.raises(NotFound, match="did you mean Tom_Hanks"):
            identities.get(session, "hanks")
        with pytest.raises(NotFound, match="rollcall identities"):
            identities.get(session, "0_")


def test_renaming_keeps_the_faces(ledger: Database) -> None:
    with ledger.writing() as session:
        enrol(session, "Ann", 1)
        identities.ensure(session, "Bea")
    with ledger.writing() as session:
        identities.rename(session, "ann", "Ann-Marie")
    with ledger.reading() as session:
        assert identities.find(session, "Ann") is None
        assert [(one.name, one.photographs) for one in identities.summaries(session)] == [("Ann-Marie", 1), ("Bea", 0)]


def test_a_name_may_change_its_spelling_but_not_become_anothers(ledger: Database) -> None:
    with ledger.writing() as session:
        identities.ensure(session, "ann lee")
        identities.ensure(session, "Bea")
        assert identities.rename(session, "ann lee", "Ann Lee").name == "Ann Lee"
    with pytest.raises(NameTaken), ledger.writing() as session:
        identities.rename(session, "Ann Lee", "BEA")
    with pytest.raises(BadName), ledger.writing() as session:
        identities.rename(session, "Ann Lee", " ")
    with ledger.reading() as session:
        assert [one.name for one in identities.summaries(session)] == ["Ann Lee", "Bea"]


def test_the_gallery_of_a_space_holds_its_faces_and_its_version_grows_with_each_change(ledger: Database) -> None:
    with ledger.reading() as session:
        assert gallery.load(session, PLAIN.name).version == 0
        assert len(gallery.load(session, PLAIN.name)) == 0
    with ledger.writing() as session:
        enrol(session, "Ann", 1)
        number = enrol(session, "Ann", 2)
        enrol(session, "Bea", 3)
        enrol(session, "Ann", 4, OTHER)
    with ledger.reading() as session:
        held = gallery.load(session, PLAIN.name)
        ann, bea = (identities.get(session, name).id for name in ("Ann", "Bea"))
        nearest = held.candidates(vector(3), 2)
        assert [candidate.identity_id for candidate in nearest] == [bea, ann]
        assert nearest[0].distance == 0
        assert (len(held), held.identity_count, held.version, held.space) == (3, 2, 3, "plain")
        assert gallery.counts_by_space(session) == {"plain": 3, "other": 1}
        assert [name for _, name in gallery.spaces_of(session, ann)] == ["plain", "other"]
    with ledger.writing() as session:
        assert gallery.remove(session, [number]) == 1
    with ledger.reading() as session:
        assert (len(gallery.load(session, "plain")), gallery.load(session, "plain").version) == (2, 4)
        assert gallery.load(session, "other").version == 1
    with ledger.writing() as session:
        assert identities.remove(session, ann).faces == 2
    with ledger.reading() as session:
        assert (len(gallery.load(session, "plain")), gallery.load(session, "plain").version) == (1, 5)
        assert (len(gallery.load(session, "other")), gallery.load(session, "other").version) == (0, 2)
        assert gallery.load(session, "other").candidates(vector(4), 2) == []


def test_the_holder_of_a_photograph_is_known_per_space(ledger: Database) -> None:
    with ledger.writing() as session:
        number = enrol(session, "Ann", 1)
    with ledger.reading() as session:
        space_id = spaces.ensure(session, PLAIN)
        holder = gallery.holder(session, space_id, f"{1:064x}")
        assert holder == gallery.holder_of_face(session, number)
        assert holder is not None
        assert (holder.name, holder.photograph) == ("Ann", "/photographs/1.jpg")
        assert gallery.holder(session, space_id, f"{2:064x}") is None
        assert gallery.holder(session, space_id + 1, f"{1:064x}") is None
        assert gallery.photograph_hashes(session, space_id) == {f"{1:064x}"}


def video(session: Session) -> Video:
    row = Video(
        content_hash="0" * 64, byte_size=1, title="day", path="/day.mp4", state="done", submitted_at=datetime.now(UTC)
    )
    session.add(row)
    session.flush()
    return row


def test_removing_somebody_makes_videos_forget_the_name(ledger: Database) -> None:
    with ledger.writing() as session:
        ann, bea, cas = (identities.ensure(session, name).id for name in ("Ann", "Bea", "Cas"))
        video_id = video(session).id
        candidates = [(ann, ann, bea), (bea, bea, ann), (None, ann, bea), (bea, bea, cas), (None, ann, None)]
        for number, (named, first, second) in enumerate(candidates, start=1):
            group = FaceGroup(
                video_id=video_id, number=number, decision=Decision.NAMED if named else Decision.UNKNOWN,
                identity_id=named, first_id=first, first_distance=0.3,
                second_id=second, second_distance=0.6 if second else None, face_count=1,
            )  # fmt: skip
            session.add(group)
    with ledger.writing() as session:
        removed = identities.remove(session, ann)
        assert (removed.faces, removed.groups) == (0, 1)
    with ledger.reading() as session:
        told = [
            (
                group.decision,
                group.identity_id,
                group.first_id,
                group.first_distance,
                group.second_id,
                group.second_distance,
            )
            for group in session.query(FaceGroup).order_by(FaceGroup.number)
        ]
        assert told == [
            ("unknown", None, bea, 0.6, None, None),
            ("named", bea, bea, 0.3, None, None),
            ("unknown", None, bea, 0.6, None, None),
            ("named", bea, bea, 0.3, cas, 0.6),
            ("unknown", None, None, None, None, None),
        ]
        assert identities.names(session, [ann, bea, cas]) == {bea: "Bea", cas: "Cas"}


def test_names_are_told_for_any_number_of_ids(ledger: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "_AT_ONCE", 10)
    monkeypatch.setattr(identities, "_ROWS_AT_ONCE", 10)
    with ledger.writing() as session:
        wanted = {identities.ensure(session, f"Person {number}").id: f"Person {number}" for number in range(25)}
    with ledger.reading() as session:
        assert identities.names(session, wanted) == wanted
        assert identities.names(session, []) == {}
        assert len(list(identities.summaries(session))) == 25


def bytes_on_disk(database: Path) -> bytes:
    files = [database.with_name(database.name + ending) for ending in ("", "-wal", "-journal")]
    return b"".join(path.read_bytes() for path in files if path.exists())


def test_nothing_of_an_erased_vector_stays_in_the_files(ledger: Database, home: Path) -> None:
    # Enough rows that pages were split and filled again, erased in an order that is not that of the pages.
    count = 240
    with ledger.writing() as session:
        numbers = [enrol(session, f"Person {seed % 40}", seed) for seed in range(count)]
    generator = np.random.default_rng(1)
    for batch in np.array_split(generator.permutation(count)[: count * 3 // 4], 12):
        with ledger.writing() as session:
            gallery.remove(session, [numbers[place] for place in batch])
        assert erasure.settle(ledger)
        with ledger.writing() as session:
            enrol(session, "Newcomer", 10_000 + int(batch[0]))
    with ledger.writing() as session:
        identities.remove(session, identities.get(session, "Person 7").id)
    assert erasure.settle(ledger)
    with ledger.reading() as session:
        kept = {int(row.photograph_hash, 16) for row in session.query(EnrolledFace)}
    content = bytes_on_disk(home / "rollcall.db")
    assert all(to_bytes(vector(seed)) in content for seed in kept)
    erased = [to_bytes(vector(seed)) for seed in range(count) if seed not in kept]
    assert len(erased) >= 180
    assert not any(data[start : start + 32] in content for data in erased for start in (0, 160, 320, 480))


def test_the_log_is_not_settled_while_somebody_reads_from_before(ledger: Database, home: Path) -> None:
    with ledger.writing() as session:
        number = enrol(session, "Ann", 1)
    other = Database(ledger.url, lock_timeout=0.1)
    with other.reading() as reader:
        identities.find(reader, "Ann")
        with ledger.writing() as session:
            gallery.remove(session, [number])
        hasty = Database(ledger.url, lock_timeout=0.1)
        assert not erasure.settle(hasty)
        hasty.close()
    other.close()
    assert erasure.settle(ledger)
    assert to_bytes(vector(1))[:64] not in bytes_on_disk(home / "rollcall.db")
