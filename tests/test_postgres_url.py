"""A server of the user's own: what is in it stays as it is."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from postgres_servers import end_server, filled, owner, served, told
from pushgate.services.base import Labels, ServiceFailed, ServiceUnavailable
from pushgate.services.postgres import Options, Server, databases, server
from pushgate.services.postgres.url import UrlPostgres


@pytest.fixture(scope="module")
def theirs() -> Iterator[Server]:
    """A server that plays the user's."""
    with served("local") as found:
        yield found


def test_the_named_database_is_never_touched(theirs: Server) -> None:
    """What the URL names is not even read: all happens in databases made for it, then dropped."""
    before = set(databases.names(theirs))
    with filled(theirs) as url:
        with served("url", url) as found:
            made = [databases.fresh(found, "tests") for _ in range(2)]
            assert all(databases.is_empty(found, name) for name in made)
            assert url.rpartition("/")[2] not in made
            with databases.connected(theirs) as connection:
                used = connection.run("SELECT DISTINCT datname FROM pg_stat_activity")
            assert [url.rpartition("/")[2]] not in used
        assert not set(made) & set(databases.names(theirs))
    assert len(set(databases.names(theirs)) - before) == 1


def test_a_killed_process_leaves_databases_to_the_next(theirs: Server) -> None:
    """What a killed process has made goes at the next start; what others have made stays."""
    with filled(theirs) as url, owner("url", url) as killed, owner("url", url) as living:
        _, lost = told(killed)
        _, kept = told(living)
        databases.create(theirs, "pushgate_notes")
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert {lost, kept} <= set(databases.names(theirs))
        with served("url", url):
            names = databases.names(theirs)
            assert lost not in names
            assert kept in names
            assert "pushgate_notes" in names
        assert kept in databases.names(theirs)
    databases.drop(theirs, "pushgate_notes")


def test_two_at_once_in_one_process(theirs: Server) -> None:
    """The end of one use drops nothing of another."""
    with filled(theirs) as url, served("url", url) as one:
        kept = databases.fresh(one, "kept")
        with served("url", url) as two:
            databases.fresh(two, "other")
        assert kept in databases.names(theirs)


def test_a_password_with_any_characters(theirs: Server) -> None:
    """What a URL must escape is read as it was meant."""
    with databases.connected(theirs) as connection:
        connection.run("CREATE ROLE \"o'neil@work\" LOGIN CREATEDB PASSWORD 'p%/@:?#'")
    url = f"postgresql+asyncpg://o%27neil%40work:p%25%2F%40%3A%3F%23@127.0.0.1:{theirs.port}/x"
    with served("url", url) as found:
        databases.fresh(found, "mine")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (None, "the url must name a host and a user"),
        ("postgresql:///here", "the url must name a host and a user"),
        ("postgresql://me@127.0.0.1:x/db", "the url cannot be read: Port could not be cast"),
        ("postgresql://me@127.0.0.1:1/db", "PostgreSQL on 127.0.0.1:1: Connection refused"),
        ("postgresql://me@nowhere.invalid/db", "PostgreSQL on nowhere.invalid:5432: "),
    ],
)
def test_a_url_that_leads_nowhere(url: str | None, said: str) -> None:
    """A URL that names no server is told in one line."""
    with (
        pytest.raises(ServiceUnavailable) as raised,
        server(Options(provider="url", url=url), Labels.of_this_process(), print, ci=False),
    ):
        pass
    assert str(raised.value).startswith(f"url: {said}")


def test_a_server_that_dies_is_told() -> None:
    """Where the user's server dies meanwhile, the databases cannot be dropped, which is told."""
    with served("local") as found:
        url = f"postgresql://{found.user}:{found.password}@{found.host}:{found.port}/x"
        service = UrlPostgres(Labels.of_this_process(), url)
        service.start(print)
        end_server(found)
        with pytest.raises(ServiceFailed, match=r"^PostgreSQL on "):
            service.stop()
