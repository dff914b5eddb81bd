"""Migrations, on both kinds of database."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from config.errors import Conflict, DatabaseUnavailable, SettingsError
from config.settings import Settings
from db import crops, migrate, packs, spaces
from db.schema import Base
from db.session import Database, open_database
from storage.parts import Part


def test_version_is_the_newest_script() -> None:
    settings = Config()
    settings.set_main_option("script_location", "db:migrations")
    assert ScriptDirectory.from_config(settings).get_current_head() == migrate.SCHEMA_VERSION


def test_upgraded_schema_is_the_declared_one(empty_url: str) -> None:
    database = Database(empty_url)
    migrate.upgrade(database)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, Base.metadata)
        tables = set(sa.inspect(connection).get_table_names())
    database.close()
    assert differences == []
    assert tables == {*Base.metadata.tables, "alembic_version"}


def test_downgrade_leaves_nothing_and_upgrade_works_again(empty_url: str) -> None:
    database = Database(empty_url)
    migrate.upgrade(database)
    migrate.downgrade(database, "base")
    with database.engine.connect() as connection:
        assert sa.inspect(connection).get_table_names() == ["alembic_version"]
    migrate.upgrade(database)
    assert migrate.current_version(database) == migrate.SCHEMA_VERSION
    database.close()


def test_several_may_upgrade_at_once(empty_url: str) -> None:
    databases = [Database(empty_url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate.upgrade, databases))
    assert migrate.current_version(databases[0]) == migrate.SCHEMA_VERSION
    for database in databases:
        database.close()


def test_a_served_ledger_is_not_changed_unasked(postgres_url: str) -> None:
    database = Database(postgres_url)
    with pytest.raises(DatabaseUnavailable, match="rollcall migrate"):
        migrate.ensure_schema(database)
    migrate.upgrade(database)
    migrate.ensure_schema(database)
    database.close()


def test_a_newer_schema_is_refused(empty_url: str) -> None:
    database = Database(empty_url)
    migrate.upgrade(database)
    with database.writing() as session:
        session.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseUnavailable, match="9999"):
        migrate.ensure_schema(database)
    database.close()


def test_unreachable_database_is_a_clear_error() -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(DatabaseUnavailable, match=r"check database\.url"):
        migrate.ensure_schema(database)
    database.close()


def test_a_file_that_is_no_database_is_a_clear_error(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    file.write_bytes(b"something else entirely, longer than a page header of a hundred bytes " * 20)
    database = Database(f"sqlite:///{file}")
    with pytest.raises(DatabaseUnavailable, match="file is not a database; put a backup"):
        migrate.ensure_schema(database)
    with pytest.raises(DatabaseUnavailable, match="file is not a database"), database.reading() as session:
        session.execute(sa.text("SELECT 1"))
    database.close()


def test_what_cannot_be_opened_is_not_waited_for(tmp_path: Path) -> None:
    """As it is with a file that others hold: for an hour here."""
    database = Database(f"sqlite:///{tmp_path}", lock_timeout=3600)
    with pytest.raises(DatabaseUnavailable, match="unable to open"), database.reading() as session:
        session.execute(sa.text("SELECT 1"))
    database.close()


def test_a_home_that_cannot_be_made_is_a_bad_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = Settings.model_validate({"home": tmp_path / "file" / "home"})
    with pytest.raises(SettingsError, match="cannot be made"):
        open_database(settings)


def test_a_ledger_without_tables_says_what_to_run(empty_url: str) -> None:
    database = Database(empty_url)
    with pytest.raises(DatabaseUnavailable, match="rollcall migrate"), database.reading() as session:
        session.execute(sa.text("SELECT * FROM videos"))
    database.close()


def test_galleries_of_an_older_ledger_get_a_token_each(empty_url: str) -> None:
    database = Database(empty_url)
    migrate.upgrade(database, "0001")
    with database.writing() as session:
        session.execute(
            sa.text("INSERT INTO embedding_spaces VALUES (1, 'one', 128, 'ab', 3), (2, 'two', 128, 'cd', 0)")
        )
    migrate.upgrade(database)
    with database.reading() as session:
        tokens = spaces.gallery_tokens(session)
    database.close()
    assert len(tokens) == 2
    assert {len(token) for token in tokens} == {32}


def test_people_of_an_older_ledger_keep_their_appearances_and_may_be_reviewed(empty_url: str) -> None:
    database = Database(empty_url)
    migrate.upgrade(database, "0007")
    moment = "'2026-01-05 22:00:00+00:00'"
    rows = """
        INSERT INTO identities (id, name, name_key, created_at) VALUES (1, 'One', 'one', {moment});
        INSERT INTO embedding_spaces (id, name, length, weights_sha256, gallery_version, gallery_token)
            VALUES (1, 'space', 128, 'ab', 3, 'cd');
        INSERT INTO videos (id, content_hash, byte_size, title, path, state, attempts, submitted_at, matched_version)
            VALUES (1, 'ef', 1, 'film', '/film', 'done', 0, {moment}, 3);
        INSERT INTO face_groups (id, video_id, number, decision, identity_id, first_id, first_distance, face_count)
            VALUES (1, 1, 1, 'named', 1, 1, 0.25, 2), (2, 1, 2, 'unknown', NULL, NULL, NULL, 1);
        INSERT INTO appearances (id, group_id, start_pts, end_pts, face_count)
            VALUES (1, 1, 0, 9, 2), (2, 2, 4, 5, 1);
        INSERT INTO clusters (id, video_id, number, template, identity_id)
            VALUES (1, 1, 1, {vector}, 1), (2, 1, 2, {vector}, NULL)
    """
    vector = "x'00'" if database.is_sqlite else r"'\x00'"
    with database.writing() as session:
        for row in rows.split(";"):
            session.execute(sa.text(row.format(moment=moment, vector=vector).replace(":", r"\:")))
    migrate.upgrade(database)
    with database.writing() as session:
        assert session.execute(sa.text("SELECT id, group_id FROM appearances ORDER BY id")).all() == [(1, 1), (2, 2)]
        groups = session.execute(sa.text("SELECT decision, first_score FROM face_groups ORDER BY id")).all()
        assert groups == [("named", 0.25), ("unknown", None)]
        decisions = session.scalars(sa.text("SELECT decision FROM clusters ORDER BY id")).all()
        assert decisions == ["named", "unknown"]
        assert session.scalar(sa.text("SELECT matched_version FROM videos")) is None
        session.execute(sa.text("UPDATE face_groups SET decision = 'review', identity_id = NULL WHERE id = 1"))
    with pytest.raises(Conflict), database.writing() as session:
        session.execute(sa.text("UPDATE clusters SET decision = 'perhaps' WHERE id = 1"))
    migrate.downgrade(database, "0007")
    with database.reading() as session:
        assert session.scalars(sa.text("SELECT decision FROM face_groups ORDER BY id")).all() == ["unknown"] * 2
        assert session.scalar(sa.text("SELECT count(*) FROM appearances")) == 2
    database.close()


def test_faces_of_an_older_ledger_have_no_exposure_and_groups_may_be_unrecognisable(empty_url: str) -> None:
    database = Database(empty_url)
    migrate.upgrade(database, "0008")
    moment, vector = "'2026-01-05 22:00:00+00:00'", "x'00'" if database.is_sqlite else r"'\x00'"
    rows = f"""
        INSERT INTO identities (id, name, name_key, created_at) VALUES (1, 'One', 'one', {moment});
        INSERT INTO embedding_spaces (id, name, length, weights_sha256, gallery_version, gallery_token)
            VALUES (1, 'space', 128, 'ab', 3, 'cd');
        INSERT INTO enrolled_faces (id, identity_id, photograph, photograph_hash, "left", "top", "right", bottom, score,
            sharpness, size, pose, space_id, embedding, enrolled_at)
            VALUES (1, 1, 'one.jpg', 'ef', 0, 0, 9, 9, 1, 0.5, 0.5, 0.5, 1, {vector}, {moment});
        INSERT INTO videos (id, content_hash, byte_size, title, path, state, attempts, submitted_at)
            VALUES (1, 'ef', 1, 'film', '/film', 'done', 0, {moment});
        INSERT INTO face_groups (id, video_id, number, decision, face_count) VALUES (1, 1, 1, 'unknown', 1);
        INSERT INTO appearances (id, group_id, start_pts, end_pts, face_count) VALUES (1, 1, 0, 9, 1)
    """
    with database.writing() as session:
        for row in rows.split(";"):
            session.execute(sa.text(row.replace(":", r"\:")))
    migrate.upgrade(database)
    with database.writing() as session:
        assert session.scalar(sa.text("SELECT exposure FROM enrolled_faces")) is None
        assert session.scalar(sa.text("SELECT count(*) FROM appearances")) == 1
        session.execute(sa.text("UPDATE face_groups SET decision = 'unrecognisable'"))
    with pytest.raises(Conflict), database.writing() as session:
        session.execute(sa.text("UPDATE face_groups SET decision = 'perhaps'"))
    migrate.downgrade(database, "0008")
    with database.reading() as session:
        assert session.scalar(sa.text("SELECT decision FROM face_groups")) == "unknown"
        assert session.scalar(sa.text("SELECT count(*) FROM appearances")) == 1
    database.close()


def test_what_had_failed_for_a_time_is_in_quarantine_after_the_upgrade_and_failed_again_without(empty_url: str) -> None:
    """Causes that lie in the file stay failed; a file that a decoder was lost on can be looked at again."""
    database = Database(empty_url)
    migrate.upgrade(database, "0011")
    rows = {
        "a": ("failed", "worker-died", 1), "b": ("failed", "undecodable", 1), "c": ("rejected", "decoder-hung", None),
        "d": ("rejected", "not-a-video", None), "e": ("done", None, 1),
    }  # fmt: skip
    with database.writing() as session:
        for name, (state, cause, time_base) in rows.items():
            session.execute(
                sa.text(
                    "INSERT INTO videos (content_hash, byte_size, title, path, state, cause, attempts, submitted_at,"
                    " time_base_num) VALUES (:hash, 1, :title, '/x', :state, :cause, 3, CURRENT_TIMESTAMP, :base)"
                ),
                {"hash": name, "title": name, "state": state, "cause": cause, "base": time_base},
            )
        session.execute(
            sa.text(
                "INSERT INTO segments (video_id, number, first_sample, end_sample, state, cause, attempts)"
                " SELECT id, 1, 0, 5, 'failed', cause, 3 FROM videos WHERE title IN ('a', 'b')"
            )
        )

    def states(table: str) -> list[str]:
        with database.reading() as session:
            order = "title" if table == "videos" else "id"
            return list(session.scalars(sa.text(f"SELECT state FROM {table} ORDER BY {order}")))

    migrate.upgrade(database)
    assert states("videos") == ["quarantined", "failed", "quarantined", "rejected", "done"]
    assert states("segments") == ["quarantined", "failed"]
    migrate.downgrade(database, "0011")
    assert states("videos") == ["failed", "failed", "rejected", "rejected", "done"]
    assert states("segments") == ["failed", "failed"]
    database.close()


def test_crops_of_an_older_ledger_stay_in_it_and_new_ones_may_lie_in_packs(empty_url: str) -> None:
    database = Database(empty_url)
    migrate.upgrade(database, "0013")
    moment, vector = "'2026-01-05 22:00:00+00:00'", "x'00'" if database.is_sqlite else r"'\x00'"
    face = f"1, 1, 0, 0, 0, 0, 9, 9, 1, 0.5, 0.5, 0.5, {vector}, 1, {vector}"
    rows = f"""
        INSERT INTO embedding_spaces (id, name, length, weights_sha256, gallery_version, gallery_token)
            VALUES (1, 'space', 128, 'ab', 3, 'cd');
        INSERT INTO videos (id, content_hash, byte_size, title, path, state, attempts, excused, priority, submitted_at)
            VALUES (1, 'ef', 1, 'film', '/film', 'done', 0, 0, 1, {moment});
        INSERT INTO segments (id, video_id, number, first_sample, end_sample, state, attempts, excused)
            VALUES (1, 1, 1, 0, 5, 'done', 1, 0);
        INSERT INTO faces (id, video_id, segment_id, sample, pts, "left", "top", "right", bottom, score,
            sharpness, size, pose, landmarks, space_id, embedding) VALUES (1, {face}), (2, {face});
        INSERT INTO face_crops (face_id, jpeg) VALUES (1, {vector})
    """
    with database.writing() as session:
        for row in rows.split(";"):
            session.execute(sa.text(row.replace(":", r"\:")))
    migrate.upgrade(database)
    with database.writing() as session:
        pack = packs.begin(session, "/faces", [7], datetime.now(UTC))
        packs.keep(session, pack, [2])
    with database.reading() as session:
        assert crops.of_faces(session, [1, 2]) == {1: b"\0", 2: Part("/faces", pack.name, 0, 7)}
    # A pack that shows somebody cannot be forgotten, whatever becomes of the program.
    with pytest.raises(Conflict), database.writing() as session:
        session.execute(sa.text("DELETE FROM crop_packs"))
    with pytest.raises(Conflict), database.writing() as session:
        session.execute(sa.text("UPDATE crop_packs SET state = 'perhaps'"))
    migrate.downgrade(database, "0013")
    with database.reading() as session:
        assert session.scalars(sa.text("SELECT face_id FROM face_crops")).all() == [1]
    database.close()
