"""The database that ``DATABASE_URL`` names."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator

from sqlalchemy import URL, Engine, create_engine, make_url
from sqlalchemy.orm import Session


def url() -> URL:
    """Return the database's address, with the driver that this service has."""
    return make_url(os.environ["DATABASE_URL"]).set(drivername="postgresql+psycopg")


@functools.cache
def engine() -> Engine:
    """Return the engine that all requests share."""
    return create_engine(url(), pool_pre_ping=True)


def session() -> Iterator[Session]:
    """Yield a session of one request; what it did is kept if the request went well."""
    with Session(engine()) as session, session.begin():
        yield session
