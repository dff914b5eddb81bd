from pathlib import Path

from curation.offers import Offer, offers_in, offers_of


def tree(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def test_each_folder_is_a_person_under_its_own_name(tmp_path: Path) -> None:
    tree(tmp_path, "Ann_Lee/10.jpg", "Ann_Lee/9.jpg", "Ann_Lee/old/1.png", "Bea  O'Hara/a.webp", "Ünal/x.JPEG")
    offers = offers_in(tmp_path)
    assert [(offer.name, offer.path.relative_to(tmp_path).as_posix()) for offer in offers.offers] == [
        ("Ann_Lee", "Ann_Lee/9.jpg"),
        ("Ann_Lee", "Ann_Lee/10.jpg"),
        ("Ann_Lee", "Ann_Lee/old/1.png"),
        ("Bea  O'Hara", "Bea  O'Hara/a.webp"),
        ("Ünal", "Ünal/x.JPEG"),
    ]
    assert not offers.left_out
    assert not offers.nameless
    assert not offers.empty


def test_what_enrols_nobody_is_told(tmp_path: Path) -> None:
    tree(tmp_path, "loose.jpg", "list.csv", ".DS_Store", "Thumbs.db", "Ann/notes.txt", "Bea/1.jpg", ".cache/1.jpg")
    (tmp_path / "Cas").mkdir()
    offers = offers_in(tmp_path)
    assert [offer.name for offer in offers.offers] == ["Bea"]
    assert offers.nameless == [tmp_path / "loose.jpg"]
    assert sorted(path.name for path in offers.left_out) == ["list.csv", "notes.txt"]
    assert offers.empty == ["Ann", "Cas"]


def test_a_folder_may_be_a_link(tmp_path: Path) -> None:
    tree(tmp_path, "real/1.jpg")
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "Ann").symlink_to(tmp_path / "real")
    assert offers_in(tmp_path / "all").offers == [Offer("Ann", tmp_path / "all" / "Ann" / "1.jpg")]


def test_one_person_may_be_given_files_and_folders(tmp_path: Path) -> None:
    tree(tmp_path, "b/2.jpg", "b/1.jpg", "b/readme.md", "a.jpg")
    offers = offers_of("Ann", [tmp_path / "b", tmp_path / "a.jpg", tmp_path / "missing.jpg"])
    assert [offer.path.name for offer in offers.offers] == ["1.jpg", "2.jpg", "a.jpg", "missing.jpg"]
    assert {offer.name for offer in offers.offers} == {"Ann"}
    assert [path.name for path in offers.left_out] == ["readme.md"]
