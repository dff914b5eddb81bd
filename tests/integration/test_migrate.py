"""Migrations, on both kinds of database."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from config.errors import DatabaseUnavailable
from db import migrate
from db.schema import Base
from db.session import Database


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
