"""A server of the user's own: what is in it stays as it is."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from living import until
from postgres_servers import end_server, filled, owner, require, served, told
from pushgate.model.services import URL_VARIABLE, Provider
from pushgate.services.base import Labels, ServiceFailed, ServiceUnavailable, running
from pushgate.services.postgres import Options, Server, databases, server
from pushgate.services.postgres.local import LocalPostgres
from pushgate.services.postgres.url import UrlPostgres

pytestmark = pytest.mark.slow


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
        (None, "the url must name a host and a user: set `url`, or the variable PUSHGATE_POSTGRES"),
        ("postgresql:///here", "the url must name a host and a user"),
        ("postgresql://me:secret/s@127.0.0.1/db", "the url cannot be read: it is postgresql://"),
        (
            "postgresql://me@127.0.0.1:1/db",
            "PostgreSQL on 127.0.0.1:1: Connection refused (asked for 0.1 s)",
        ),
        ("postgresql://me@nowhere.invalid/db", "PostgreSQL on nowhere.invalid:5432: "),
    ],
)
def test_a_url_that_leads_nowhere(
    url: str | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A URL that names no server is told in one line, which has nothing of the password."""
    monkeypatch.setattr("pushgate.services.postgres.url._PATIENCE_SECONDS", 0.1)
    with (
        pytest.raises(ServiceUnavailable) as raised,
        server(Options(provider="url", url=url), Labels.of_this_process(), print, ci=False),
    ):
        pass
    assert str(raised.value).startswith(f"url: {said}")
    assert "secret" not in str(raised.value)


def test_a_server_that_dies_is_told() -> None:
    """Where the user's server dies meanwhile, the databases cannot be dropped, which is told."""
    with served("local") as found:
        url = f"postgresql://{found.user}:{found.password}@{found.host}:{found.port}/x"
        service = UrlPostgres(Labels.of_this_process(), url)
        service.start(print)
        end_server(found)
        with pytest.raises(ServiceFailed, match=r"^PostgreSQL on "):
            service.stop()


@pytest.mark.parametrize(
    ("provider", "ci"),
    [("auto", False), ("auto", True), ("docker", True), ("url", False), ("url", True)],
)
def test_a_variable_names_the_server(
    theirs: Server, provider: Provider, *, ci: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that the variable names is used where none is to be started, and only ours of it."""
    before = set(databases.names(theirs))
    with filled(theirs) as url:
        monkeypatch.setenv(URL_VARIABLE, url)
        with server(Options(provider=provider), Labels.of_this_process(), print, ci=ci) as found:
            assert (found.host, found.port) == (theirs.host, theirs.port)
            assert databases.is_empty(found, databases.fresh(found, "tests"))
        assert set(databases.names(theirs)) - before == {url.rpartition("/")[2]}
    assert found.words.startswith(f"PostgreSQL {theirs.version} on 127.0.0.1:{theirs.port} (url)")


def test_what_the_settings_say_comes_first(theirs: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable stands in for no URL and no provider that the settings name."""
    monkeypatch.setenv(URL_VARIABLE, "postgresql://me@nowhere.invalid")
    with filled(theirs) as url, served("url", url) as found:
        assert found.port == theirs.port
    with served("local") as found:
        assert "(local)" in found.words


@pytest.mark.parametrize(
    ("image", "differs"),
    [
        ("postgres:{major}", False),
        ("postgres:{major}.3-bookworm", False),
        ("postgres:{major}@sha256:1234", False),
        ("registry.invalid:5000/group/postgis:{major}-3.4", False),
        ("pgvector:0.8.0-pg{major}", False),
        ("postgres", False),
        ("registry.invalid:5000/postgres", False),
        ("postgres:latest", False),
        ("postgres:9.6", True),
        ("pgvector:0.8.0-pg9", True),
        ("registry.invalid:{major}/postgres:9", True),
    ],
)
def test_another_version_than_the_images(
    theirs: Server, image: str, *, differs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a server is of another major version than the project's image, it says so."""
    image = image.format(major=theirs.version.partition(".")[0])
    with filled(theirs) as url:
        monkeypatch.setenv(URL_VARIABLE, url)
        with server(Options(image=image), Labels.of_this_process(), print, ci=True) as found:
            pass
    said = f"PostgreSQL {theirs.version} on 127.0.0.1:{theirs.port} (url)"
    assert found.words == (f"{said}; the project's image is {image}" if differs else said)


def _free_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


def test_a_server_that_comes_up_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is not up yet is waited for, which is told once, and then used."""
    require("local")
    port, lines = _free_port(), list[str]()
    monkeypatch.setattr("pushgate.services.postgres.local.free_ports", lambda: [port])
    late, password = LocalPostgres(Labels.of_this_process()), "known before"
    monkeypatch.setattr(late, "_password", password)
    url = f"postgresql://postgres:{quote(password)}@127.0.0.1:{port}"
    asking = UrlPostgres(Labels.of_this_process(), url)
    with ThreadPoolExecutor(1) as pool:
        started = pool.submit(asking.start, lines.append)
        until(lambda: lines != [])
        with running(late, print):
            started.result(30)
            assert databases.is_empty(asking.server(), databases.fresh(asking.server(), "tests"))
            asking.stop()
    refused = f"PostgreSQL on 127.0.0.1:{port}: Connection refused"
    assert lines == [f"{refused}: waiting for it, 30 s at most"]


def _refusal(code: str, words: str) -> bytes:
    """Return what a PostgreSQL answers to whom it does not let in."""
    fields = f"SFATAL\0VFATAL\0C{code}\0M{words}\0\0".encode()
    return b"E" + (len(fields) + 4).to_bytes(4, "big") + fields


@pytest.mark.parametrize("said", ["the database system is starting up", "network error"])
def test_a_server_that_is_starting(said: str) -> None:
    """A server that says that it is starting, or a port that hangs up, is asked again."""
    lines, early = list[str](), b"" if said == "network error" else _refusal("57P03", said)
    with socket.create_server(("127.0.0.1", 0)) as fake_server, ThreadPoolExecutor(1) as pool:
        fake_server.settimeout(30)
        port = fake_server.getsockname()[1]
        asked = Server("127.0.0.1", port, "me", "secret")
        told = pool.submit(databases.first_answer, asked, lines.append, 30)
        for answer in (early, early, _refusal("28000", "nobody is let in")):
            way, _ = fake_server.accept()
            with way:
                way.recv(1024)
                if answer:
                    way.sendall(b"N")  # no encryption, which is asked for first
                    way.recv(1024)
                way.sendall(answer)
        with pytest.raises(ServiceFailed, match=r": nobody is let in$"):
            told.result()
    assert lines == [f"PostgreSQL on 127.0.0.1:{port}: {said}: waiting for it, 30 s at most"]


def test_a_wrong_password_is_told_at_once(theirs: Server) -> None:
    """Who is refused is not let in later: nothing is waited for."""
    lines = list[str]()
    url = f"postgresql://postgres:guessed@127.0.0.1:{theirs.port}/x"
    with pytest.raises(ServiceUnavailable, match="password authentication failed"):
        UrlPostgres(Labels.of_this_process(), url).start(lines.append)
    assert lines == []


def test_a_url_alone_is_meant(theirs: Server) -> None:
    """Whoever names a server need not say that it is to be used."""
    url = f"postgresql://{theirs.user}:{theirs.password}@{theirs.host}:{theirs.port}/none"
    for ci in (False, True):
        with server(Options(url=url), Labels.of_this_process(), print, ci=ci) as found:
            assert (found.host, found.port) == (theirs.host, theirs.port)
