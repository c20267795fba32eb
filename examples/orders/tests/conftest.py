"""The service over the database that ``DATABASE_URL`` names, each test in a rollback."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic import command
from alembic.config import Config
from fastapi.testclient import TestClient
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from orders import database
from orders.api import app


@pytest.fixture(scope="session")
def _migrated() -> None:
    """The tables, made as production makes them."""
    command.upgrade(Config("alembic.ini"), "head")


@pytest.fixture
def connection(_migrated: None) -> Iterator[Connection]:
    """A connection whose changes are taken back after the test."""
    with database.engine().connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()


@pytest.fixture
def client(connection: Connection) -> Iterator[TestClient]:
    """The service; what it commits is a savepoint of the test's transaction."""

    def session() -> Iterator[Session]:
        with (
            Session(connection, join_transaction_mode="create_savepoint") as session,
            session.begin(),
        ):
            yield session

    app.dependency_overrides[database.session] = session
    with TestClient(app) as client:
        yield client
    app.dependency_overrides.clear()
